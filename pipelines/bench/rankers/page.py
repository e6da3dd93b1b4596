"""`bench rankers` as one HTML file."""

from __future__ import annotations

from html import escape
from typing import Final

from pipelines.bench.rankers.figures import METRICS, SLIM, headlines
from pipelines.bench.rankers.plots import label, pictures
from pipelines.bench.rankers.trial import Result
from pipelines.evaluate.contest import BETTER, BOUND, OURS, PEER, ContestStanding
from pipelines.reporting.page import page
from pipelines.reporting.picture import embedded

STYLE: Final = """
.plots img { max-width: 36rem; } .wide img { max-width: 48rem; width: 100%; height: auto; }
td small { color: #5b6b7b; white-space: nowrap; } tr.bound td { color: #5b6b7b; }
td.best { font-weight: 600; } td.best small { font-weight: 400; }
.side { display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; margin-right: .4rem; }
.ours { background: #1f5fa8; } .peer { background: #d9822b; } .bound .side { background: #8a97a6; }
"""
NAMES: Final = {
    "log_loss": "log loss", "normalised_entropy": "NE", "roc_auc": "AUC", "grouped_auc": "grouped AUC",
    "calibration_error": "calibration error", "ndcg": "NDCG",
}  # fmt: skip
SAID: Final = {
    "ne_gap_closed": ("Share of the NE gap between base rate and truth that {ours} closes", "normalised_entropy"),
    "best_peer_ne_delta": ("NE of {peer}, the best peer by it, minus that of {ours}", "normalised_entropy"),
    "best_peer_grouped_auc_delta": ("Grouped AUC of {peer}, the best peer by it, minus that of {ours}", "grouped_auc"),
    "calibration_error_abs": ("Calibration error of {ours}", "normalised_entropy"),
    "calibration_worst_decile": ("Its largest relative error in a decile with 1,000 positives or more", "normalised_entropy"),
    f"{SLIM}_us_per_row": (f"Microseconds a row of {SLIM.replace('_', ' ')}, the fast tier, on one thread", "normalised_entropy"),
}
"""Of the targets, and the metric by which the peer named is best; ours is the best by NE, whatever is compared."""


def render(results: list[Result], left: str = "") -> str:
    """The whole page. left: a line on what it was measured with."""
    body = "<h1>Bench of rankers</h1>" + (f"<p class='sub'>{escape(left)}</p>" if left else "")
    for result in results:
        body += _data(result)
    body += (
        "<h2>How to read it</h2><p>All contenders saw the same training rows, stopped by the same later rows and were judged on the same "
        "test rows, at the positions that were logged. Intervals are 95 %: users are drawn 500 times, the same draws for all, so that "
        "differences are paired. Log loss is in nats; NE is log loss over that of the base rate; the calibration error is the mean gap "
        "between predicted and seen rates over ten bins. Rankers of ours are calibrated as they are served; peers are as they come, but "
        "for the correction for down-sampling. Training is in seconds by the clock and of all threads, scoring on one thread with 1,000 "
        "rows at a time.</p>"
    )
    return page("Bench of rankers", body, STYLE)


def _data(result: Result) -> str:
    rows, held = result.task.dataset.rows, result.contest
    used = int((rows["split"] != "test").sum())
    out = f"<h2>{escape(result.task.title)}</h2><p class='sub'>trained on {used:,} rows; tested on {held.rows:,} later rows, "
    out += f"{held.positives:,} of them positive</p>{_targets(result)}"
    shown = pictures(result)
    first, *others = [embedded(png, escape(name)) for name, png in shown.items()]
    out += f"<div class='wide'>{first}</div>{_table(result)}"
    if result.left_out:
        names = "; ".join(f"{escape(label(result, n))} ({escape(why)})" for n, why in result.left_out.items())
        out += f"<p class='sub'>Left out: {names}.</p>"
    return out + f"<div class='plots'>{''.join(others)}</div>"


def _targets(result: Result) -> str:
    figures = {f.name: f for f in headlines(result)}
    out = ""
    for name, (said, metric) in SAID.items():
        f = figures.get(name)
        if f is None:
            continue
        ours, peer = result.contest.best(OURS), result.contest.best(PEER, metric)
        words = escape(said.format(ours=label(result, ours.name) if ours else "–", peer=label(result, peer.name) if peer else "a peer"))
        low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
        between = f" <small>{low.value:.4f} to {high.value:.4f}</small>" if low and high else ""
        value = "–" if f.value is None else f"{f.value:.4f}"
        word = {True: "<span class='good'>holds</span>", False: "<span class='bad'>missed</span>", None: "not to be told"}[f.holds]
        out += f"<tr><td>{words}</td><td>{value}{between}</td><td>{escape(f.target or '')}</td><td>{word}</td></tr>"
    return f"<table><tr><th>target</th><th>measured</th><th>must be</th><th>verdict</th></tr>{out}</table>"


def _table(result: Result) -> str:
    held = result.contest
    order = {BOUND: 1, OURS: 0, PEER: 0}
    shown = sorted(held.standings, key=lambda s: (order[s.side], s.metrics["normalised_entropy"]))
    gap = any(held.gap_closed(s) for s in shown)
    head = ["contender", *NAMES.values(), *(["gap closed"] if gap else []), "training s (CPU)", "µs a row", "size, KiB"]
    best = {m: _leader(m, [s for s in shown if s.side != BOUND]) for m in METRICS}
    body = ""
    for s in shown:
        cells = f"<td><span class='side {s.side}'></span>{escape(label(result, s.name))}</td>"
        for metric in NAMES:
            interval = s.interval(metric) if metric in ("normalised_entropy", "grouped_auc", "roc_auc") and s.side != BOUND else None
            between = f"<br><small>{interval.low:.4f} – {interval.high:.4f}</small>" if interval else ""
            value = "–" if s.metrics[metric] != s.metrics[metric] else f"{s.metrics[metric]:.4f}"
            cells += f"<td{' class=best' if best[metric] == s.name else ''}>{value}{between}</td>"
        closed = held.gap_closed(s)
        cells += (f"<td>{round(closed.value, 6) + 0.0:.1%}</td>" if closed else "<td></td>") if gap else ""
        cost = result.costs.get(s.name)
        spent = ("",) * 3
        if cost is not None:
            trained = f"{cost.training_s:,.0f} ({cost.training_cpu_s:,.0f})"
            spent = (trained, f"{cost.us_per_row:.1f}", f"{cost.size_bytes / 1024:,.0f}")
        body += ("<tr class='bound'>" if s.side == BOUND else "<tr>") + cells + "".join(f"<td>{c}</td>" for c in spent) + "</tr>"
    return "<table><tr>" + "".join(f"<th>{escape(h)}</th>" for h in head) + f"</tr>{body}</table>"


def _leader(metric: str, standings: list[ContestStanding]) -> str:
    """The best of them; "" where the metric is defined for none."""
    sign = 1 if BETTER[metric] == "lower" else -1
    known = [s for s in standings if s.metrics[metric] == s.metrics[metric]]
    return min(known, key=lambda s: sign * s.metrics[metric]).name if known else ""

"""An evaluation as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from pipelines.evaluate.offline import Evaluation
from pipelines.gates.gate import Verdict
from pipelines.metrics import METRICS
from pipelines.reporting.page import page, write_page
from pipelines.reporting.picture import embedded
from serving.bundles import Bundle


def _table(head: list[str], rows: list[tuple[str, list[str]]], words: tuple[int, ...] = (0, 1)) -> str:
    """words: the columns that hold words; the others hold numbers."""
    side = [" class='l'" if i in words else "" for i in range(len(head))]
    cells = "".join(
        f"<tr class='{kind}'>" + "".join(f"<td{s}>{c}</td>" for s, c in zip(side, row, strict=True)) + "</tr>" for kind, row in rows
    )
    return "<table><tr>" + "".join(f"<th{s}>{escape(h)}</th>" for s, h in zip(side, head, strict=True)) + f"</tr>{cells}</table>"


def _overall(evaluation: Evaluation) -> str:
    head = ["contender", "", *[m.name.replace("_", " ") for m in METRICS]]
    head += ["NE gap closed"] if evaluation.gap_closed else []
    rows = []
    for name in evaluation.scores:
        line = evaluation.table[(evaluation.table["slice"] == "all") & (evaluation.table["contender"] == name)].iloc[0]
        cells = [escape(name), ""]
        for m in METRICS:
            interval = evaluation.intervals.get(name, {}).get(m.name)
            between = f"<br><small>{interval.low:.4f} – {interval.high:.4f}</small>" if interval else ""
            cells.append(f"{line[m.name]:.4f}{between}")
        if evaluation.gap_closed:
            cells.append(f"{evaluation.gap_closed[name]:.1%}")
        rows.append(("", cells))
    return _table(head, rows)


def _slices(evaluation: Evaluation) -> str:
    head = ["slice", "contender", "rows", "positives", *[m.name.replace("_", " ") for m in METRICS]]
    rows, before = [], ""
    for line in evaluation.table.to_dict("records"):
        kind = "first" if line["slice"] != before else ""
        label = escape(str(line["slice"])) if kind else ""
        before = line["slice"]
        numbers = [f"{line[m.name]:.4f}" for m in METRICS]
        rows.append((kind, [label, escape(str(line["contender"])), f"{line['rows']:,}", f"{line['positives']:,}", *numbers]))
    return _table(head, rows)


def _modalities(evaluation: Evaluation) -> str:
    """What is lost where a user, a picture or the moment is unknown."""
    all_there = evaluation.without.get("", float("nan"))
    rows = [("", [escape(f"without {n}" if n else "all"), "", f"{v:.4f}", f"{v - all_there:+.4f}"]) for n, v in evaluation.without.items()]
    return _table(["modalities", "", "NE", "lost"], rows)


def _gates(verdicts: list[Verdict]) -> str:
    rows = []
    for v in verdicts:
        word = f"<span class='{('good' if v.evidence else '') if v.passed else 'bad'}'>{v.word}</span>"
        champion = "–" if v.champion is None else f"{v.champion:.4f}"
        rows.append(("", [escape(v.gate), word, champion, "–" if v.challenger is None else f"{v.challenger:.4f}", escape(v.bound)]))
    return _table(["gate", "verdict", "champion", "challenger", "must be"], rows, (0, 1, 4))


def render(evaluation: Evaluation, bundle: Bundle, verdicts: list[Verdict], plots: Mapping[str, bytes]) -> str:
    """The whole page; plots: PNG by name."""
    m = bundle.manifest
    images = "".join(embedded(png, name) for name, png in plots.items())
    truth = "" if evaluation.gap_closed is None else " Truth is the simulator's own probability: no ranker can do better."
    body = (
        f"<h1>{escape(m.head.title())} ranker: {escape(m.ranker)}</h1>"
        f"<p class='sub'>trained on {m.rows:,} rows ({m.positives:,} positive) "
        f"from {m.trained_from[:16]} to {m.trained_to[:16]}; "
        f"tested on {len(evaluation.rows):,} later rows ({int(evaluation.rows['label'].sum()):,} positive)</p>"
        f"<h2>On rows never seen, with 95 % bootstrap intervals</h2>{_overall(evaluation)}<p class='sub'>{truth}</p>"
        f"<h2>Gates</h2>{_gates(verdicts)}<h2>With a modality missing</h2>{_modalities(evaluation)}"
        f"<h2>Plots</h2><div class='plots'>{images}</div>"
        f"<h2>By slice</h2>{_slices(evaluation)}"
    )
    return page(f"{m.head} {m.ranker}", body)


def write_report(path: Path, evaluation: Evaluation, bundle: Bundle, verdicts: list[Verdict], plots: Mapping[str, bytes]) -> Path:
    return write_page(path, render(evaluation, bundle, verdicts, plots))

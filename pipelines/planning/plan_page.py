"""A plan as one HTML page with its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from pipelines.planning.fleet import ANCHOR_A_MILLION, SPARE, requests_a_month
from pipelines.planning.hash_ring import EVEN, VIRTUAL_NODES
from pipelines.planning.plan import CapacityPlan
from pipelines.planning.sharding import GROWTH
from pipelines.planning.tiers import TIERS
from pipelines.reporting.page import page
from pipelines.reporting.picture import embedded, png

COLOURS = {"hot": "#b3261e", "warm": "#d9822b", "cold": "#1f5fa8", "servers": "#0a7a3c"}


def size(gib: float) -> str:
    """A size in words: the largest unit of which there is at least one."""
    for unit, factor in (("PiB", 1024.0**2), ("TiB", 1024.0), ("GiB", 1.0)):
        if gib >= factor:
            return f"{gib / factor:,.1f} {unit}"
    return f"{gib * 1024:,.1f} MiB"


def render(plan: CapacityPlan) -> str:
    """The page."""
    d, money = plan.demand, plan.prices.currency
    facts = [
        ("users", f"{d.users:,}"), ("peak", f"{d.peak_qps:,.10g} requests a second"), ("p99 target", f"{d.p99_ms:g} ms"),
        ("requests a month", f"{requests_a_month(d):,.3g}"), ("ads", f"{d.ads:,}"),
        ("a serving process answers", f"{plan.worker_qps:,.4g} a second ({plan.rate_from})"),
        ("row sizes", f"measured on {plan.sizes.measured_on}"),
        ("cost a month", f"{money} {plan.cost_a_month:,.0f}"),
        ("cost of a million requests", f"{money} {plan.cost_a_million:,.2f}; servers and hot tier alone {plan.serving_a_million:,.2f}"),
        ("public anchor", f"USD {ANCHOR_A_MILLION:.2f} a million (an audio DSP: 350 million requests a day under USD 10,000 a month)"),
    ]  # fmt: skip
    body = f"<h1>Plan {escape(plan.name)}</h1><p class='sub'>Prices are those of the price file, in {escape(money)}.</p>"
    body += _table((), facts)
    body += f"<div class='plots'>{embedded(_costs(plan), 'cost by part')}{embedded(_loads(plan), 'load of the shards')}"
    body += f"{embedded(_stages(plan), 'time by stage')}</div>"
    body += "<h2>Shards</h2>" + _shards(plan) + "<h2>Servers</h2>" + _fleet(plan) + "<h2>Tiers</h2>" + _tiers(plan)
    body += "<h2>Models and caches</h2>" + _models(plan)
    return page(f"Plan {plan.name}", body)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells of the first column, and of tables without a head all, hold words."""
    words = " class='l'" if not head else ""
    out = "".join(f"<th>{escape(h)}</th>" for h in head)
    cells = "".join("<tr>" + "".join(f"<td{words}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{out}</tr>' if head else ''}{cells}</table>"


def _shards(plan: CapacityPlan) -> str:
    rows = [
        (r.region, f"{plan.demand.regions[r.region]:g} %", f"{r.shards:,}", f"{r.virtual_nodes:,}", f"{r.expected:.3f}",
         f"{r.measured:.3f}", f"{r.keys:,}", f"{r.moved:.2%} for {r.added:,} more", f"{r.moved_over_least:.3f}")
        for r in plan.sharding.regions
    ]  # fmt: skip
    head = (
        "region", "users", "shards", "virtual nodes", "fullest over mean", "measured", "keys", "moved", "over the least",
    )  # fmt: skip
    raised = "" if plan.sharding.virtual_nodes == VIRTUAL_NODES else f", raised from {VIRTUAL_NODES} until the fullest has ≤ {EVEN:.2f}"
    said = f"Users ÷ {plan.demand.users_per_shard:,} a shard, × {GROWTH} for growth. Virtual nodes{raised}. Least that must move: k ÷ n."
    return f"<p class='sub'>{said}</p>" + _table(head, rows)


def _fleet(plan: CapacityPlan) -> str:
    rows = [
        (r.region, f"{r.peak_qps:,.0f}", f"{r.servers:,}", f"{plan.prices.currency} {r.cost_a_month:,.0f}") for r in plan.fleet
    ]  # fmt: skip
    machine = f"{plan.server_qps:,.4g} a second of a machine with {plan.prices.server_cores} processes"
    said = f"Peak ÷ {machine}, × {GROWTH}, and {SPARE} more a region."
    return f"<p class='sub'>{said}</p>" + _table(("region", "requests/s at the peak", "machines", "a month"), rows)


def _tiers(plan: CapacityPlan) -> str:
    rows = [
        (f"{s.tier}: {s.name}", s.kept, f"{s.rows:,.3g}", f"{s.bytes_a_row:,.1f}", size(s.gib), str(s.copies),
         f"{plan.prices.currency} {s.cost_a_month:,.0f}")
        for s in plan.stored
    ]  # fmt: skip
    return _table(("what", "kept", "rows", "bytes a row", "size", "copies", "a month"), rows)


def _models(plan: CapacityPlan) -> str:
    m, c = plan.models, plan.caches
    return _table(
        (),
        [
            ("primary", f"{m.primary}, {m.batch} candidates a call, {m.at_once} calls at once in a process"),
            ("fast", f"{m.fast}: decides alone what is certain by {m.confidence:g}"),
            ("fallback", m.fallback),
            ("shadow", "one, beside the champion" if m.shadow else "none"),
            ("caches", f"{size(c.process / 1024**3)} a machine, {size(c.region / 1024**3)} a region, and {c.remotes} of "
             f"{size(c.remote / 1024**3)} that regions share"),
        ],
    )  # fmt: skip


def _costs(plan: CapacityPlan) -> bytes:
    parts: dict[str, float] = {"servers": plan.servers_cost}
    parts |= {tier: plan.tier_cost(tier) for tier in TIERS}

    def draw(axes: Any) -> None:
        axes.barh(list(parts), list(parts.values()), color=[COLOURS[name] for name in parts])
        axes.invert_yaxis()
        axes.set(xlabel=f"{plan.prices.currency} a month", title="Cost by part")

    return png(draw)


def _loads(plan: CapacityPlan) -> bytes:
    """The share of every shard over the mean, by region, largest first."""

    def draw(axes: Any) -> None:
        for region in plan.demand.regions:
            ring = plan.sharding.ring(region)
            shares = sorted(ring.shares() * len(ring.shards), reverse=True)
            axes.plot([100 * (i + 0.5) / len(shares) for i in range(len(shares))], shares, linewidth=1.2, marker=".", label=region)
        axes.axhline(EVEN, color="grey", linestyle=":", linewidth=1)
        axes.axhline(1.0, color="grey", linewidth=0.6)
        axes.set(xlabel="shards, fullest first, %", ylabel="keys, in times of the mean shard's", title="Load of the shards")
        axes.set_ylim(bottom=min(0.8, axes.get_ylim()[0]))
        axes.legend(fontsize=8)

    return png(draw)


def _stages(plan: CapacityPlan) -> bytes:
    def draw(axes: Any) -> None:
        at = 0.0
        for stage, ms in plan.stage_ms.items():
            axes.barh(stage, ms, left=at, color="#7aa7e0")
            axes.text(at + ms / 2, stage, f"{ms:g}", ha="center", va="center", fontsize=8)
            at += ms
        axes.invert_yaxis()
        axes.set(xlabel="ms of the p99 target", title="Time by stage; what a stage leaves moves on")

    return png(draw)

"""Every scenario of a plan, its figures and its page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from pipelines.planning.plan import CapacityPlan
from pipelines.planning.sharding import GROWTH
from pipelines.planning.simulation.machine import Machine, simulate
from pipelines.planning.simulation.outcome import ScenarioOutcome, outcome
from pipelines.planning.simulation.scenarios import scenarios
from pipelines.planning.simulation.service_times import USUAL, ServiceTimes
from pipelines.reporting.figure import Figure
from pipelines.reporting.page import page
from pipelines.reporting.picture import embedded, png
from serving.settings import Settings

SHED: Final = 0.001
"""The share of a usual day's requests that may get no ads."""


def machine_of(plan: CapacityPlan, settings: Settings, times: ServiceTimes | None = None) -> Machine:
    """A machine of the plan at its planned peak. times: measured; else the usual ones with the mean that the plan's rate says."""
    usual = USUAL.scaled(1000 / plan.worker_qps)
    return Machine(
        workers=plan.prices.server_cores, rate=plan.server_qps / GROWTH, times=times or usual, at_once=settings.http.decisions_at_once,
        waiting=settings.http.decisions_waiting, deadline=plan.demand.p99_ms / 1000,
    )  # fmt: skip


def run(plan: CapacityPlan, machine: Machine, seed: int) -> list[ScenarioOutcome]:
    """What every scenario did to the machine."""
    return [outcome(scenario, simulate(machine, scenario, seed + i)) for i, scenario in enumerate(scenarios(plan))]


def figures(plan: CapacityPlan, outcomes: Sequence[ScenarioOutcome]) -> list[Figure]:
    out: list[Figure] = []
    for o in outcomes:
        usual = o.scenario == "diurnal"
        held = o.p99_ms is not None and o.p99_ms <= plan.demand.p99_ms
        out.append(Figure(f"{o.scenario}_p50_ms", o.p50_ms, "ms"))
        out.append(Figure(f"{o.scenario}_p99_ms", o.p99_ms, "ms", *((f"≤ {plan.demand.p99_ms:g}", held) if usual else ())))
        out.append(Figure(f"{o.scenario}_shed_share", o.shed, "share", *((f"≤ {SHED}", o.shed <= SHED) if usual else ())))
        if not usual:
            out.append(Figure(f"{o.scenario}_recovery_s", o.recovery_s, "s"))
    return out


def render(plan: CapacityPlan, machine: Machine, outcomes: Sequence[ScenarioOutcome]) -> str:
    """One page, with a picture a scenario."""
    rows = "".join(
        f"<tr><td>{escape(o.scenario.replace('_', ' '))}</td><td class='l'>{escape(o.about)}</td><td>{_ms(o.p50_ms)}</td>"
        f"<td>{_ms(o.p99_ms)}</td><td>{o.shed:.2%}</td><td>{'never' if o.recovery_s is None else f'{o.recovery_s:.0f} s'}</td></tr>"
        for o in outcomes
    )
    head = "<tr><th>scenario</th><th class='l'>what happens</th><th>p50</th><th>p99</th><th>no ads</th><th>as before after</th></tr>"
    about = (
        f"One machine of the plan: {machine.workers} processes, {machine.rate:,.1f} requests a second at the planned peak, "
        f"{machine.times.mean_ms:.2f} ms of a core each, a deadline of {machine.deadline * 1000:g} ms. Latencies are of requests with ads, "
        "in the disturbance; refused and late ones are under 'no ads'."
    )
    pictures = "".join(embedded(_picture(o), o.scenario) for o in outcomes)
    title = f"Plan {plan.name} in bad hours"
    body = f"<h1>{escape(title)}</h1><p class='sub'>{about}</p><table>{head}{rows}</table><div class='plots'>{pictures}</div>"
    return page(title, body)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f} ms"


def _picture(o: ScenarioOutcome) -> bytes:
    """p50 and p99 by second, and the share without ads."""
    at = [second[0] for second in o.by_second]

    def draw(axes: Any) -> None:
        none = float("nan")
        axes.plot(at, [none if s[1] is None else s[1] for s in o.by_second], linewidth=1, color="#1f5fa8", label="p50")
        axes.plot(at, [none if s[2] is None else s[2] for s in o.by_second], linewidth=1, color="#d9822b", label="p99")
        axes.set(xlabel="seconds", ylabel="ms", title=o.scenario.replace("_", " "))
        axes.set_ylim(bottom=0)
        if o.ends < at[-1]:
            axes.axvspan(o.begins, o.ends, color="#5b6b7b", alpha=0.12)
        shed = axes.twinx()
        shed.fill_between(at, [100 * s[3] for s in o.by_second], color="#b3261e", alpha=0.25, label="no ads")
        shed.set(ylabel="without ads, %")
        shed.set_ylim(0, 100)
        lines, words = axes.get_legend_handles_labels()
        more, further = shed.get_legend_handles_labels()
        axes.legend(lines + more, words + further, fontsize=8, loc="upper right")

    return png(draw)

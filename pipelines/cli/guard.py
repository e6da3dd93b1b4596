"""`placard guard`: whether the champion stays within its guardrails; one that does not is rolled back and kept out of the auction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.output import emit, guarded, people
from pipelines.reporting.figure import Figure, report

if TYPE_CHECKING:
    from pipelines.monitor.guard import Guard, Look
    from serving.settings import Settings


@guarded
def guard(
    head: str = typer.Option("click", help="click or conversion."),
    watch: float = typer.Option(0.0, "--watch", min=0.0, help="Look again every so many seconds, until Ctrl-C; 0: look once."),
    partition: str = typer.Option("", "--partition", help="Look at matured labels up to this day, not at the last minutes."),
    days: int = typer.Option(7, "--days", min=1, help="With --partition: days that are looked at."),
    minutes: float = typer.Option(10.0, "--minutes", min=0.1, help="Minutes that a look at the present takes in."),
    settle: float = typer.Option(20.0, "--settle", min=0.0, help="Seconds after which an impression without a click counts as such."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Hold the champion to its guardrails. One look exits 3 when it had to be rolled back, 0 while all is well."""
    from datetime import UTC, datetime, timedelta

    from feature_repo.days import parse_day
    from pipelines.errors import Missing, PipelineError
    from pipelines.monitor.guard import Guard
    from serving.eventlog.opening import served_log
    from serving.settings import load

    settings = load()
    if partition and watch:
        raise PipelineError("--watch", watch, "Matured days do not change: leave --watch or --partition out.")
    guard = Guard(settings, head, timedelta(minutes=minutes), timedelta(seconds=settle))
    if watch:
        _watch(settings, guard, watch)
        return
    try:
        with served_log(settings) as log:
            look = guard.matured(log, parse_day(partition), days) if partition else guard.now(log, datetime.now(UTC))
    except Missing as nobody:  # a platform before its first promotion has nothing to guard
        emit({"name": "guard", "rolled_back": False, "champion": "", "figures": []}, as_json, str(nobody))
        return
    champion = _act(settings, look)
    emit(_plain(look, champion), as_json, _lines(look, champion))
    if look.reason and not look.already:
        raise SystemExit(3)


def _act(settings: Settings, look: Look) -> str:
    """Who is champion after what was seen."""
    from pipelines.registry.refusal import refuse

    if not look.reason or look.already:
        return look.version
    return refuse(settings, look.head, look.version, look.reason)


def _watch(settings: Settings, guard: Guard, seconds: float) -> None:
    """Looks for ever. What goes wrong in a look is told once, and the next look is taken all the same."""
    import time
    from datetime import UTC, datetime

    from rich.markup import escape

    from serving.eventlog.opening import served_log

    told = ""
    people.print(f"watching {guard.head}, every {seconds:g} s.")
    while True:
        started = time.monotonic()
        try:
            with served_log(settings) as log:
                look = guard.now(log, datetime.now(UTC))
            champion = _act(settings, look)
            said = look.reason
            if said and not look.already:
                people.print("\n".join(_lines(look, champion)), soft_wrap=True)
        except Exception as error:  # a log or a registry that is out of reach for a while: a guard that ends guards nobody
            said = str(error) or type(error).__name__
            if said != told:
                people.print(f"[yellow]no look[/]: {escape(said)}", soft_wrap=True)
        told = said
        time.sleep(max(seconds - (time.monotonic() - started), 0.1))


def _figures(look: Look) -> list[Figure]:
    out = []
    for reading in look.readings:
        m = reading.measure
        out.append(Figure(m.name, m.value, "ratio" if m.name.endswith("ratio") else "share", reading.guardrail.band, reading.holds))
        out += [Figure(f"{m.name}_low", m.low, ""), Figure(f"{m.name}_high", m.high, ""), Figure(f"{m.name}_rows", m.seen, "rows")]
    return [*out, Figure("scoring_p99", look.p99_ms, "ms")]


def _plain(look: Look, champion: str) -> dict[str, Any]:
    setup = {"head": look.head, "version": look.version, "since": look.since, "until": look.until}
    acted = {"rolled_back": bool(look.reason) and not look.already, "reason": look.reason, "refused_before": look.already}
    return {**report("guard", setup, _figures(look)), **acted, "champion": champion}


def _lines(look: Look, champion: str) -> list[str]:
    from rich.markup import escape

    lines = [f"[bold]{look.head}@{look.version}[/] since {look.since:%F %T}"]
    for r in look.readings:
        lines.append(f"  {'[green]holds[/]' if r.holds else '[red]left [/]'} {escape(r.words)}")
    if look.already:
        lines.append(f"it is kept out of the auction already: {escape(look.already)}")
    elif look.reason:
        lines.append(f"[red]{look.head}@{look.version} is kept out of the auction[/]; champion: {champion or 'none'}")
    return lines


def register(app: typer.Typer) -> None:
    app.command("guard")(guard)

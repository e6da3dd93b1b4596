"""`placard guard`: whether the champion stays within its guardrails; one that does not is rolled back and kept out of the auction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Days, Head, Json, SomeDay, Watch, example
from pipelines.cli.output import emit, prepared, tell
from pipelines.cli.watching import watch as look_again
from pipelines.reporting.figure import Figure, report

if TYPE_CHECKING:
    from pipelines.monitor.guard import Guard, Look
    from serving.settings import Settings


@prepared
def guard(
    settings: Settings,
    head: Head = "click",
    watch: Watch = 0.0,
    day: SomeDay = None,
    days: Days = 7,
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", parser=arguments.number_within(0.1, 100_000), metavar="MINUTES",
            help="How much of the past a look at the present takes in.",
        ),
    ] = 10.0,
    settle: Annotated[
        float,
        typer.Option(
            "--settle", parser=arguments.number_within(0, 1_000_000), metavar="SECONDS",
            help="After how long an impression without a click counts as such.",
        ),
    ] = 20.0,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Hold the champion to its guardrails. One look exits 3 when it had to be rolled back, 0 while all is well.

    With a day: labels that had matured by its end are looked at, of so many days, and not the last minutes.
    """
    from datetime import UTC, datetime, timedelta

    from pipelines.errors import Missing, PipelineError
    from pipelines.monitor.guard import Guard
    from serving.eventlog.opening import served_log

    if day and watch:
        raise PipelineError("--watch", watch, "Matured days do not change: leave --watch or --partition out.")
    guard = Guard(settings, head, timedelta(minutes=minutes), timedelta(seconds=settle))
    if watch:
        look_again(guard.head, watch, lambda: _look(settings, guard))
    try:
        with served_log(settings) as log:
            look = guard.matured(log, day, days) if day else guard.now(log, datetime.now(UTC))
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


def _look(settings: Settings, guard: Guard) -> None:
    """Looks at the present, acts, and tells what was done."""
    from datetime import UTC, datetime

    from serving.eventlog.opening import served_log

    with served_log(settings) as log:
        look = guard.now(log, datetime.now(UTC))
    champion = _act(settings, look)
    if look.reason and not look.already:
        tell("\n".join(_lines(look, champion)))


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
    app.command("guard", epilog=example("placard guard --head click --watch 5"))(guard)

"""`placard promote`: every gate, the champion's value, the challenger's, the bound, the verdict; then a new champion, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Json, RegisteredHead, SomeDay, Why, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from pipelines.gates.gate import Verdict
    from serving.settings import Settings

COLOURS = {"passed": "[green]passed[/]", "failed": "[red]failed[/]", "no evidence": "[yellow]no evidence[/]"}


def gate_lines(verdicts: list[Verdict]) -> list[str]:
    """The table, a line a gate."""
    from rich.markup import escape

    width = max((len(v.gate) for v in verdicts), default=0)
    lines = [f"{'gate':{width}}  {'champion':>10}  {'challenger':>10}  verdict      must be"]
    for v in verdicts:
        one, two = ("-" if x is None else f"{x:.5g}" for x in (v.champion, v.challenger))
        pad = " " * (11 - len(v.word))
        lines.append(f"{escape(v.gate):{width}}  {one:>10}  {two:>10}  {COLOURS[v.word]}{pad}  {escape(v.bound)}")
    return lines


@prepared
def promote(
    settings: Settings,
    head: RegisteredHead,
    version: Annotated[str, typer.Argument(help="A registered version; default: the challenger.")] = "",
    why: Why = "",
    override: Annotated[
        str, typer.Option("--override", help="Promote although gates fail, for this reason; both stand in the history.")
    ] = "",
    day: SomeDay = None,
    as_json: Json = False,
) -> None:
    """Show what is known of a version and make it champion when every gate holds (exit 3 when one does not).

    The day is the last one whose served traffic is looked at; default: today.
    """
    from datetime import UTC, datetime

    from pipelines.promotion.promote import NotPromoted
    from pipelines.promotion.promote import promote as make_champion

    try:
        change, table = make_champion(settings, head, version, day or datetime.now(UTC).date(), why, override)
    except NotPromoted as refused:
        found = refused.table
        result = {"head": head, "version": found.version, "champion": found.champion, "promoted": False, "verdicts": found.verdicts}
        emit(result, as_json, gate_lines(list(found.verdicts)))
        raise
    done = f"{head}: champion {change.before or 'none'} → {change.version}"
    over = [f"overridden: {', '.join(change.failed)}"] if change.failed else []
    emit({"change": change, "promoted": True, "verdicts": table.verdicts}, as_json, [*gate_lines(list(table.verdicts)), *over, done])


def register(app: typer.Typer) -> None:
    app.command("promote", epilog=example("placard promote click", 'placard promote click 7 --override "launch, agreed"'))(promote)

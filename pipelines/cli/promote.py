"""`placard promote`: every gate, the champion's value, the challenger's, the bound, the verdict; then a new champion, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.output import emit, guarded

if TYPE_CHECKING:
    from pipelines.gates.gates import Verdict

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


@guarded
def promote(
    head: str = typer.Argument(..., help="click, conversion, language or encoder."),
    version: str = typer.Argument("", help="Default: the challenger."),
    why: str = typer.Option("", help="For the history."),
    override: str = typer.Option("", "--override", help="Promote although gates fail, for this reason; both stand in the history."),
    partition: str = typer.Option("", "--partition", help="Last day of served traffic that is looked at; default: today."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Show what is known of a version and make it champion when every gate holds (exit 3 when one does not)."""
    from datetime import UTC, datetime

    from feature_repo.days import parse_day
    from pipelines.promotion.promote import NotPromoted
    from pipelines.promotion.promote import promote as make_champion
    from serving.settings import load

    day = parse_day(partition) if partition else datetime.now(UTC).date()
    try:
        change, table = make_champion(load(), head, version, day, why, override)
    except NotPromoted as refused:
        found = refused.table
        result = {"head": head, "version": found.version, "champion": found.champion, "promoted": False, "verdicts": found.verdicts}
        emit(result, as_json, gate_lines(list(found.verdicts)))
        raise
    done = f"{head}: champion {change.before or 'none'} → {change.version}"
    over = [f"overridden: {', '.join(change.failed)}"] if change.failed else []
    emit({"change": change, "promoted": True, "verdicts": table.verdicts}, as_json, [*gate_lines(list(table.verdicts)), *over, done])


def register(app: typer.Typer) -> None:
    app.command("promote")(promote)

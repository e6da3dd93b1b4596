"""`placard shadow`: the shadow model against the champion on what was served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Day, Days, Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from datetime import date

    from pipelines.promotion.shadow_record import ShadowVerdict
    from serving.settings import Settings

REPORT = example("placard shadow report --partition 2026-01-31 --days 7")
shadow = typer.Typer(no_args_is_help=True, epilog=REPORT, help="The shadow model against the champion on what was served.")
Bundle = Annotated[
    str, typer.Option("--bundle", help="Which shadow, as it stands in the decision records; default: the one that scored most often.")
]


def _judge(settings: Settings, day: date, days: int, bundle: str) -> ShadowVerdict:
    from pipelines.promotion.shadow_record import judge
    from pipelines.warehouse.label_times import LabelTimes
    from serving.eventlog.opening import served_log

    with served_log(settings) as log:
        return judge(settings.home, log, day, LabelTimes.of(settings.training), settings.seed, days, bundle)


def _lines(found: ShadowVerdict) -> list[str]:
    from rich.markup import escape

    values = {f.name: f.value for f in found.report.figures}
    champion, shadow = (escape(name or "none") for name in (found.champion, found.shadow))
    rows = [f"champion [bold]{champion}[/] against shadow [bold]{shadow}[/]: [bold]{found.verdict}[/]"]
    for metric in ("log_loss", "normalised_entropy", "roc_auc"):
        one, two, low, high = (values.get(f"{metric}_{w}") for w in ("champion", "shadow", "low", "high"))
        if one is not None and two is not None:
            rows.append(f"  {metric:20} {one:.5f} → {two:.5f}  difference {two - one:+.5f} [{low:+.5f}, {high:+.5f}]")
    return [*rows, *(f"  because {escape(reason)}" for reason in found.reasons)]


@shadow.command("report", epilog=REPORT)
@prepared
def report(settings: Settings, day: Day, days: Days = 7, bundle: Bundle = "", as_json: Json = False) -> None:
    """Log loss, entropy and AUC of both on matured labels, with paired intervals; changes nothing."""
    from pipelines.reporting.report import write_report

    found = _judge(settings, day, days, bundle)
    page = write_report(settings.home, found.report)
    emit(found.plain | {"page": str(page)}, as_json, [*_lines(found), f"page: {page}"])


@shadow.command("decide", epilog=example("placard shadow decide --partition 2026-01-31"))
@prepared
def decide(settings: Settings, day: Day, days: Days = 7, bundle: Bundle = "", as_json: Json = False) -> None:
    """Promote the shadow to champion when every gate holds; otherwise hold, with the reasons. Either way exit 0."""
    from dataclasses import replace

    from pipelines.promotion.promote import NotPromoted
    from pipelines.promotion.promote_shadow import apply
    from pipelines.promotion.shadow_record import HOLD, PROMOTE

    found = _judge(settings, day, days, bundle)
    try:
        applied = found.verdict == PROMOTE and apply(settings, found)
    except NotPromoted as held:  # its record is better, but something else speaks against it
        applied, found = False, replace(found, verdict=HOLD, reasons=tuple(v.failure for v in held.table.failed))
    done = f"{found.shadow} is champion now" if applied else "nothing was changed"
    emit(found.plain | {"applied": applied}, as_json, [*_lines(found), done])


def register(app: typer.Typer) -> None:
    app.add_typer(shadow, name="shadow")

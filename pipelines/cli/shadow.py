"""`placard shadow`: the shadow model against the champion on what was served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.output import emit, guarded

if TYPE_CHECKING:
    from pipelines.promotion.shadow_record import ShadowVerdict
    from serving.settings import Settings

shadow = typer.Typer(no_args_is_help=True, help="The shadow model against the champion on what was served.")
PARTITION = typer.Option(..., "--partition", help="The last day looked at, YYYY-MM-DD.")
DAYS = typer.Option(7, "--days", min=1, help="Days that are looked at, up to the partition.")
BUNDLE = typer.Option("", "--bundle", help="Which shadow, as it stands in the decision records; by default the busiest.")
JSON = typer.Option(False, "--json", help="One JSON object.")


def _judge(settings: Settings, partition: str, days: int, bundle: str) -> ShadowVerdict:
    from datetime import timedelta

    from feature_repo.days import parse_day
    from pipelines.promotion.shadow_record import judge
    from serving.eventlog.opening import served_log

    with served_log(settings) as log:
        maturity = timedelta(hours=settings.training.label_maturity_hours)
        return judge(settings.home, log, parse_day(partition), maturity, settings.seed, days, bundle)


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


@shadow.command("report")
@guarded
def report(partition: str = PARTITION, days: int = DAYS, bundle: str = BUNDLE, as_json: bool = JSON) -> None:
    """Log loss, entropy and AUC of both on matured labels, with paired intervals; changes nothing."""
    from pipelines.reporting.report import write_report
    from serving.settings import load

    settings = load()
    found = _judge(settings, partition, days, bundle)
    page = write_report(settings.home, found.report)
    emit(found.plain | {"page": str(page)}, as_json, [*_lines(found), f"page: {page}"])


@shadow.command("decide")
@guarded
def decide(partition: str = PARTITION, days: int = DAYS, bundle: str = BUNDLE, as_json: bool = JSON) -> None:
    """Promote the shadow to champion when every gate holds; otherwise hold, with the reasons. Either way exit 0."""
    from dataclasses import replace

    from pipelines.promotion.promote import NotPromoted
    from pipelines.promotion.promote_shadow import apply
    from pipelines.promotion.shadow_record import HOLD, PROMOTE
    from serving.settings import load

    settings = load()
    found = _judge(settings, partition, days, bundle)
    try:
        applied = found.verdict == PROMOTE and apply(settings, found)
    except NotPromoted as held:  # its record is better, but something else speaks against it
        applied, found = False, replace(found, verdict=HOLD, reasons=tuple(v.failure for v in held.table.failed))
    done = f"{found.shadow} is champion now" if applied else "nothing was changed"
    emit(found.plain | {"applied": applied}, as_json, [*_lines(found), done])


def register(app: typer.Typer) -> None:
    app.add_typer(shadow, name="shadow")

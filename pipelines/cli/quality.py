"""`placard quality`: drift of features, calibration of what was served, skew between serving and offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.output import emit, guarded

if TYPE_CHECKING:
    from feature_repo.home import Home
    from pipelines.reporting.report import Report

quality = typer.Typer(no_args_is_help=True, help="Reports on features and predictions, as JSON and a page under reports/.")
PARTITION = typer.Option(..., "--partition", help="The day, YYYY-MM-DD.")
DAYS = typer.Option(7, "--days", min=1, help="Days that are looked at, up to the partition.")
JSON = typer.Option(False, "--json", help="One JSON object.")
MOST_LINES = 15


def _show(home: Home, report: Report, as_json: bool) -> None:
    from rich.markup import escape

    from pipelines.reporting.report import write_report

    page = write_report(home, report)
    marks = {True: "[green]ok[/] ", False: "[red]no[/] ", None: "   "}
    shown = [*report.failing(), *(f for f in report.figures if f.holds is not False)][:MOST_LINES]
    lines = [f"[bold]{report.name}[/] on {report.day}: {len(report.failing())} of {len(report.figures)} figures do not hold"]
    for f in shown:
        value = "-" if f.value is None else f"{f.value:,.4g}"
        lines.append(f"{marks[f.holds]}{escape(f.name):36} {value:>10} {f.unit:6} {escape(f.target or '')}")
    emit(report.plain | {"page": str(page)}, as_json, [*lines, f"page: {page}"])


@quality.command("drift")
@guarded
def drift(
    partition: str = PARTITION,
    against: str = typer.Option("", "--against", help="The day to compare with; by default a week before."),
    as_json: bool = JSON,
) -> None:
    """How far each published feature has moved: population stability index, judged against chance."""
    from feature_repo.days import parse_day
    from pipelines.monitor.drift import drift as measure
    from serving.settings import load

    home = load().home
    _show(home, measure(home, parse_day(partition), parse_day(against) if against else None), as_json)


@quality.command("calibration")
@guarded
def calibration(partition: str = PARTITION, days: int = DAYS, as_json: bool = JSON) -> None:
    """Predicted over observed clicks, and conversions, of what was served: overall, by policy, surface, device, region and day."""
    from datetime import timedelta

    from feature_repo.days import parse_day
    from pipelines.monitor.calibration import calibration as measure
    from serving.eventlog.opening import served_log
    from serving.settings import load

    settings = load()
    with served_log(settings) as log:
        maturity = timedelta(hours=settings.training.label_maturity_hours)
        _show(settings.home, measure(settings.home, log, parse_day(partition), maturity, days), as_json)


@quality.command("skew")
@guarded
def skew(
    partition: str = PARTITION,
    sample: int = typer.Option(1000, "--sample", min=1, help="Most decisions that are recomputed."),
    as_json: bool = JSON,
) -> None:
    """The feature vectors that serving logged against the same ones recomputed offline."""
    from feature_repo.days import parse_day
    from pipelines.monitor.skew import skew as measure
    from serving.eventlog.opening import served_log
    from serving.settings import load

    settings = load()
    with served_log(settings) as log:
        _show(settings.home, measure(settings, log, parse_day(partition), sample), as_json)


def register(app: typer.Typer) -> None:
    app.add_typer(quality, name="quality")

"""`placard quality`: drift of features, calibration of what was served, skew between serving and offline."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Day, Days, Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from feature_repo.home import Home
    from pipelines.reporting.report import Report
    from serving.settings import Settings

OF = "placard quality drift --partition 2026-01-31 --of click"
DRIFT = example("placard quality drift --partition 2026-01-31 --against 2026-01-01", OF)
quality = typer.Typer(no_args_is_help=True, epilog=DRIFT, help="Reports on features and predictions, as JSON and a page under reports/.")
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


@quality.command("drift", epilog=DRIFT)
@prepared
def drift(
    settings: Settings,
    day: Day,
    against: Annotated[
        date | None, typer.Option("--against", parser=arguments.day, metavar="DAY", help="The day to compare with; default: a week before.")
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(
            "--of", parser=arguments.head, metavar="HEAD",
            help="Compare with the day on which the training rows of this head's champion ended; exit 3 beyond its gate.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """How far each published feature has moved: population stability index, judged against chance."""
    from pipelines.errors import PipelineError
    from pipelines.monitor.drift import drift as measure

    if of and against:
        raise PipelineError("--against", against, "With --of the day is the one that the champion's training rows ended on: leave it out.")
    if of:
        _of_champion(settings, of, day, as_json)
    else:
        _show(settings.home, measure(settings.home, day, against), as_json)


def _of_champion(settings: Settings, head: str, day: date, as_json: bool) -> None:
    """The champion's drift. Nobody reigning, or nothing to compare with yet, is no drift."""
    from pipelines.errors import Missing
    from pipelines.monitor.training_drift import training_drift
    from pipelines.reporting.figure import report
    from serving.bundles import Bundle
    from serving.bundles.aliases import read_aliases, version_folder

    bundles = settings.home.bundles
    version = read_aliases(bundles).get(head, {}).get("champion", "")
    try:
        if not version:
            raise Missing(f"{head} champion", "none", f"Promote one: `placard promote {head}`.")
        found = training_drift(settings.home, Bundle.inspect(version_folder(bundles, head, version)), day)
    except Missing as nothing:
        emit(report(f"drift_{head}", {"partition": day, "reason": str(nothing)}, []), as_json, str(nothing))
        return
    _show(settings.home, found.report, as_json)
    if not found.holds:
        raise SystemExit(3)


@quality.command("calibration", epilog=example("placard quality calibration --partition 2026-01-31 --days 7"))
@prepared
def calibration(settings: Settings, day: Day, days: Days = 7, as_json: Json = False) -> None:
    """Predicted over observed clicks, and conversions, of what was served: overall, by policy, surface, device, region and day."""
    from pipelines.monitor.calibration import calibration as measure
    from pipelines.warehouse.label_times import LabelTimes
    from serving.eventlog.opening import served_log

    with served_log(settings) as log:
        _show(settings.home, measure(settings.home, log, day, LabelTimes.of(settings.training), days), as_json)


@quality.command("skew", epilog=example("placard quality skew --partition 2026-01-31 --sample 500"))
@prepared
def skew(
    settings: Settings,
    day: Day,
    sample: Annotated[int, typer.Option("--sample", min=1, max=10_000_000, help="Most decisions that are recomputed.")] = 1000,
    as_json: Json = False,
) -> None:
    """The feature vectors that serving logged against the same ones recomputed offline."""
    from pipelines.monitor.skew import skew as measure
    from serving.eventlog.opening import served_log

    with served_log(settings) as log:
        _show(settings.home, measure(settings, log, day, sample), as_json)


def register(app: typer.Typer) -> None:
    app.add_typer(quality, name="quality")

"""`placard train`: a day's training set, and a candidate bundle from it."""

from __future__ import annotations

import typer

from pipelines.cli.output import bars, emit, guarded, people


@guarded
def train(
    partition: str = typer.Option(..., "--partition", help="Day up to whose end labels count, YYYY-MM-DD."),
    head: str = typer.Option("click", help="click or conversion."),
    step: str = typer.Option("all", help="dataset, fit, or all."),
    ranker: str = typer.Option("xgboost", help="Which ranker to fit."),
    test_share: float = typer.Option(0.2, min=0.05, max=0.5, help="Share of the rows, the latest, kept for the test."),
    fresh: bool = typer.Option(False, "--fresh", help="Conversions: rows whose window is open when the test begins teach too."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Join labels to the features known at their time, split by time, fit, calibrate, write a candidate bundle."""
    from feature_repo.days import parse_day
    from pipelines.datasets.training_set import make
    from pipelines.errors import PipelineError
    from pipelines.training.candidate import candidate
    from pipelines.training.fit import fit
    from serving.settings import load

    if step not in ("dataset", "fit", "all"):
        raise PipelineError("step", step, "Use dataset, fit or all.")
    settings, day = load(), parse_day(partition)
    result: dict[str, object] = {"head": head, "day": day}
    lines = []
    if step != "fit":
        people.print(f"dataset of {head} as of {day}.")
        made = make(settings, head, day, (0.8 * (1 - test_share), 1 - test_share), fresh)
        result["rows"] = made.rows["split"].value_counts().to_dict()
        result["positives"] = int(made.label.sum())
        lines.append(f"{len(made.rows):,} rows, {result['positives']:,} positive")
    if step != "dataset":
        people.print(f"fitting {ranker}.")
        with bars(not as_json):
            bundle = fit(settings, head, day, ranker, quiet=as_json)
        m = bundle.manifest
        result |= {"ranker": ranker, "members": [name for name, _ in m.members], "base_rate": m.base_rate,
                   "position_offset": m.position_offset, "bundle": candidate(settings.home, head, day, ranker)}  # fmt: skip
        lines.append(f"{ranker}: {len(m.members)} member{'s' if len(m.members) > 1 else ''}, {result['bundle']}")
    emit(result, as_json, lines)


def register(app: typer.Typer) -> None:
    app.command("train")(train)

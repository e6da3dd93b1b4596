"""`placard train`: a day's training set, and a candidate bundle from it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Day, Head, Json, RankerOrAuto, example
from pipelines.cli.output import bars, emit, prepared, tell

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def train(
    settings: Settings,
    day: Day,
    head: Head = "click",
    step: Annotated[str, typer.Option("--step", parser=arguments.training_step, metavar="STEP", help="dataset, fit, or all.")] = "all",
    ranker: RankerOrAuto = "xgboost",
    test_share: Annotated[
        float,
        typer.Option(
            "--test-share",
            parser=arguments.number_within(0.05, 0.5),
            metavar="SHARE",
            help="Share of the rows, the latest, kept for the test.",
        ),
    ] = 0.2,
    fresh: Annotated[bool, typer.Option("--fresh", help="Conversions: rows whose window is open when the test begins teach too.")] = False,
    as_json: Json = False,
) -> None:
    """Join labels to the features known at their time, split by time, fit, calibrate, write a candidate bundle.

    Labels count up to the day's end.
    """
    from pipelines.datasets.training_set import make
    from pipelines.features.days import back_fill
    from pipelines.operations.training_environment import require
    from pipelines.rankers import RANKERS
    from pipelines.training.candidate import candidate
    from pipelines.training.choice import AUTO, choose
    from pipelines.training.fit import fit, is_elsewhere

    if step != "dataset" and ranker != AUTO and is_elsewhere(RANKERS[ranker]):
        require(settings)
    result: dict[str, object] = {"head": head, "day": day}
    lines = []
    if step != "fit":
        tell(f"dataset of {head} as of {day}.")
        made = make(settings, head, day, (0.8 * (1 - test_share), 1 - test_share), fresh)
        result["rows"] = made.rows["split"].value_counts().to_dict()
        result["positives"] = int(made.label.sum())
        lines.append(f"{len(made.rows):,} rows, {result['positives']:,} positive")
        if made.left_out is not None:
            result["left_out"] = asdict(made.left_out)
            lines += [f"left out: {why}" for why in made.left_out.words(settings.training.history_days)]
        if lacking := back_fill(settings.home):
            result["back_fill"] = lacking
            lines.append(lacking)
    if step != "dataset":
        if ranker == AUTO:
            choice = choose(settings, head, day)
            ranker, result["chosen"] = choice.ranker, choice.words
            lines.append(f"{AUTO}: {choice.words}")
        tell(f"fitting {ranker}.")
        with bars(not as_json):
            bundle = fit(settings, head, day, ranker, quiet=as_json)
        m = bundle.manifest
        result |= {"ranker": ranker, "members": [name for name, _ in m.members], "base_rate": m.base_rate,
                   "position_offset": m.position_offset, "tuned": m.tuned,
                   "bundle": candidate(settings.home, head, day, ranker)}  # fmt: skip
        lines.append(f"{ranker}: {len(m.members)} member{'s' if len(m.members) > 1 else ''}, {result['bundle']}")
        if m.tuned:
            lines.append("as `placard tune` found: " + ", ".join(f"{name} = {value:.4g}" for name, value in m.tuned.items()))
    emit(result, as_json, lines)


def register(app: typer.Typer) -> None:
    app.command("train", epilog=example("placard train --partition 2026-01-31 --head conversion --ranker xgboost"))(train)

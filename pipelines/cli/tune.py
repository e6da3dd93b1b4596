"""`placard tune`: a resumable search for a ranker's parameters."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Day, Head, Json, Ranker, example
from pipelines.cli.output import bars, emit, prepared, tell

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def tune(
    settings: Settings,
    day: Day,
    ranker: Ranker = "xgboost",
    head: Head = "click",
    trials: Annotated[int, typer.Option("--trials", min=1, max=100_000, help="Trials in all, those of earlier runs among them.")] = 20,
    as_json: Json = False,
) -> None:
    """Search parameters on the calibrate split; trials go to MLflow, the best so far is what `placard train` uses from then on.

    The day is the one whose training set is searched on. What changes nothing on it is not searched. Ctrl-C keeps what was found.
    """
    from pipelines.operations.training_environment import hand_over

    if find_spec("optuna") is None:  # the search itself lives in the training environment
        argv = ("tune", "--partition", str(day), "--ranker", ranker, "--head", head, "--trials", str(trials))
        hand_over(settings, *argv, *(["--json"] if as_json else []), shown=True)
        return
    from pipelines.training.tuning import tune as search

    tell(f"searching {ranker}: {trials} trials in all.")
    with bars(not as_json):
        found = search(settings, head, day, ranker, trials)
    what = f"not searched, it changes nothing with {found.positives:,} positives before the test"
    idle = [f"{name}: {what}" for name in found.idle]
    emit(
        {"head": head, "day": day, "ranker": ranker, "trials": found.trials, "normalised_entropy": found.value,
         "parameters": found.parameters, "not_searched": list(found.idle), "positives": found.positives, "saved": found.path},
        as_json,
        [f"NE {found.value:.5f} after {found.trials} trials", *(f"{k} = {v:.4g}" for k, v in found.parameters.items()), *idle,
         str(found.path)],
    )  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("tune", epilog=example("placard tune --partition 2026-01-31 --ranker logistic --trials 40"))(tune)

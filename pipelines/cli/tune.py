"""`placard tune`: a resumable search for a ranker's parameters."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from pipelines.cli.output import bars, emit, guarded, people


@guarded
def tune(
    partition: str = typer.Option(..., "--partition", help="Day whose dataset is searched on, YYYY-MM-DD."),
    ranker: str = typer.Option("xgboost", help="Which ranker."),
    head: str = typer.Option("click", help="click or conversion."),
    trials: int = typer.Option(20, min=1, help="Trials in all, those of earlier runs among them."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Search parameters on the calibrate split; every trial goes to MLflow, the best is what `placard train` uses from then on."""
    from feature_repo.days import parse_day
    from pipelines.errors import PipelineError
    from pipelines.operations.training_environment import hand_over
    from pipelines.rankers import RANKERS
    from serving.settings import load

    settings, day = load(), parse_day(partition)
    if ranker not in RANKERS:
        raise PipelineError("ranker", ranker, f"Known: {', '.join(RANKERS)}.")
    if find_spec("optuna") is None:  # the search itself lives in the training environment
        argv = ("tune", "--partition", partition, "--ranker", ranker, "--head", head, "--trials", str(trials))
        hand_over(settings, *argv, *(["--json"] if as_json else []), shown=True)
        return
    from pipelines.training.tuning import tune as search

    people.print(f"searching {ranker}: {trials} trials in all.")
    with bars(not as_json):
        found = search(settings, head, day, ranker, trials)
    emit(
        {"head": head, "day": day, "ranker": ranker, "trials": found.trials, "normalised_entropy": found.value,
         "parameters": found.parameters, "saved": found.path},
        as_json,
        [f"NE {found.value:.5f} after {found.trials} trials", *(f"{k} = {v:.4g}" for k, v in found.parameters.items()), str(found.path)],
    )  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("tune")(tune)

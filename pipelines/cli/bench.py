"""`placard bench`: what the platform costs, measured beside what it is compared with."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import typer

from feature_repo.days import parse_day
from pipelines.cli.output import emit, guarded

group = typer.Typer(no_args_is_help=True, help="Benchmarks, as JSON.")
JSON = typer.Option(False, "--json", help="One JSON object.")


@group.command("serve")
@guarded
def serve(
    requests: int = typer.Option(200, min=10, help="Requests a size."),
    small: bool = typer.Option(False, "--small", help="10,000 and 50,000 ads and a small market: minutes instead of many."),
    market: bool = typer.Option(True, "--market/--no-market", help="Also measure what speculation loses on a simulated market."),
    as_json: bool = JSON,
) -> None:
    """The engine beside the naive way and the scoring floor; stages; HTTP; the tiers, speculation and bad shadows."""
    from pipelines.bench.search.search_market import SMALL, Market
    from pipelines.bench.serving.serve import SIZES, as_text, run
    from serving.settings import load

    judged = (SMALL if small else Market()) if market else None
    say = functools.partial(typer.echo, err=True)
    result = run(requests, (10_000, 50_000) if small else SIZES, 2.0 if small else 5.0, load().home, judged, say)
    emit(result, as_json, as_text(result))


@group.command("features")
@guarded
def features(
    rounds: int = typer.Option(5, min=1, help="Interleaved rounds a size."),
    small: bool = typer.Option(False, "--small", help="100,000 and 200,000 impressions: a minute instead of many."),
    as_json: bool = JSON,
) -> None:
    """A day's build beside hand-written DuckDB SQL, its growth, and the point-in-time join of labels."""
    from pipelines.bench.features.features import LABELS, SIZES, as_text, run

    result = run((100_000, 200_000), 100_000, rounds) if small else run(SIZES, LABELS, rounds)
    emit(result, as_json, as_text(result))


@group.command("search")
@guarded
def search(
    requests: int = typer.Option(1_000, min=10, help="Searches."),
    small: bool = typer.Option(False, "--small", help="10,000 ads, 50,000 keywords and a small market: a minute instead of many."),
    market: bool = typer.Option(True, "--market/--no-market", help="Also measure relevance and auction value on a simulated market."),
    as_json: bool = JSON,
) -> None:
    """A search end to end on one core, its stages, the keyword lookup, the index's size; its relevance and value against the truth."""
    from pipelines.bench.search.search import as_text, run
    from pipelines.bench.search.search_market import SMALL, Market

    judged = (SMALL if small else Market()) if market else None
    say = functools.partial(typer.echo, err=True)
    result = run(requests, 10_000, 50_000, judged, say) if small else run(requests, market=judged, say=say)
    emit(result, as_json, as_text(result))


@group.command("ope")
@guarded
def ope(
    runs: int = typer.Option(0, "--runs", min=0, help="Seeded runs; by default 200, or 40 when small."),
    rounds: int = typer.Option(0, "--rounds", min=0, help="Requests of a log; by default 40,000, or 10,000 when small."),
    explored: float = typer.Option(0.1, "--explored", help="Share of logged slates that are dealt at random."),
    candidates: int = typer.Option(12, "--candidates", min=2, help="Ads that are found for a request."),
    small: bool = typer.Option(False, "--small", help="40 logs of 10,000 requests: seconds instead of minutes; too few to judge by."),
    as_json: bool = JSON,
) -> None:
    """Coverage of off-policy intervals against a simulated market's truth, per estimator."""
    from pipelines.bench.ope import ROUNDS, RUNS, SMALL_ROUNDS, SMALL_RUNS, as_text, run
    from pipelines.evaluate.ope.bootstrap_error import RESAMPLES
    from serving.settings import load

    settings = load()
    often, long = (SMALL_RUNS, SMALL_ROUNDS) if small else (RUNS, ROUNDS)
    say = functools.partial(typer.echo, err=True)
    result = run(settings.seed, runs or often, rounds or long, RESAMPLES, settings.threads, say, explored, candidates)
    emit(result, as_json, as_text(result))


@group.command("rankers")
@guarded
def rankers(
    data: str = typer.Option("simulator", help="simulator, talkingdata, or both."),
    talkingdata: Path = typer.Option(Path("train_sample.csv"), "--talkingdata", help="TalkingData's log of clicks, as ingested."),
    partition: str = typer.Option("", "--partition", help="Instead: the training set that this platform keeps of a day."),
    head: str = typer.Option("click", help="With --partition: click or conversion."),
    small: bool = typer.Option(False, "--small", help="A small market: minutes instead of hours."),
    report: Path | None = typer.Option(None, "--report", help="Where the HTML page goes; default: with the platform's reports."),
    as_json: bool = JSON,
) -> None:
    """Every family beside LightGBM, CatBoost, scikit-learn and DCN-V2 on the same rows, and beside the truth of a simulated market."""
    from pipelines.bench.rankers.rankers import as_text, run
    from pipelines.bench.search.search_market import SMALL, Market
    from pipelines.operations.training_environment import hand_over
    from serving.settings import load

    settings = load()
    home = settings.home
    if find_spec("torch") is None:  # few families can be trained here, and a best of few would be no answer
        given = ["--data", data, "--talkingdata", str(talkingdata), "--partition", partition, "--head", head]
        given += [*(["--small"] if small else []), *(["--report", str(report)] if report else []), *(["--json"] if as_json else [])]
        hand_over(settings, "bench", "rankers", *given, shown=True)
        return
    page = report or home.reports / "bench-rankers.html"
    say = functools.partial(typer.echo, err=True)
    kept = (home, head, parse_day(partition)) if partition else None
    result, held = run(data, SMALL if small else Market(), talkingdata, kept, page, say)
    emit(result, as_json, [*as_text(held), f"report: {page}"])


@group.command("recall")
@guarded
def recall(
    partition: str = typer.Option(..., "--partition", help="Day whose knowledge is used, YYYY-MM-DD; the day after is recalled."),
    as_json: bool = JSON,
) -> None:
    """Recall of the next day's clicked ads by source of vectors, and the index against exact search; on the state folder's logs."""
    from feature_repo.days import parse_day
    from pipelines.bench.search.recall import as_text, run
    from pipelines.operations.training_environment import hand_over
    from serving.settings import load

    settings, day = load(), parse_day(partition)
    if find_spec("torch") is None:
        hand_over(settings, "bench", "recall", "--partition", partition, *(["--json"] if as_json else []), shown=True)
        return
    result = run(settings, day, functools.partial(typer.echo, err=True))
    emit(result, as_json, as_text(result))


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="bench")

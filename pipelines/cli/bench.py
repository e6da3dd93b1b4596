"""`placard bench`: what the platform costs, measured beside what it is compared with."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Day, Head, Json, Market, Requests, Seeds, Small, SomeDay, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings

SERVE = example("placard bench serve --small --json")
group = typer.Typer(no_args_is_help=True, epilog=SERVE, help="Benchmarks, as JSON.")


@group.command("serve", epilog=SERVE)
@prepared
def serve(
    settings: Settings, requests: Requests = 200, small: Small = False, market: Market = True, seeds: Seeds = "201,202,203",
    as_json: Json = False,
) -> None:  # fmt: skip
    """The engine beside the naive way and the scoring floor; stages; HTTP; the tiers, speculation and bad shadows.

    So many requests a size of catalogue; small: 10,000 and 50,000 ads. The market tells what speculation loses.
    """
    from pipelines.bench.search import search_market
    from pipelines.bench.seeds import reportable
    from pipelines.bench.serving.serve import SIZES, as_text, run

    numbers = reportable(seeds)[: 1 if small else None]
    judged = (search_market.SMALL if small else search_market.Market()) if market else None
    say = functools.partial(typer.echo, err=True)
    result = run(requests, (10_000, 50_000) if small else SIZES, 2.0 if small else 5.0, settings.home, judged, numbers, say)
    emit(result, as_json, as_text(result))


@group.command("overload", epilog=example("placard bench overload --small --json"))
@prepared
def overload(
    settings: Settings,
    seconds: Annotated[float, typer.Option("--seconds", min=0.5, max=600, help="Seconds of each load.")] = 5.0,
    small: Small = False,
    as_json: Json = False,
) -> None:
    """One worker at 8 times its rate: what it still answers in time, and how soon it recovers. The load has a core of its own.

    Small: 10,000 ads instead of 100,000.
    """
    from pipelines.bench.serving.overload import run
    from pipelines.bench.serving.serve import as_text

    result = run(10_000 if small else 100_000, seconds, functools.partial(typer.echo, err=True))
    emit(result, as_json, as_text(result))


@group.command("cache", epilog=example("placard bench cache --small --json"))
@prepared
def cache(settings: Settings, small: Small = False, as_json: Json = False) -> None:
    """Hit ratios beside predicted ones on three Zipf exponents, what a user's row costs with the cache, stale reads beside events.

    In memory and in a redis-server of its own. Small: seconds of fewer requests, whose ratios are rough.
    """
    from pipelines.bench.serving.cache import run
    from pipelines.bench.serving.serve import as_text

    result = run(small, functools.partial(typer.echo, err=True))
    emit(result, as_json, as_text(result))


@group.command("features", epilog=example("placard bench features --small --json"))
@prepared
def features(
    settings: Settings,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=1000, help="Interleaved rounds a size.")] = 5,
    small: Small = False,
    as_json: Json = False,
) -> None:
    """A day's build beside hand-written DuckDB SQL, its growth, and the point-in-time join of labels.

    Small: 100,000 and 200,000 impressions.
    """
    from pipelines.bench.features.features import LABELS, SIZES, as_text, run

    result = run((100_000, 200_000), 100_000, rounds) if small else run(SIZES, LABELS, rounds)
    emit(result, as_json, as_text(result))


@group.command("search", epilog=example("placard bench search --small --no-market --json"))
@prepared
def search(
    settings: Settings, requests: Requests = 1_000, small: Small = False, market: Market = True, seeds: Seeds = "201,202,203",
    as_json: Json = False,
) -> None:  # fmt: skip
    """A search end to end on one core, its stages, the keyword lookup, the index's size; its relevance and value against the truth.

    Small: 10,000 ads and 50,000 keywords.
    """
    from pipelines.bench.search import search_market
    from pipelines.bench.search.search import as_text, run
    from pipelines.bench.seeds import reportable

    numbers = reportable(seeds)[: 1 if small else None]
    judged = (search_market.SMALL if small else search_market.Market()) if market else None
    say = functools.partial(typer.echo, err=True)
    result = run(requests, 10_000, 50_000, judged, numbers, say) if small else run(requests, market=judged, seeds=numbers, say=say)
    emit(result, as_json, as_text(result))


@group.command("ope", epilog=example("placard bench ope --seeds 301,302,303 --json"))
@prepared
def ope(
    settings: Settings,
    seeds: Seeds = "201,202,203,204,205",
    runs: Annotated[int, typer.Option("--runs", min=0, max=1_000_000, help="Runs of each seed; 0: 40 of them, or 14 when small.")] = 0,
    requests: Annotated[
        int, typer.Option("--rounds", min=0, max=100_000_000, help="Requests of a log; 0: 40,000, or 10,000 when small.")
    ] = 0,
    explored: Annotated[
        float,
        typer.Option(
            "--explored", parser=arguments.number_within(0, 1), metavar="SHARE", help="Share of logged slates that are dealt at random."
        ),
    ] = 0.1,
    candidates: Annotated[int, typer.Option("--candidates", min=2, max=1000, help="Ads that are found for a request.")] = 12,
    small: Small = False,
    as_json: Json = False,
) -> None:
    """Coverage of off-policy intervals against simulated markets' truth, per estimator. Small: three of the seeds."""
    from pipelines.bench.ope import ROUNDS, RUNS, SMALL_ROUNDS, SMALL_RUNS, as_text, run
    from pipelines.bench.seeds import reportable
    from pipelines.evaluate.ope.bootstrap_error import RESAMPLES

    often, long = (SMALL_RUNS, SMALL_ROUNDS) if small else (RUNS, ROUNDS)
    say = functools.partial(typer.echo, err=True)
    result = run(
        reportable(seeds)[: 3 if small else None], runs or often, requests or long, RESAMPLES, settings.threads, say, explored, candidates
    )
    emit(result, as_json, as_text(result))


@group.command("rankers", epilog=example("placard bench rankers --small --report bench-rankers.html"))
@prepared
def rankers(
    settings: Settings,
    data: Annotated[
        str, typer.Option("--data", parser=arguments.bench_data, metavar="DATA", help="simulator, talkingdata, or both.")
    ] = "simulator",
    talkingdata: Annotated[Path, typer.Option("--talkingdata", help="TalkingData's log of clicks, as ingested.")] = Path(
        "train_sample.csv"
    ),
    day: SomeDay = None,
    head: Head = "click",
    seeds: Seeds = "201,202,203",
    small: Small = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            parser=arguments.file_to_write,
            metavar="FILE",
            help="Where the HTML page goes; default: with the platform's reports.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Every family beside LightGBM, CatBoost, scikit-learn and DCN-V2 on the same rows, and beside the truth of a simulated market.

    With a day: on the training set of that day and head, which this platform keeps, in place of the markets.
    """
    from pipelines.bench.rankers.rankers import as_text, require_log, run
    from pipelines.bench.search import search_market
    from pipelines.bench.seeds import reportable
    from pipelines.operations.training_environment import hand_over

    numbers = reportable(seeds)[: 1 if small else None]
    require_log(data, talkingdata)
    home = settings.home
    if find_spec("torch") is None:  # few families can be trained here, and a best of few would be no answer
        given = [
            "--data",
            data,
            "--talkingdata",
            str(talkingdata),
            "--head",
            head,
            "--seeds",
            seeds,
            *(["--partition", str(day)] if day else []),
        ]
        given += [*(["--small"] if small else []), *(["--report", str(report)] if report else []), *(["--json"] if as_json else [])]
        hand_over(settings, "bench", "rankers", *given, shown=True)
        return
    page = report or home.reports / "bench-rankers.html"
    say = functools.partial(typer.echo, err=True)
    kept = (home, head, day) if day else None
    result, held = run(data, search_market.SMALL if small else search_market.Market(), numbers, talkingdata, kept, page, say)
    emit(result, as_json, [*as_text(held), f"report: {page}"])


@group.command("calibration", epilog=example("placard bench calibration --small --json"))
@prepared
def calibration(
    settings: Settings,
    seeds: Seeds = "201,202,203",
    talkingdata: Annotated[Path | None, typer.Option("--talkingdata", help="TalkingData's log of clicks; without it only markets.")] = None,
    rankers: Annotated[
        str, typer.Option("--rankers", parser=arguments.rankers, metavar="NAMES", help="Families, with commas between.")
    ] = "xgboost,lightgbm,logistic",
    peers: Annotated[bool, typer.Option("--peers/--no-peers", help="Beside LightGBM, CatBoost and scikit-learn as users set them.")] = True,
    small: Small = False,
    as_json: Json = False,
) -> None:
    """What bundles promise over what comes on later rows, with the calibrator and without, on logs of several lengths and test shares.

    Small: one market of 120,000 impressions.
    """
    from pipelines.bench.calibration.calibration import as_text, run
    from pipelines.bench.search.search_market import SMALL, Market
    from pipelines.bench.seeds import reportable
    from pipelines.errors import Missing
    from pipelines.operations.training_environment import hand_over

    if talkingdata is not None and not talkingdata.is_file():
        raise Missing("TalkingData log", str(talkingdata), "Say where it lies with --talkingdata, or leave it out.")
    if find_spec("lightgbm") is None:
        given = ["--seeds", seeds, "--rankers", rankers, *(["--talkingdata", str(talkingdata)] if talkingdata else [])]
        given += [*(["--small"] if small else []), *([] if peers else ["--no-peers"]), *(["--json"] if as_json else [])]
        hand_over(settings, "bench", "calibration", *given, shown=True)
        return
    say = functools.partial(typer.echo, err=True)
    numbers = reportable(seeds)
    size = SMALL if small else Market(days=14, users=6_000, impressions=400_000)
    result, readings = run(
        size, numbers[:1] if small else numbers, talkingdata, rankers.split(","), settings.training.negative_rate, peers, say
    )
    emit(result, as_json, as_text(readings))


@group.command("recall", epilog=example("placard bench recall --partition 2026-01-31"))
@prepared
def recall(settings: Settings, day: Day, as_json: Json = False) -> None:
    """Recall of the next day's clicked ads by source of vectors, and the index against exact search; on the state folder's logs.

    The day is the one whose knowledge is used; the day after is recalled.
    """
    from pipelines.bench.search.recall import as_text, run
    from pipelines.operations.training_environment import hand_over

    if find_spec("torch") is None:
        hand_over(settings, "bench", "recall", "--partition", str(day), *(["--json"] if as_json else []), shown=True)
        return
    result = run(settings, day, functools.partial(typer.echo, err=True))
    emit(result, as_json, as_text(result))


@group.command("start", epilog=example("placard bench start --json"))
@prepared
def start(
    settings: Settings,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=1000, help="How often each command is run; the least counts.")] = 3,
    as_json: Json = False,
) -> None:
    """What the command itself costs to start, in seconds of processor time: help, the registry's list, the doctor."""
    from pipelines.bench.start import as_text, run

    result = run(settings.home, rounds, functools.partial(typer.echo, err=True))
    emit(result, as_json, as_text(result))


@group.command("text", epilog=example("placard bench text --json"))
@prepared
def text(
    settings: Settings,
    languages: Annotated[str, typer.Option("--languages", metavar="CODES", help="Two-letter codes, with commas between.")] = "en,de",
    small: Small = False,
    as_json: Json = False,
) -> None:
    """How many good searches the spelling correction alters, how many planted typing errors it mends, and how many it leads astray.

    Of texts that are made of public word lists. Small: a tenth of the texts.
    """
    from pipelines.bench.text.text import as_text, run

    result = run(languages.split(","), small, settings.seed, functools.partial(typer.echo, err=True))
    emit(result, as_json, as_text(result))


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="bench")

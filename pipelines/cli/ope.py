"""`placard ope`: what another policy would have earned, from a log with propensities; refuses where the log tells too little."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Days, Json, SomeDay, example
from pipelines.cli.output import emit, people, prepared
from pipelines.reporting.figure import Figure, report

if TYPE_CHECKING:
    from datetime import date

    from pipelines.evaluate.ope.answer import Answer
    from pipelines.evaluate.ope.estimate import Estimate
    from pipelines.evaluate.ope.feedback import Feedback
    from pipelines.evaluate.ope.target import Target
    from serving.settings import Settings


@dataclass(frozen=True)
class _Wish:
    """Whose value is asked for: a target by name, or a policy of the user's own, in a file or a column."""

    name: str
    file: Path | None
    column: str

    @property
    def own(self) -> bool:
        return self.file is not None or bool(self.column)


def _bandit(settings: Settings, path: Path, wish: _Wish, learn_share: float) -> tuple[dict[str, Any], Feedback, Target]:
    from pipelines.evaluate.ope.bandit_log import read_bandit_log
    from pipelines.evaluate.ope.bandit_targets import bandit_target
    from pipelines.evaluate.ope.own_bandit_target import own_bandit_policy, own_bandit_target

    log = read_bandit_log(path)
    if wish.own:
        judged, policy = log, own_bandit_target(log, own_bandit_policy(path, wish.file, wish.column))
    else:
        judged, policy = bandit_target(log, wish.name, learn_share, settings.seed)
    setup = {"log": log.part, "rows": len(log), "learned_from": len(log) - len(judged), "items": log.items}
    return setup, judged.feedback, policy


def _served(settings: Settings, wish: _Wish, day: date, days: int) -> tuple[dict[str, Any], Feedback, Target]:
    from datetime import timedelta

    from pipelines.errors import Missing
    from pipelines.evaluate.ope.own_served_target import own_served_policy, own_served_target
    from pipelines.evaluate.ope.ranker_named import ranker_named
    from pipelines.evaluate.ope.served_rounds import served_rounds
    from pipelines.evaluate.ope.served_targets import UNIFORM, reranked, uniform
    from pipelines.warehouse.label_times import LabelTimes
    from serving.eventlog.opening import served_log

    own = own_served_policy(wish.file, wish.column) if wish.file else None
    ranker = None if own or wish.name == UNIFORM else ranker_named(settings.home, wish.name)
    with served_log(settings) as log:
        times = LabelTimes.of(settings.training)
        served = served_rounds(settings.home, log, day - timedelta(days=days - 1), day, times)
    setup = {"log": "served", "day": day, "days": days, "left_out": served.left_out, "immature": served.immature}
    if not served.rounds:
        fix = (
            f"None of them can be judged ({served.immature} are younger than {times.maturity}, {served.left_out} carry no chances or no "
            "vectors): serve more, and let a day pass."
        )
        raise Missing(f"served decisions up to {day}", len(served.rounds), fix)
    if own:
        return setup, served.feedback, own_served_target(served, own)
    return setup, served.feedback, uniform(served) if ranker is None else reranked(served, ranker)


def _figures(found: Answer) -> list[Figure]:
    from pipelines.evaluate.ope.verdict import LEAST_CARRYING, LEAST_REWARDS, LEAST_SIZE, MOST_CLIPPED, MOST_UNSUPPORTED

    figures = [Figure("logged", found.logged, "clicks")]
    for e in found.estimates:
        figures += [
            Figure(e.estimator, _finite(e.value), "clicks"),
            Figure(f"{e.estimator}_low", _finite(e.low), "clicks"),
            Figure(f"{e.estimator}_high", _finite(e.high), "clicks"),
            _least(f"{e.estimator}_effective_sample_size", e.effective_sample_size, LEAST_SIZE, "rows"),
            Figure(f"{e.estimator}_clipped_sample_size", e.clipped_sample_size, "rows"),
            _least(f"{e.estimator}_expected_rewards", e.expected_rewards, LEAST_REWARDS, "clicks"),
            _least(f"{e.estimator}_carrying_rewards", e.carrying_rewards, LEAST_CARRYING, "clicks"),
            _most(f"{e.estimator}_unsupported", e.unsupported, MOST_UNSUPPORTED),
            _most(f"{e.estimator}_clipped", e.clipped, MOST_CLIPPED),
        ]
    for position, e in found.positions.items():
        ends = (("", e.value), ("_low", e.low), ("_high", e.high))
        figures += [Figure(f"position_{position}_{e.estimator}{end}", _finite(value), "clicks") for end, value in ends]
    return figures


def _between(e: Estimate) -> str:
    return "no interval" if math.isnan(e.low) else f"{e.low:.6f} to {e.high:.6f}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _least(name: str, value: float, bound: float, unit: str) -> Figure:
    return Figure(name, value, unit, f"≥ {bound:g}", value >= bound)


def _most(name: str, value: float, bound: float) -> Figure:
    return Figure(name, _finite(value), "share", f"≤ {bound:g}", value <= bound)


def _lines(found: Answer) -> list[str]:
    head = f"{found.target} on {found.rounds:,} rounds; the policy that logged earned {found.logged:.6f} clicks a round"
    lines = [head, f"{'':14} {'estimate':>9}  {'95 % interval':<21} {'effective rows':>14} {'clipped':>9} {'clicks':>8}  verdict"]
    for e, v in zip(found.estimates, found.verdicts, strict=True):
        between = _between(e)
        word = "conclusive" if v.conclusive else "too little"
        sizes = f"{e.effective_sample_size:14,.1f} {e.clipped_sample_size:9,.1f}"
        lines.append(f"{e.estimator:14} {e.value:9.6f}  {between:<21} {sizes} {e.expected_rewards:8,.1f}  {word}")
    for position, e in found.positions.items():
        lines.append(f"  position {position:<3} {e.value:9.6f}  {_between(e)}")
    return [*lines, *(f"{name} needs {what}, which is not told" for name, what in found.silent)]


@prepared
def ope(
    settings: Settings,
    log_dir: Annotated[
        Path | None, typer.Argument(exists=True, file_okay=False, help="An Open Bandit log: the folder of one campaign, like random/men.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            help="Whose value: uniform; of a log deterministic:ITEM, best-item, proportional or ranked; with --served an alias or version.",
        ),
    ] = "",
    target_file: Annotated[
        Path | None,
        typer.Option(
            "--target-file", metavar="FILE",
            help="A policy of your own: .parquet or .csv with row (with --served: decision_id, position) and probability, that of what was "
            "logged; or, with item_id (creative_id) too, that of each ad it may show.",
        ),
    ] = None,
    target_column: Annotated[
        str,
        typer.Option("--target-column", metavar="NAME", help="Which column holds the probabilities; without a file, a column of the log."),
    ] = "",
    served: Annotated[bool, typer.Option("--served", help="Judge on our own served decisions instead of a log.")] = False,
    day: SomeDay = None,
    days: Days = 7,
    learn_share: Annotated[
        float,
        typer.Option(
            "--learn-share", parser=arguments.share, metavar="SHARE",
            help="Of a log: the earlier share that best-item and the like learn from.",
        ),
    ] = 0.5,
    clip: Annotated[
        float | None,
        typer.Option(
            "--clip", parser=arguments.number_within(1, 1e12), metavar="WEIGHT",
            help="Most that a weight may be; default: the square root of their number.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Each estimator with its interval and effective sample size, and a verdict; exit 3 where the log tells too little.

    With --served: decisions of so many days up to the day are judged on.
    """
    from rich.markup import escape

    from pipelines.errors import PipelineError, Refused
    from pipelines.evaluate.ope.answer import answer
    from pipelines.evaluate.ope.bandit_targets import DETERMINISTIC, NAMES

    if served == (log_dir is not None):
        raise PipelineError("argument LOG_DIR", str(log_dir or ""), "Name the folder of a log, or say --served, not both.")
    wish = _Wish(target, target_file, target_column)
    if bool(target) == wish.own:
        fix = f"Name a target ({', '.join(NAMES)}, or a ranker), or a policy of your own with --target-file or --target-column, not both."
        raise PipelineError("option --target", target, fix)
    if served and target_column and target_file is None:
        raise PipelineError("option --target-column", target_column, "What was served has no such column: name a file with --target-file.")
    if log_dir and target and target not in NAMES and not target.startswith(DETERMINISTIC):
        raise PipelineError("target", target, f"Name one of {', '.join(NAMES)}.")
    if served and day is None:
        raise PipelineError("option --partition", "", "`placard ope --served` needs a day: --partition YYYY-MM-DD.")
    if day and not served:
        raise PipelineError("option --partition", str(day), "A log is read whole; the option goes with --served.")
    with people.status("Estimating"):
        if log_dir:
            setup, feedback, policy = _bandit(settings, log_dir, wish, learn_share)
        elif day:
            setup, feedback, policy = _served(settings, wish, day, days)
        found = answer(feedback, policy, settings.seed, clip, settings.threads)
    verdict = found.verdict
    setup |= {
        "target": found.target, "rounds": found.rounds, "slots": found.slots, "seed": settings.seed,
        "silent": [name for name, _ in found.silent],
        "conclusive": verdict.conclusive, "verdict": verdict.reason,
    }  # fmt: skip
    lines = _lines(found) + ([f"[bold]{escape(verdict.reason)}[/]"] if verdict.conclusive else [])
    emit(report("ope", setup, _figures(found)), as_json, lines)
    if not verdict.conclusive:
        raise Refused("verdict", found.target, f"The log tells too little: {verdict.reason}.")


def register(app: typer.Typer) -> None:
    app.command(
        "ope",
        epilog=example(
            "placard ope --served --partition 2026-01-31 --target challenger",
            "placard ope --served --partition 2026-01-31 --target-file mine.parquet",
        ),
    )(ope)

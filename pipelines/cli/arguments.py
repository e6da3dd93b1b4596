"""Reads what a person wrote for an option, before any work: each function takes the text and gives the value, or a usage error that
names what was written, what is known, and what comes nearest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import TypeVar

import typer

from feature_repo.errors import PlacardError
from pipelines.cli.moments import moment as moment_of

T = TypeVar("T")


def one_of(text: str, known: Iterable[str]) -> str:
    """The text, if it is one of the known names."""
    names = list(known)
    if text in names:
        return text
    near = get_close_matches(text, names, n=1)
    asked = f" Did you mean {near[0]}?" if near else ""
    raise typer.BadParameter(f"{text!r}. Known: {', '.join(names)}.{asked}")


def said(read: Callable[[str], T]) -> Callable[[str], T]:
    """The reader, with its errors as usage errors, which name the option."""

    @wraps(read)
    def reading(text: str) -> T:
        try:
            return read(text)
        except PlacardError as error:
            raise typer.BadParameter(f"{error.value!r}. {error.fix}") from None

    return reading


@said
def day(text: str) -> date:
    """A partition, YYYY-MM-DD, that has begun."""
    from feature_repo.days import parse_day, refuse_future

    return refuse_future(parse_day(text))


@said
def any_day(text: str) -> date:
    """A partition, YYYY-MM-DD, of any time."""
    from feature_repo.days import parse_day

    return parse_day(text)


@said
def moment(text: str) -> datetime:
    """A day, which stands for its end, or an ISO time."""
    return moment_of(text)


def head(text: str) -> str:
    """What a ranker predicts: click or conversion."""
    from feature_repo.services import HEADS

    return one_of(text, HEADS)


def registered_head(text: str) -> str:
    """What a registered model is for: a ranker's head, or a text model's."""
    from pipelines.gates.gates import GATES

    return one_of(text, GATES)


def ranker(text: str, further: tuple[str, ...] = ()) -> str:
    """The name of a model family, or one of some further names. Where the packages that train are not installed the name is not looked up:
    the verb says what is missing."""
    try:
        from pipelines.rankers import RANKERS
    except ModuleNotFoundError:
        return text
    return one_of(text, (*RANKERS, *further))


def ranker_or_auto(text: str) -> str:
    """The name of a model family, or `auto`."""
    try:
        from pipelines.training.choice import AUTO
    except ModuleNotFoundError:
        return text
    return ranker(text, (AUTO,))


def feature_table(text: str) -> str:
    """The name of a feature table."""
    from feature_repo.tables import TABLES

    return one_of(text, (table.name for table in TABLES))


@said
def candidate_alias(text: str) -> str:
    """A role that a candidate may be registered under: challenger, shadow or any shadow_NAME."""
    from pipelines.errors import PipelineError
    from serving.bundles.aliases import is_shadow

    if text != "challenger" and not is_shadow(text):
        fix = "Use challenger, shadow or shadow_NAME; `placard promote` makes champions, `placard registry alias` the tiers below."
        raise PipelineError("alias", text, fix)
    return text


@said
def hand_alias(text: str) -> str:
    """A role that may be set by hand: every one but champion and previous."""
    from pipelines.errors import PipelineError
    from serving.bundles.aliases import is_alias

    if text in ("champion", "previous") or not is_alias(text):
        fix = "Use fallback, fast, challenger, shadow or shadow_NAME; `placard promote` and `placard rollback` make champions."
        raise PipelineError("alias", text, fix)
    return text


def language_alias(text: str) -> str:
    return one_of(text, ("challenger", "champion"))


def announcement(text: str) -> str:
    """When models may follow a day."""
    return one_of(text, ("newest", "always", "never"))


def training_step(text: str) -> str:
    return one_of(text, ("dataset", "fit", "all"))


def exploration(text: str) -> str:
    """on, off, or both."""
    return one_of(text, ("on", "off", "both"))


def bench_data(text: str) -> str:
    return one_of(text, ("simulator", "talkingdata", "both"))


def device(text: str) -> str:
    """A kind of device, by its name or a common one for it."""
    from feature_repo import request_words
    from feature_repo.taxonomy import DEVICES

    kind = request_words.device(text)
    return kind if kind in DEVICES else one_of(text, DEVICES)


def log_source(text: str) -> str:
    """A log format, `table`, or one of the two words that stand for logs of a day."""
    from pipelines.ingest import FORMATS

    return one_of(text, [*FORMATS, "table", "serving", "day"])


def mapped_table(text: str) -> str:
    """What a row of a table is."""
    from pipelines.ingest.table.vocabulary import FIELDS

    return one_of(text, FIELDS)


def number(text: str) -> float:
    """A finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise typer.BadParameter(f"{text!r}. Use a finite number.")
    return value


def number_within(least: float, most: float) -> Callable[[str], float]:
    """Reads a finite number from least to most, both included."""

    def within(text: str) -> float:
        value = number(text)
        if not least <= value <= most:
            raise typer.BadParameter(f"{text!r}. Use a number from {least:g} to {most:g}.")
        return value

    return within


def share(text: str) -> float:
    """A share strictly between 0 and 1."""
    value = number(text)
    if not 0 < value < 1:
        raise typer.BadParameter(f"{text!r}. Use a share between 0 and 1.")
    return value


def file_to_write(text: str) -> Path:
    """A file to come, in a folder that is there."""
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"{text!r}. Name a file in a folder that is there.")
    return path


def seeds(text: str) -> str:
    """Whole numbers from 0, with commas between, each once."""
    numbers = text.split(",")
    if not all(number.strip().isdecimal() for number in numbers) or len(set(map(int, numbers))) < len(numbers):
        raise typer.BadParameter(f"{text!r}. Write whole numbers with commas between, each once: 11,12,13.")
    return ",".join(str(int(number)) for number in numbers)


def rankers(text: str) -> str:
    """Names of model families, with commas between."""
    return ",".join(ranker(name.strip()) for name in text.split(","))


@said
def count(text: str) -> int:
    """A whole number, also as 2e9 or 2_000_000."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value != int(value):
        raise typer.BadParameter(f"{text!r} is no whole number.")
    return int(value)

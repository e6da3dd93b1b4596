"""Every option that more than one verb has, declared once, and how an example stands below a verb's help."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

import typer

from pipelines.cli import arguments

MOST_DAYS: Final = 3660
"""Ten years: a longer look back is a slip of the finger."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_DAY = typer.Option("--partition", parser=arguments.day, metavar="DAY", help="The day, YYYY-MM-DD.")
Day = Annotated[date, _DAY]
SomeDay = Annotated[date | None, _DAY]
"""Of a verb that also does without a day: its help says what it does then."""
At = Annotated[
    datetime | None,
    typer.Option("--at", parser=arguments.moment, metavar="MOMENT", help="A day, which stands for its end, or an ISO time; default: now."),
]
Days = Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="Days that are looked at, up to the partition.")]
Head = Annotated[str, typer.Option("--head", parser=arguments.head, metavar="HEAD", help="What is predicted: click or conversion.")]
RegisteredHead = Annotated[
    str, typer.Argument(parser=arguments.registered_head, metavar="HEAD", help="click, conversion, language or encoder.")
]
SomeRegisteredHead = Annotated[
    str | None,
    typer.Argument(parser=arguments.registered_head, metavar="[HEAD]", help="click, conversion, language or encoder; default: all."),
]
Watch = Annotated[
    float,
    typer.Option(
        "--watch", parser=arguments.number_within(0, 86_400), metavar="SECONDS",
        help="Look again every so many seconds, until Ctrl-C; 0: look once.",
    ),
]  # fmt: skip
Version = Annotated[str, typer.Argument(help="A registered version, as `placard registry list` shows it.")]
Ranker = Annotated[str, typer.Option("--ranker", parser=arguments.ranker, metavar="NAME", help="Which ranker, by its family's name.")]
RankerOrAuto = Annotated[
    str,
    typer.Option(
        "--ranker",
        parser=arguments.ranker_or_auto,
        metavar="NAME",
        help="Which ranker, by its family's name; auto: the family that the log's size is worth.",
    ),
]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.")]
Small = Annotated[bool, typer.Option("--small", help="Small sizes: minutes instead of many, and too small to judge by.")]
Market = Annotated[bool, typer.Option("--market/--no-market", help="Also measure against the truth of a simulated market.")]
Seeds = Annotated[
    str,
    typer.Option(
        "--seeds", parser=arguments.seeds, metavar="SEEDS", help="Of the simulated markets; those that something was tuned on are refused."
    ),
]
Requests = Annotated[int, typer.Option("--requests", min=10, max=1_000_000, help="How many requests are sent.")]
_USERS = typer.Option("--users", min=50, max=100_000_000, help="People who appear in the simulated market.")
Users = Annotated[int, _USERS]
SomeUsers = Annotated[int | None, _USERS]
_CREATIVES = typer.Option("--creatives", min=40, max=100_000_000, help="Ads that appear in the simulated market.")
Creatives = Annotated[int, _CREATIVES]
SomeCreatives = Annotated[int | None, _CREATIVES]
_IMPRESSIONS = typer.Option("--impressions", min=100, max=10_000_000_000, help="Simulated impressions over all days, about.")
Impressions = Annotated[int, _IMPRESSIONS]
SomeImpressions = Annotated[int | None, _IMPRESSIONS]
"""Of a verb that takes the market of the state folder where nothing is said."""


def example(*lines: str) -> str:
    """What stands below a verb's help: command lines as a person would type them, which are not wrapped."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)

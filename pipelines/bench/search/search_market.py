"""The second half of `bench search`: how good search is, on a fresh simulated market whose truth is known."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.services import HEADS
from pipelines.bench.seeds import over_seeds, seeds_setup
from pipelines.evaluate.search import SLOTS, SearchTruth, evaluate_search
from pipelines.operations.training_environment import command_of
from pipelines.operations.verb import Progress, verb
from pipelines.rankers import RANKERS
from pipelines.reporting.figure import Figure
from pipelines.training.fit import is_elsewhere
from serving.bundles.aliases import read_aliases
from serving.settings import Settings

LEAST_SHARE: Final = 0.95
FIRST: Final = date(2026, 1, 5)
PRIMARY: Final = "deep_ensemble"
MANY: Final = 1_000_000
"""Impressions from which the latest twentieth is enough to judge a candidate by; the rest teaches it."""


@dataclass(frozen=True)
class Market:
    """What is simulated and learned from: long enough for windows of 30 days to fill. searches: of the day after, most that are judged."""

    days: int = 28
    users: int = 10_000
    creatives: int = 1_000
    impressions: int = 3_000_000
    searches: int = 12_000
    seed: int = 7


SMALL: Final = Market(days=7, users=3_000, creatives=400, impressions=120_000, searches=300)


@dataclass(frozen=True)
class PreparedMarket:
    """last: the last day that is known. primary: which ranker the champion of clicks is; the one before it is its fallback."""

    last: date
    primary: str


def prepare(home: Home, market: Market, say: Progress) -> PreparedMarket:
    """Simulates the market and brings language, features and rankers live by the verbs that production runs: trees first, then, on a
    market that is large enough to judge by and where torch is installed, PRIMARY in front of them."""
    last = FIRST + timedelta(days=market.days - 1)
    verb(
        home, "simulate", "--days", str(market.days), "--start", str(FIRST), "--users", str(market.users),
        "--creatives", str(market.creatives), "--impressions", str(market.impressions), "--no-images", "--seed", str(market.seed), say=say,
    )  # fmt: skip
    key = ("--partition", str(last))
    verb(home, "language", "train", *key, "--alias", "champion", say=say)
    verb(home, "features", "history", "--from", str(FIRST), "--to", str(last), say=say)
    share = ("--test-share", "0.05") if market.impressions >= MANY else ()
    for head in HEADS:
        for step in (("train", *share), ("evaluate",), ("gate",), ("registry", "register")):
            verb(home, *step, *key, "--head", head, say=say)
        verb(home, "promote", head, say=say)
    if market.impressions < MANY or not _trains(PRIMARY):
        return PreparedMarket(last, "xgboost")
    _put_in_front(home, last, say)
    return PreparedMarket(last, PRIMARY)


def _trains(ranker: str) -> bool:
    return not is_elsewhere(RANKERS[ranker]) or command_of(Settings()).exists()


def _put_in_front(home: Home, last: date, say: Progress) -> None:
    """Trains PRIMARY, makes it the champion of clicks, through its gates, and the trees its fallback."""
    key = ("--partition", str(last), "--head", "click", "--ranker", PRIMARY)
    before = read_aliases(home.bundles)["click"]["champion"]
    for step in (("train", "--step", "fit"), ("evaluate",), ("gate",), ("registry", "register")):
        verb(home, *step, *key, say=say)
    verb(home, "promote", "click", say=say)
    verb(home, "registry", "alias", "click", before, "fallback", say=say)


def measure(root: Path, market: Market, say: Progress) -> tuple[list[Figure], dict[str, object]]:
    """Figures of understanding, recall, relevance and auction value on the searches of the day after the last one known; and what
    ranked."""
    home = Home(root)
    made = prepare(home, market, say)
    say("judging the next day's searches")
    return figures(evaluate_search(Settings(home_path=root), made.last, market.searches)), {"market_primary": made.primary}


def figures(found: SearchTruth) -> list[Figure]:
    out = [Figure(name, value, "score") for name, value in found.understanding.items()]
    out += [Figure(f"recall_{source}_at_{k}", share, "share") for source, by in found.recall.items() for k, share in by.items()]
    for name, contender in found.contenders.items():
        share = found.value_share(name)
        if name == "staged":
            out.append(Figure("oracle_value_share", share.value, "share", f"≥ {LEAST_SHARE:g}", share.value >= LEAST_SHARE))
            out += [Figure(f"oracle_value_share_{end}", getattr(share, end), "share") for end in ("low", "high")]
        elif name != "oracle":
            out.append(Figure(f"oracle_value_share_{name}", share.value, "share"))
        out.append(Figure(f"ndcg_at_{SLOTS}_{name}", contender.ndcg, "ndcg"))
        out.append(Figure(f"auction_value_{name}", contender.value, "micros"))
        out.append(Figure(f"shown_{name}", contender.shown, "ads"))
        out.append(Figure(f"astray_{name}", contender.astray, "share"))
    return out


Measure = Callable[[Path, Market, Progress], tuple[list[Figure], dict[str, object]]]
"""Makes a market in a folder and judges it: figures, and with what they were measured."""


def over_markets(measure: Measure, market: Market, seeds: Sequence[int], say: Progress) -> tuple[list[Figure], dict[str, object]]:
    """The figures over a market of that size for each seed, and what the report's setup says of them."""
    found, setup = dict[int, list[Figure]](), dict[str, object]()
    for seed in seeds:
        say(f"market of seed {seed}")
        with tempfile.TemporaryDirectory() as place:
            found[seed], told = measure(Path(place), replace(market, seed=seed), say)
        setup |= told
    return over_seeds(found), {**market_setup(market), **seeds_setup(seeds), **setup}


def market_setup(market: Market) -> dict[str, object]:
    """The market's size as the report names it; its seeds stand apart."""
    return {f"market_{name}": value for name, value in asdict(market).items() if name != "seed"}

"""The tiers on a fresh simulated market whose truth is known: how many candidates skip the champion, and what value is lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from feature_repo.sources import Home
from pipelines.bench.search_market import HEADS, Market, prepare
from pipelines.cli.output import Figure
from pipelines.evaluate.tiers import ALWAYS, SPECULATIVE, TierTruth, evaluate_tiers
from pipelines.rankers import RANKERS
from pipelines.run_verb import Progress, verb
from pipelines.train_environment import command_of, is_elsewhere
from serving.bundles.aliases import read
from serving.settings import Settings

PRIMARY_RANKER: Final = "deep_ensemble"
FAST_RANKER: Final = "xgboost_slim"
MOST_LOSS: Final = 0.005


def measure(root: Path, market: Market, say: Progress) -> tuple[list[Figure], dict[str, object]]:
    """Prepares the market, with a slim forest as the fast model of both heads, and decides requests of the day after. The champion of
    clicks is a deep ensemble with the forest it was promoted over as its fallback, or that forest where no torch is installed. Gives
    the figures, and which ranker each tier is."""
    home = Home(root)
    last = prepare(home, market, say)
    primary = _put_in_front(home, last, say) if _trains(PRIMARY_RANKER) else "xgboost"
    for head in HEADS:
        key = ("--partition", str(last), "--head", head, "--ranker", FAST_RANKER)
        verb(home, "train", *key, "--step", "fit", say=say)
        verb(home, "evaluate", *key, say=say)
        made = verb(home, "registry", "register", *key, "--alias", "shadow", say=say)
        verb(home, "registry", "alias", head, str(made["registered"]["version"]), "fast", say=say)
    say("deciding the next day's requests by every tier")
    found = figures(evaluate_tiers(Settings(home_path=root), last, market.searches))
    return found, {"market_primary": primary, "market_fallback": "xgboost", "market_fast": FAST_RANKER}


def _trains(ranker: str) -> bool:
    family = RANKERS[ranker]
    return not is_elsewhere(family) or command_of(Settings()).exists()


def _put_in_front(home: Home, last: date, say: Progress) -> str:
    """Trains PRIMARY_RANKER, makes it the champion of clicks and the one before it the fallback. Its gates are shown, not heeded: what
    is measured is the tiers."""
    key = ("--partition", str(last), "--head", "click", "--ranker", PRIMARY_RANKER)
    before = read(home.bundles)["click"]["champion"]
    verb(home, "train", *key, "--step", "fit", say=say)
    verb(home, "evaluate", *key, say=say)
    made = verb(home, "registry", "register", *key, "--alias", "shadow", say=say)
    verb(home, "registry", "alias", "click", before, "fallback", say=say)
    verb(home, "promote", "click", str(made["registered"]["version"]), "--override", "the tiers are what is measured", say=say)
    return PRIMARY_RANKER


def figures(found: dict[str, TierTruth]) -> list[Figure]:
    """By surface; the target is of each."""
    out = []
    for surface, truth in found.items():
        loss = truth.value_loss()
        out += [
            Figure(f"speculative_value_loss_{surface}", loss.value, "share", f"≤ {MOST_LOSS:g}", loss.value <= MOST_LOSS),
            Figure(f"speculative_value_loss_{surface}_low", loss.low, "share"),
            Figure(f"speculative_value_loss_{surface}_high", loss.high, "share"),
            Figure(f"speculative_share_{surface}", float(truth.ways[SPECULATIVE].skipped.mean()), "share"),
            Figure(f"candidates_{surface}", truth.candidates, "ads"),
        ]
        for name in truth.ways:
            if name not in (ALWAYS, SPECULATIVE):
                out.append(Figure(f"value_loss_{name}_alone_{surface}", truth.value_loss(name).value, "share"))
    return out

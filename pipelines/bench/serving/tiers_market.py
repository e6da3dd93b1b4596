"""The tiers on a fresh simulated market whose truth is known: how many candidates skip the champion, and what value is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.services import HEADS
from pipelines.bench.search.search_market import Market, prepare
from pipelines.evaluate.tiers import ALWAYS, SPECULATIVE, TierTruth, evaluate_tiers
from pipelines.operations.verb import Progress, verb
from pipelines.reporting.figure import Figure
from serving.settings import Settings

FAST_RANKER: Final = "xgboost_slim"
MOST_LOSS: Final = 0.005


def measure(root: Path, market: Market, say: Progress) -> tuple[list[Figure], dict[str, object]]:
    """Prepares the market, with a slim forest as the fast model of both heads, and decides requests of the day after. Gives the
    figures, and which ranker the primary and the fast tier are."""
    home = Home(root)
    made = prepare(home, market, say)
    for head in HEADS:
        key = ("--partition", str(made.last), "--head", head, "--ranker", FAST_RANKER)
        verb(home, "train", *key, "--step", "fit", say=say)
        verb(home, "evaluate", *key, say=say)
        registered = verb(home, "registry", "register", *key, "--alias", "shadow", say=say)
        verb(home, "registry", "alias", head, str(registered["registered"]["version"]), "fast", say=say)
    say("deciding the next day's requests by every tier")
    found = figures(evaluate_tiers(Settings(home_path=root), made.last, market.searches))
    return found, {"market_primary": made.primary, "market_fast": FAST_RANKER}


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

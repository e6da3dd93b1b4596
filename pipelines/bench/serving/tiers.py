"""The tiers in `bench serve`: what each costs a request, what speculation saves, and what a bad shadow does to the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from feature_repo.home import Home
from pipelines.bench.serving.perceptron import perceptron
from pipelines.bench.serving.shadows import shadows
from pipelines.bench.serving.synthetic import catalogue, ranker
from pipelines.bench.serving.synthetic_request import synthetic_request
from pipelines.reporting.figure import Figure
from serving.bundles import Bundle, write_bundle
from serving.bundles.aliases import read_aliases, version_folder
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.stages import Profiles
from serving.ledger.memory import MemoryLedger
from serving.settings import Settings
from serving.snapshot import open_current
from serving.surfaces.proactive import proactive

NETWORKS: Final = 3
SHADOWED: Final = 5
"""Times as many requests beside each kind of shadow: their p99 is looked at."""


def tiers(
    root: Path, requests: int, ads: int, scored: int, profiles: Profiles, home: Home | None = None
) -> tuple[list[Figure], dict[str, Any]]:
    """Figures and what they were measured with. home: a registered deep_ensemble there is the champion, else one of the usual size
    whose networks are untrained."""
    catalogue(root / "snapshots", ads)
    snapshot = open_current(root / "snapshots")
    forest, slim = ranker(root / "fallback"), ranker(root / "fast", trees=120, depth=3, eta=0.1)
    champion = _registered(home) or _ensemble(root / "champion", forest)
    settings = Settings(home_path=root, candidates=scored, explore_share=0)
    roles = {"champion": champion, "fallback": replaced(forest, "2"), "fast": replaced(slim, "3")}
    full = Live(snapshot, {("click", alias): bundle for alias, bundle in roles.items()})
    alone = {alias: Live(snapshot, {("click", "champion"): bundle}) for alias, bundle in roles.items()}
    ways: Mapping[str, Live] = {"primary": alone["champion"], "speculative": full, "fallback": alone["fallback"], "fast": alone["fast"]}
    engines = {way: Engine({"proactive": proactive(profiles, MemoryLedger(), settings)}, settings) for way in ways}
    ms: dict[str, list[float]] = {way: [] for way in ways}
    share = []
    for i in range(-max(requests // 10, 3), requests):
        for way, live in ways.items():
            decision = engines[way].decide(synthetic_request(i), live)
            if decision.rung != "full":
                raise AssertionError(f"{way} answered {decision.rung}: {(*decision.flags, *decision.errors)}")
            if i >= 0:
                ms[way].append(decision.stage_ms["precision"])
            if i >= 0 and way == "speculative":
                share.append(1 - decision.scored[decision.policy] / sum(decision.scored.values()))
    figures = []
    for way, took in ms.items():
        figures += [Figure(f"tier_{way}_{name}_ms", float(np.quantile(took, q)), "ms") for name, q in (("p50", 0.5), ("p99", 0.99))]
    p50 = {way: float(np.median(took)) for way, took in ms.items()}
    figures += [
        Figure("speculative_share", float(np.mean(share)), "share"),
        Figure("speculative_saved_ms", p50["primary"] - p50["speculative"], "ms"),
        Figure("speculative_saved_share", 1 - p50["speculative"] / p50["primary"], "share"),
    ]
    figures += shadows(root, engines["primary"], alone["champion"], SHADOWED * requests)
    return figures, {"tier_primary": champion.manifest.ranker, "tier_members": [name for name, _ in champion.manifest.members]}


def replaced(bundle: Bundle, version: str) -> Bundle:
    """The same under another version, in memory."""
    return Bundle(replace(bundle.manifest, version=version), bundle.members, bundle.encodings, bundle.tables)


def _ensemble(place: Path, forest: Bundle) -> Bundle:
    """The forest and networks of the usual size, whose say is small: they were never trained."""
    k = len(forest.manifest.columns)
    members = {f"network{i}.onnx": (0.05, perceptron(k, seed=i)) for i in range(NETWORKS)}
    members["model.ubj"] = (1 - 0.05 * NETWORKS, (place.parent / "fallback" / "model.ubj").read_bytes())
    typical = np.zeros((2, k), np.float32)
    return write_bundle(place, replace(forest.manifest, ranker="untrained_ensemble"), members, forest.encodings, forest.tables, typical)


def _registered(home: Home | None) -> Bundle | None:
    """The champion of a state folder, where it is a deep ensemble."""
    version = read_aliases(home.bundles).get("click", {}).get("champion", "") if home is not None else ""
    found = Bundle.load(version_folder(home.bundles, "click", version), "click") if home is not None and version else None
    return found if found is not None and found.manifest.ranker == "deep_ensemble" else None

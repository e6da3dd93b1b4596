"""Registers a candidate that passed its gates."""

from __future__ import annotations

from datetime import date
from typing import Final

from pipelines.datasets.training_set import read
from pipelines.errors import Refused
from pipelines.evaluate.assess import evidence_of
from pipelines.evaluate.logged_evaluation import evaluation_files, evaluation_tags
from pipelines.gates.evidence import of_version
from pipelines.registry.again import had_role, newer_in_role, registered_before
from pipelines.registry.listing import versions
from pipelines.registry.register import register
from pipelines.registry.roles import finish, set_alias
from pipelines.registry.version import Version
from pipelines.training.candidate import candidate, load_candidate
from serving.bundles.aliases import is_shadow
from serving.settings import Settings

EXAMPLE_ROWS: Final = 5


def register_candidate(settings: Settings, head: str, day: date, ranker: str, alias: str) -> Version:
    """Registers a candidate that passed its gates (as @shadow, any that was evaluated), and what its evaluation found with it.

    A candidate that is registered already, file by file, is that version. It gets the alias unless it had it before. A challenger that
    was trained to a later moment stays: the version is registered without an alias. Raises Refused naming the gates that failed.
    """
    home = settings.home
    evidence = evidence_of(home, head, day, ranker)
    failed = [v.failure for v in evidence.verdicts() if not v.passed]
    if failed and not is_shadow(alias):
        raise Refused(f"{head} candidate {ranker} of {day}", "; ".join(failed), "It was not registered; the champion stays.")
    folder, trained_to = candidate(home, head, day, ranker), load_candidate(home, head, day, ranker).manifest.trained_to
    given = "" if not is_shadow(alias) and newer_in_role(settings, head, alias, trained_to) else alias
    finish(settings)
    version = registered_before(settings, head, folder)
    if version is None:
        dataset = read(home, head, day).narrowed(load_candidate(home, head, day, ranker).manifest.columns)
        version = register(
            settings, folder, "", f"trained on {day}", evidence.metrics, evaluation_files(home, head, day, ranker),
            dataset.matrix[dataset.part("test")][:EXAMPLE_ROWS],
            evidence.calibrated, evaluation_tags(evidence),
        )  # fmt: skip
    kept = of_version(home.bundles, head, version.version)
    if not kept.exists():
        evidence.write(kept)
    if given and not had_role(settings, head, given, version.version):
        set_alias(settings, head, given, version.version, f"trained on {day}")
    return next(v for v in versions(settings, head) if v.version == version.version)

"""Carries out changes of roles and refusals: a death at any moment leaves the old or the new, and the rest is made up for.

First the intention is written down. Then the file of aliases is replaced, which is the step that decides. What follows from it (refusals,
journal, MLflow) may be done twice without harm: whoever changes something next does it where a death has cost it. An intention whose
aliases were never replaced is dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from feature_repo.addresses import without_password
from pipelines.errors import PipelineError
from pipelines.registry import journal
from pipelines.registry.journal import REFUSED, Change
from pipelines.registry.listing import aliases_of
from pipelines.registry.mlflow_models import tell
from pipelines.registry.mlflow_store import address
from pipelines.registry.standing import served
from pipelines.registry.targets import check_target
from serving.bundles.aliases import Aliases, write_aliases
from serving.bundles.refusals import write_refusals
from serving.errors import BundleUnjudged
from serving.settings import Settings

log = logging.getLogger(__name__)


def now() -> str:
    """The moment that a line of the journal gets."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def carry_out(settings: Settings, changes: Sequence[Change]) -> None:
    """Makes the changes, each version that gets a role verified first. The caller holds the lock `models`.

    Raises what `targets.check_target` raises, and changes nothing then. Raises PipelineError where MLflow cannot be told: serving follows
    the change by then, and the next change tells MLflow.
    """
    bundles = settings.home.bundles
    before = aliases_of(settings)
    for change in changes:
        _check(settings, change, before)
    catch_up(settings)
    aliases = {head: dict(by) for head, by in before.items()}
    for change in changes:
        mine = aliases.setdefault(change.head, {})
        if change.alias != REFUSED:
            mine.pop(change.alias, None)
            mine |= {change.alias: change.version} if change.version else {}
    journal.intend(bundles, changes)
    if any(change.alias != REFUSED for change in changes):
        write_aliases(bundles, aliases)
    _finish(settings)


def _check(settings: Settings, change: Change, aliases: Aliases) -> None:
    if change.alias == REFUSED or not change.version:
        return
    try:
        check_target(settings, change.head, change.version)
    except BundleUnjudged:
        if change.version not in served(settings.home.bundles, change.head, aliases):
            raise


def catch_up(settings: Settings) -> list[Change]:
    """Does what a death has left of the last change, and returns what that change was; nothing where nothing was left. The caller holds
    the lock `models`. MLflow that still cannot be told stops nobody: a guard must be able to keep a model out."""
    left = journal.intended(settings.home.bundles)
    try:
        return _finish(settings)
    except PipelineError as error:
        log.warning("%s", error)
        return left


def _finish(settings: Settings) -> list[Change]:
    """Does what follows from the intended changes where they were made, and forgets them. Raises PipelineError where MLflow cannot be
    told."""
    bundles = settings.home.bundles
    changes = journal.intended(bundles)
    if not changes:
        return []
    aliases = aliases_of(settings)
    if not journal.in_force(changes, aliases):
        journal.forget_intention(bundles)
        return []
    before = journal.on_file(bundles)
    if (after := journal.with_refusals(before, changes)) != before:
        write_refusals(bundles, after)
    journal.append(bundles, journal.untold(bundles, changes))
    try:
        tell(settings, changes, aliases)
    except Exception as error:  # drivers and servers fail with errors that share no base
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        fix = f"It could not be told ({said}). Serving follows the change; the next change of a role tells MLflow too."
        raise PipelineError("MLflow", without_password(address(settings)), fix) from error
    journal.forget_intention(bundles)
    return changes

"""Moves of aliases that people made on MLflow's page: each is taken over by the rules of our own verbs, or put back with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from feature_repo.errors import PlacardError
from feature_repo.exclusive import exclusive
from pipelines.errors import PipelineError
from pipelines.promotion.promote import NotPromoted, table
from pipelines.registry import journal, roles
from pipelines.registry.alias_differences import AliasDifference, compared
from pipelines.registry.listing import aliases_of, versions
from pipelines.registry.mlflow_aliases import mlflow_versions
from pipelines.registry.mlflow_models import put_back, tag_version
from serving.bundles.aliases import is_alias
from serving.settings import Settings

WHY: Final = "moved on MLflow's page"
"""What stands in the journal beside a move that was taken over."""


@dataclass(frozen=True)
class Reconciled:
    """What became of a move. version: that MLflow had, "" where the alias was taken away there. refused: why serving does not follow, and
    MLflow says again what serving does; "" for one that was taken over."""

    head: str
    alias: str
    version: str
    refused: str = ""

    @property
    def line(self) -> str:
        """For a person."""
        done = f"not taken over, and put back: {self.refused}" if self.refused else "taken over"
        return f"{self.head} @{self.alias} → {self.version or 'none'} {WHY}: {done}"


def reconcile(settings: Settings) -> list[Reconciled]:
    """Decides on every alias that MLflow has otherwise than serving. A champion passes the gates of `placard promote`, every other role
    the checks of `placard registry alias`; previous is set by promotions alone, and a champion leaves by a rollback alone. What was taken
    over stands in the journal; of what was not, the reason is a tag of the version. Aliases that are no role, and models of which nothing
    is installed here, are other people's; of a model that MLflow does not know nobody has moved anything.

    Raises PipelineError where MLflow cannot be asked, and where it was not told of a change of ours yet: its aliases are then older than
    serving's, not newer."""
    with exclusive(settings.home, "reconcile"):
        roles.finish(settings)
        with exclusive(settings.home, "models"):
            found = _moves(settings)
        known = {head for head, _ in mlflow_versions(settings)}
        ours = [d for d in found if is_alias(d.alias) and d.head in known and _is_ours(settings, d.head)]
        return [done for d in ours if (done := _decided(settings, d)) is not None]


def _moves(settings: Settings) -> tuple[AliasDifference, ...]:
    """The caller holds the lock `models`: no verb is half way through a change of its own."""
    if journal.intended_file(settings.home.bundles).exists():
        raise PipelineError("MLflow", "a change that it was not told of", "It cannot be told now: start MLflow's store again.")
    found = compared(settings)
    if found.unread:
        raise PipelineError("MLflow", "unread", found.unread)
    return found.differences


def _is_ours(settings: Settings, head: str) -> bool:
    return head in aliases_of(settings) or bool(versions(settings, head))


def _decided(settings: Settings, move: AliasDifference) -> Reconciled | None:
    """None where somebody moved the alias once more, or a verb did, while this move was judged: the next look decides."""
    refused = ""
    try:
        _judge(settings, move)
        with exclusive(settings.home, "models"):
            stands = move in _moves(settings)
        if not stands:
            return None
        _take_over(settings, move)
    except PlacardError as error:
        refused = str(error)
        with exclusive(settings.home, "models"):
            if move not in _moves(settings):
                return None
            put_back(settings, move.head, move.alias, aliases_of(settings))
    if move.mlflow:
        tag_version(settings, move.head, move.mlflow, f"refused.{move.alias}", refused)
    return Reconciled(move.head, move.alias, move.mlflow, refused)


def _judge(settings: Settings, move: AliasDifference) -> None:
    """Raises PlacardError for a move that no verb of ours would make, NotPromoted naming the gates that a champion fails."""
    if move.alias == "previous":
        raise PipelineError(f"{move.head} alias", move.alias, "Promotions and rollbacks set it: it is who serves when the champion goes.")
    if move.alias != "champion":
        return
    if not move.mlflow:
        raise PipelineError(f"{move.head} champion", "none", f"`placard rollback {move.head}` and `placard registry refuse` remove one.")
    found = table(settings, move.head, move.mlflow, datetime.now(UTC).date())
    if found.failed:
        raise NotPromoted(found)


def _take_over(settings: Settings, move: AliasDifference) -> None:
    if move.alias == "champion":
        roles.promote(settings, move.head, move.mlflow, WHY)
    elif move.mlflow:
        roles.set_alias(settings, move.head, move.alias, move.mlflow, WHY)
    else:
        roles.clear_alias(settings, move.head, move.alias, WHY)

"""Which versions are in good standing: they have served, nobody has removed them since, and they still can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import PipelineError
from pipelines.registry import journal
from pipelines.registry.listing import kept_out
from pipelines.registry.targets import check_target
from serving.bundles.aliases import Aliases
from serving.errors import BundleRefused, BundleUnjudged
from serving.settings import Settings


def served(bundles: Path, head: str, aliases: Aliases) -> list[str]:
    """Every version that has been champion, the latest first, each once."""
    mine = aliases.get(head, {})
    past = (change.version for change in reversed(journal.read(bundles, head)) if change.alias == "champion" and change.version)
    now = (mine[alias] for alias in ("champion", "previous") if alias in mine)
    return list(dict.fromkeys([*now, *past]))


def last_in_good_standing(settings: Settings, head: str, aliases: Aliases, leaving: Sequence[str]) -> str:
    """The version that served last among those that nobody has removed and whose files are sound; "" for none. leaving: versions that do
    not count. One that the machine is too busy to score is taken as sound: it has served."""
    out = kept_out(settings.home.bundles, head)
    for version in served(settings.home.bundles, head, aliases):
        if version in leaving or version in out:
            continue
        try:
            check_target(settings, head, version)
        except BundleUnjudged:
            return version
        except (PipelineError, BundleRefused):
            continue
        return version
    return ""

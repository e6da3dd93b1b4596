"""Makes a shadow the champion when its record says so."""

from __future__ import annotations

from pipelines.errors import Refused
from pipelines.promotion.promote import promote
from pipelines.promotion.shadow_record import PROMOTE, ShadowVerdict
from pipelines.registry.roles import clear_alias
from serving.bundles import aliases
from serving.settings import Settings


def apply(settings: Settings, found: ShadowVerdict) -> bool:
    """Makes the shadow the champion, and nobody the shadow. False when it is champion already.

    Raises Refused for a verdict to hold and when another gate of a promotion fails (NotPromoted), PipelineError when the shadow's
    version is not installed.
    """

    if found.verdict != PROMOTE:
        raise Refused("verdict", found.verdict, "; ".join(found.reasons))
    head, _, version = found.shadow.partition("@")
    roles = aliases.read_aliases(settings.home.bundles).get(head, {})
    why = f"shadow of {found.report.day}: {'; '.join(found.reasons)}"
    if changed := roles.get("champion") != version:
        promote(settings, head, version, found.report.day, why)
    for alias in [a for a, v in roles.items() if v == version and aliases.is_shadow(a)]:
        clear_alias(settings, head, alias, why)
    return changed

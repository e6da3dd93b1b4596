"""Gives versions of each head their roles (an alias: champion, previous, challenger, shadow and the tiers), in MLflow, in serving's
file and in the journal together."""

from __future__ import annotations

from collections.abc import Sequence

from feature_repo.exclusive import exclusive
from pipelines.errors import Missing, Refused
from pipelines.registry import journal
from pipelines.registry.journal import Change
from pipelines.registry.listing import aliases_of, history, kept_out
from pipelines.registry.standing import last_in_good_standing
from pipelines.registry.targets import check_installed
from pipelines.registry.transition import carry_out, catch_up, now
from serving.bundles.aliases import is_shadow
from serving.settings import Settings


def set_alias(settings: Settings, head: str, alias: str, version: str, why: str) -> None:
    """Points an alias at a version, in MLflow, in serving's file and in the journal. Raises PipelineError for an unknown version, Refused
    for one that was removed (it may be a shadow: nobody hears it), and what `targets.check_target` raises."""
    with exclusive(settings.home, "models"):
        if _done(catch_up(settings), head, alias, version, why):
            return
        check_installed(settings, head, version)
        reason = journal.refused(settings.home.bundles).get(head, {}).get(version)
        if reason and not is_shadow(alias):
            raise Refused(
                f"{head} version", version, f"It was removed: {reason}. Train another, or `placard registry admit {head} {version}`."
            )
        before = aliases_of(settings).get(head, {}).get(alias, "")
        carry_out(settings, [Change(now(), head, alias, version, before, why)])


def finish(settings: Settings) -> None:
    """Does what a death has left of the last change of a role; nothing where nothing was left."""
    with exclusive(settings.home, "models"):
        catch_up(settings)


def clear_alias(settings: Settings, head: str, alias: str, why: str) -> None:
    """Takes an alias away; nothing happens when it is not set."""
    with exclusive(settings.home, "models"):
        catch_up(settings)
        if before := aliases_of(settings).get(head, {}).get(alias, ""):
            carry_out(settings, [Change(now(), head, alias, "", before, why)])


def promote(settings: Settings, head: str, version: str = "", why: str = "", failed: Sequence[str] = ()) -> Change:
    """Makes a version (default: the challenger) champion, which is challenger no more; the last one that served in good standing becomes
    previous. It asks for no evidence: that is promotion.py's part. failed: gates that were overridden. Raises Refused for a version that
    is kept out of the auction, and what `targets.check_target` raises."""
    with exclusive(settings.home, "models"):
        cut_short = catch_up(settings)
        aliases, chosen = aliases_of(settings), chosen_of(settings, head, version)
        if done := _done(cut_short, head, "champion", chosen, why or "promoted"):
            return done
        mine, refused = aliases.get(head, {}), journal.refused(settings.home.bundles).get(head, {})
        if reason := kept_out(settings.home.bundles, head).get(chosen):
            again = f", or `placard registry admit {head} {chosen}`" if chosen in refused else ""
            raise Refused(f"{head} version", chosen, f"It is kept out of the auction: {reason}. Train another{again}.")
        at, before = now(), last_in_good_standing(settings, head, aliases, [chosen])
        changes = [Change(at, head, "champion", chosen, mine.get("champion", ""), why or "promoted", tuple(failed))]
        if before != mine.get("previous", ""):
            changes.insert(0, Change(at, head, "previous", before, mine.get("previous", ""), f"{chosen} took its place"))
        if mine.get("challenger") == chosen:
            changes.insert(0, Change(at, head, "challenger", "", chosen, f"{chosen} became champion"))
        carry_out(settings, changes)
        return history(settings, head)[-1]


def _done(cut_short: Sequence[Change], head: str, alias: str, version: str, why: str) -> Change | None:
    """What is asked for, where a death cut exactly that short, and it has been finished by now."""
    asked = (head, alias, version, why)
    return next((c for c in cut_short if (c.head, c.alias, c.version, c.why) == asked), None)


def chosen_of(settings: Settings, head: str, version: str) -> str:
    """The version, or the challenger when none is named; where it became champion already, the champion. Raises Missing when there is none
    of them, PipelineError for an unknown one."""
    mine = aliases_of(settings).get(head, {})
    chosen = version or mine.get("challenger", "") or mine.get("champion", "")
    if not chosen:
        raise Missing(f"{head} challenger", "none", f"Register one: `placard registry register --head {head} --partition DAY`.")
    check_installed(settings, head, chosen)
    return chosen

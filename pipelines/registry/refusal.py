"""Removing a version: kept out of the auction and out of every role in it, until a person admits it again."""

from __future__ import annotations

from feature_repo.exclusive import exclusive
from pipelines.errors import Missing, PipelineError
from pipelines.registry import journal
from pipelines.registry.journal import REFUSED, Change
from pipelines.registry.listing import aliases_of, kept_out
from pipelines.registry.standing import last_in_good_standing, served
from pipelines.registry.targets import check_installed
from pipelines.registry.transition import carry_out, catch_up, now
from serving.bundles.aliases import Aliases, is_shadow
from serving.settings import Settings


def rollback(settings: Settings, head: str, why: str = "rolled back", version: str = "") -> Change:
    """Removes the champion: the version that served last in good standing comes back, and the champion is refused until it is admitted.

    version: which one is to go; done again, nothing more happens. Without it the present champion goes, and a second rollback removes a
    second one; where a death cut the first one short, the second only finishes it. Raises Missing where nobody is left to come back.
    """
    with exclusive(settings.home, "models"):
        cut_short = [change for change in catch_up(settings) if change.head == head]
        aliases = aliases_of(settings)
        champion = aliases.get(head, {}).get("champion", "")
        done = [change for change in cut_short if change.alias == "champion"]
        if done and any(change.alias == REFUSED for change in cut_short) and version in ("", done[0].before):
            return done[0]
        if version and version != champion:
            return _removed_before(settings, head, version, champion)
        back = last_in_good_standing(settings, head, aliases, [champion])
        if not champion or not back:
            raise Missing(f"{head} version to come back", "none", _why_none(settings, head, aliases))
        carry_out(settings, _removal(settings, head, aliases, champion, back, why, why))
        return journal.read(settings.home.bundles, head)[-1]


def _removed_before(settings: Settings, head: str, version: str, champion: str) -> Change:
    """The change that removed a version from its place. Raises PipelineError where none did."""
    check_installed(settings, head, version)
    if version in journal.refused(settings.home.bundles).get(head, {}):
        for change in reversed(journal.read(settings.home.bundles, head)):
            if (change.alias, change.before) == ("champion", version):
                return change
    raise PipelineError(f"{head} champion", champion or "none", f"{version} does not serve; `placard registry refuse` keeps it out.")


def refuse(settings: Settings, head: str, version: str, reason: str) -> str:
    """Keeps a version out of the auction; when it is the champion, the last one in good standing takes its place. Gives who is champion
    now. Done again, it finishes what was left."""
    with exclusive(settings.home, "models"):
        check_installed(settings, head, version)
        catch_up(settings)
        aliases = aliases_of(settings)
        back = ""
        if aliases.get(head, {}).get("champion") == version:
            back = last_in_good_standing(settings, head, aliases, [version])
        changes = _removal(settings, head, aliases, version, back, reason, f"{version} rolled back: {reason}")
        if changes:
            carry_out(settings, changes)
        return aliases_of(settings).get(head, {}).get("champion", "")


def admit(settings: Settings, head: str, version: str, why: str) -> None:
    """Lets a refused version into the auction again; it gets no role by it. Raises PipelineError when it is not refused."""
    with exclusive(settings.home, "models"):
        if any((c.head, c.alias, c.before) == (head, REFUSED, version) for c in catch_up(settings)):
            return
        refused = journal.refused(settings.home.bundles)
        if version not in refused.get(head, {}):
            raise PipelineError(f"{head} version", version, f"Refused: {', '.join(refused.get(head, {})) or 'none'}.")
        carry_out(settings, [Change(now(), head, REFUSED, "", version, why)])


def _removal(settings: Settings, head: str, aliases: Aliases, version: str, back: str, reason: str, why: str) -> list[Change]:
    """What is to be changed so that a version is refused and has no role but a shadow's, which nobody hears.

    back: who becomes champion in its place; "" where nobody does.
    """
    mine, at, changes = aliases.get(head, {}), now(), list[Change]()
    if version not in journal.refused(settings.home.bundles).get(head, {}):
        changes.append(Change(at, head, REFUSED, version, "", reason))
    for alias in (a for a in mine if mine[a] == version and a not in ("champion", "previous") and not is_shadow(a)):
        changes.append(Change(at, head, alias, "", version, f"{version} was removed"))
    if back or mine.get("previous") == version:
        champion = back or mine.get("champion", "")
        before = last_in_good_standing(settings, head, aliases, [version, champion])
        if before != mine.get("previous", ""):
            changes.append(Change(at, head, "previous", before, mine.get("previous", ""), f"{version} was removed"))
    if back:
        changes.append(Change(at, head, "champion", back, version, why))
    return changes


def _why_none(settings: Settings, head: str, aliases: Aliases) -> str:
    """Why none of those that served may come back."""
    champion, out = aliases.get(head, {}).get("champion", ""), kept_out(settings.home.bundles, head)
    others = [version for version in served(settings.home.bundles, head, aliases) if version != champion]
    said = "; ".join(f"{version}: {out.get(version, 'its files are gone or altered')}" for version in others)
    if not said:
        return "Only a promotion over another champion leaves one."
    return f"Those that served before cannot come back: {said}. Promote another, or `placard registry admit {head} VERSION`."

"""A program: changes a platform's roles, killed at every step, and prints what each death and the same command after it left, as JSON.

Its argument is an empty folder. MLflow's part is played by a file that is replaced whole: MLflow's own steps take seconds each, and what
follows a death between two of them is what follows one before both, since telling it compares first.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from feature_repo.whole_file import write_whole
from pipelines.registry import journal, listing, refusal, roles, transition
from pipelines.registry.journal import Change
from serving.bundles.aliases import Aliases, read_aliases, version_folder
from serving.bundles.sealed import write_sealed
from serving.settings import Settings
from tests.killed import apart

HEAD: Final = "kept"
WORK: Final[dict[str, tuple[str, Callable[[Settings], object]]]] = {
    "the first promotion ever": ("fresh", lambda s: roles.promote(s, HEAD, "1", "first")),
    "a promotion": ("served", lambda s: roles.promote(s, HEAD, "2", "better")),
    "a rollback": ("promoted", lambda s: refusal.rollback(s, HEAD, "clicks fell")),
    "a rollback by name": ("promoted", lambda s: refusal.rollback(s, HEAD, "clicks fell", "2")),
    "a guard's refusal": ("promoted", lambda s: refusal.refuse(s, HEAD, "2", "it promised too much")),
    "a role by hand": ("served", lambda s: roles.set_alias(s, HEAD, "fast", "2", "by hand")),
}


def state(settings: Settings, whole: bool) -> dict[str, Any]:
    """What serving reads; with `whole` also what people and MLflow are told."""
    bundles = settings.home.bundles
    found: dict[str, Any] = {"aliases": read_aliases(bundles).get(HEAD, {}), "refused": journal.refused(bundles).get(HEAD, {})}
    if whole:
        found["history"] = [[c.alias, c.version, c.before, c.why] for c in listing.history(settings, HEAD)]
        found["mlflow"] = json.loads((settings.home.mlflow / "told.json").read_text())
        found["left over"] = (bundles / "journal.intended.json").exists()
    return found


def told(settings: Settings, changes: Sequence[Change], aliases: Aliases) -> None:
    """Stands in place of mlflow_models.tell."""
    write_whole(settings.home.mlflow / "told.json", json.dumps(aliases.get(HEAD, {})))


def platforms(root: Path) -> None:
    """`fresh`: versions 1 and 2, the challenger, and no champion; `served`: 1 is champion; `promoted`: 2 is, after 1."""
    for start in ("fresh", "served", "promoted"):
        settings = Settings(PLACARD_HOME=root / start)
        for version in ("1", "2"):
            said = {"head": HEAD, "version": version, "ranker": "none", "trained_to": "2026-01-01", "metrics": {}}
            place = version_folder(settings.home.bundles, HEAD, version)
            write_sealed(place, said, lambda part: (part / "weights").write_bytes(b"some") and None)
        roles.set_alias(settings, HEAD, "challenger", "2", "trained")
        for version in {"fresh": "", "served": "1", "promoted": "12"}[start]:
            roles.promote(settings, HEAD, version, "good")


def main() -> None:
    """See the module."""
    root, out = Path(sys.argv[1]), {}
    transition.tell = told
    platforms(root)
    for name, (start, work) in WORK.items():
        place = root / "trial"

        def again(start: str = start, place: Path = place) -> Settings:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(root / start, place)
            return Settings(PLACARD_HOME=place)

        settings = again()
        old = state(settings, False)
        steps = apart(lambda work=work, settings=settings: work(settings), place)
        new, deaths = state(settings, True), []
        for step in range(steps):
            settings = again()
            assert apart(lambda work=work, settings=settings: work(settings), place, step) == -1
            after = state(settings, False)
            apart(lambda work=work, settings=settings: work(settings), place)
            deaths.append({"after": after, "again": state(settings, True)})
        out[name] = {"old": old, "new": new, "deaths": deaths}
    print(json.dumps(out))


if __name__ == "__main__":
    main()

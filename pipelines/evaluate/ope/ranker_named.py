"""A click ranker by its alias or version."""

from __future__ import annotations

from typing import Final

from feature_repo.home import Home
from pipelines.errors import PipelineError
from serving.bundles import Bundle, aliases

HEAD: Final = "click"


def ranker_named(home: Home, name: str) -> Bundle:
    """`champion`, another alias, a version, or `click@<version>`. Raises PipelineError naming what there is."""
    roles = aliases.read_aliases(home.bundles).get(HEAD, {})
    version = roles.get(name, name.removeprefix(f"{HEAD}@"))
    folder = aliases.version_folder(home.bundles, HEAD, version)
    there = sorted(p.name for p in folder.parent.glob("*") if p.is_dir() and not p.name.startswith("."))
    if version not in there:
        known = ", ".join(["uniform", *sorted(roles), *there])
        raise PipelineError("target", name, f"Name one of {known}; `placard registry list` shows the rankers.")
    return Bundle.load(folder, HEAD)

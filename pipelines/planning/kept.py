"""Where plans lie: PLACARD_HOME/plans/<name>/, each file replaced whole."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.errors import Missing, PipelineError
from pipelines.planning.plan import CapacityPlan
from pipelines.planning.plan_page import render
from pipelines.planning.rendered import files
from pipelines.reporting.page import write_page

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
PLAN: Final = "plan.json"


def folder(home: Home, name: str) -> Path:
    """Raises PipelineError for a name that no folder should have."""
    if not NAME.fullmatch(name):
        raise PipelineError("plan", name, "A name of small letters, digits and dashes is needed, at most 63 of them.")
    return home.plans / name


def write(home: Home, plan: CapacityPlan) -> Path:
    """Writes the plan, its page and the files rendered from it; gives the page."""
    into = folder(home, plan.name)
    into.mkdir(parents=True, exist_ok=True)
    for name, text in files(plan).items():
        write_whole(into / name, text)
    page = write_page(into / "plan.html", render(plan))
    write_whole(into / PLAN, json.dumps(plan.plain, indent=1) + "\n")
    return page


def read(home: Home, name: str) -> CapacityPlan:
    """A plan that was written. Raises Missing where there is none, PipelineError for a file that holds none."""
    path = folder(home, name) / PLAN
    if not path.exists():
        raise Missing("plan", str(path), "Make it with `placard plan`.")
    try:
        kept = json.loads(path.read_text())
        return TypeAdapter(CapacityPlan).validate_python({key: value for key, value in kept.items() if key != "sums"})
    except (ValueError, AttributeError) as error:  # pydantic's errors are values that are wrong
        raise PipelineError("plan", str(path), f"It cannot be read ({type(error).__name__}); make it again with `placard plan`.") from None

"""The examples in docstrings are run; what a reader computes by hand has one."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.evaluate.ope import estimators
from pipelines.metrics import METRICS
from serving.auction import auction
from serving.auction.annoyance import Annoyance
from serving.auction.quality_score import QualityScore
from serving.language import keyword_insertion

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("feature_repo", "serving", "pipelines")
FINDER = doctest.DocTestFinder(exclude_empty=True)


def modules_with_examples() -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if ">>> " in path.read_text():
                yield path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def functions(module: ModuleType) -> list[object]:
    """The public functions that a module defines."""
    own = inspect.getmembers(module, lambda found: inspect.isfunction(found) and found.__module__ == module.__name__)
    return [function for name, function in own if not name.startswith("_")]


TO_BE_SHOWN = {
    "every metric": [metric.compute for metric in METRICS],
    "every off-policy estimator": [type(estimator) for estimator in estimators()],
    "the auction's arithmetic": [auction, *functions(auction), Annoyance, QualityScore],
    "keyword insertion": [keyword_insertion, *functions(keyword_insertion)],
}


@pytest.mark.parametrize("name", [*modules_with_examples()])
def test_the_examples_of_a_module_are_right(name: str) -> None:
    module = import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for example in FINDER.find(module):
        runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)
    assert runner.tries > 0


@pytest.mark.parametrize("what", [*TO_BE_SHOWN])
def test_what_can_be_computed_by_hand_has_an_example(what: str) -> None:
    bare = [getattr(one, "__name__", str(one)) for one in TO_BE_SHOWN[what] if ">>> " not in (inspect.getdoc(one) or "")]
    assert TO_BE_SHOWN[what]
    assert bare == [], f"{what}: add an example of small numbers to the docstring"

"""Which extra of the distribution brings a package that is not installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from pipelines.errors import Missing

DISTRIBUTIONS: Final = {
    "PIL": "pillow", "Stemmer": "pystemmer", "faiss": "faiss-cpu", "google": "protobuf", "ibis": "ibis-framework",
    "sklearn": "scikit-learn", "xgboost": "xgboost-cpu", "yaml": "pyyaml",
}  # fmt: skip
"""Import name → distribution, where they differ by more than underscores."""


def distribution_of(module: str) -> str:
    """The distribution that a module is imported from, by its top-level name: "sklearn.metrics" is of scikit-learn."""
    top = module.partition(".")[0]
    return DISTRIBUTIONS.get(top, top.replace("_", "-").lower())


def extras() -> dict[str, tuple[str, ...]]:
    """Extra → the distributions that it names; "" is what every installation has. Empty when Placard itself is not installed."""
    try:
        lines = requires("placard") or []
    except PackageNotFoundError:
        return {}
    named: dict[str, list[str]] = {}
    for line in lines:
        found = re.match(r"""([A-Za-z0-9._-]+)(?:.*extra == ["']([a-z]+)["'])?""", line)
        if found and found[1] != "placard":  # an extra that builds on another names Placard with that extra
            named.setdefault(found[2] or "", []).append(found[1])
    return {extra: tuple(distributions) for extra, distributions in named.items()}


def absent(extra: str) -> list[str]:
    """The distributions of an extra that are not installed."""
    out = []
    for name in extras().get(extra, ()):
        try:
            version(name)
        except PackageNotFoundError:
            out.append(name)
    return out


def install(extra: str) -> str:
    """How to install an extra, as a sentence."""
    return f"Run `pip install 'placard[{extra}]'`." if extra else "Run `pip install placard`."


@contextmanager
def extras_named() -> Iterator[None]:
    """Within, an import that fails for want of an extra raises Missing, with how to install that extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        distribution = distribution_of(error.name or "")
        for extra, names in extras().items():
            if distribution in names:
                raise Missing("package", distribution, f"It is not installed here. {install(extra)}") from error
        raise

"""Which metrics and labels a query of Prometheus reads, from its parsed form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

GRAFANA = {"$__rate_interval": "5m", "$instance": ".+"}
"""What Grafana puts in place of its variables."""


@dataclass(frozen=True)
class Selected:
    """metric: a series' name. labels: those that the query asks for, or keeps, of it."""

    metric: str
    labels: frozenset[str]


def selected(query: str) -> list[Selected]:
    """Every selector of a query, in its order. Raises ValueError for a query that Prometheus would not take."""
    for variable, value in GRAFANA.items():
        query = query.replace(variable, value)
    assert "$" not in re.sub(r"\{\{ \$\w+", "", query), "an unknown variable of Grafana's"
    return list(_walk(promql_parser.parse(query), frozenset()))


def _walk(node: Any, kept: frozenset[str]) -> Iterator[Selected]:
    if isinstance(node, promql_parser.VectorSelector):
        yield Selected(node.name, kept | {m.name for m in node.matchers.matchers})
        return
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        kept = kept | set(node.modifier.labels)
    for part in ("lhs", "rhs", "expr", "args", "vector_selector"):
        inside = getattr(node, part, None)
        for one in inside if isinstance(inside, list) else [inside]:
            if one is not None:
                yield from _walk(one, kept)

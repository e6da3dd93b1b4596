"""Creatives whose texts people must not see: they enter the catalogue as rejected."""

from __future__ import annotations

import pyarrow as pa

from serving.language.markup import LIMIT, fault


def creative_faults(creatives: pa.Table) -> dict[int, str]:
    """Of each creative that may not be shown, by its row: which text is at fault and why, such as `headline:markup`."""
    out: dict[int, str] = {}
    for name, limit in LIMIT.items():
        own, others = creatives[name].to_pylist(), creatives[f"{name}s"].to_pylist()
        for row, texts in enumerate(zip(own, others, strict=True)):
            faults = (fault(text or "", limit) for text in (texts[0], *(texts[1] or ())))
            if why := next(filter(None, faults), ""):
                out.setdefault(row, f"{name}:{why}")
    return out

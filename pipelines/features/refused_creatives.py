"""The creatives that a publication leaves out for their texts, where a person can read why: quarantine/catalog/DAY.jsonl."""

from __future__ import annotations

import json
from datetime import date

import pyarrow as pa

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from serving.snapshot.creative_faults import creative_faults


def set_aside_creatives(home: Home, day: date, creatives: pa.Table) -> int:
    """Writes one JSON object a line: creative_id, advertiser_id, reason; no file where there is none. Gives their number."""
    faults, path = creative_faults(creatives), home.quarantine / "catalog" / f"{day}.jsonl"
    named = {name: creatives[name].to_pylist() for name in ("creative_id", "advertiser_id")}
    lines = [json.dumps({**{name: values[row] for name, values in named.items()}, "reason": why}) for row, why in sorted(faults.items())]
    if lines:
        write_whole(path, "\n".join(lines) + "\n")
    else:
        path.unlink(missing_ok=True)
    return len(lines)

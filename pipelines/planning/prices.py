"""What machines and storage cost: a file of a person's, since prices differ by provider, contract and year."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from pipelines.errors import PipelineError

HOURS_A_MONTH: Final = 730.0
"""365 × 24 ÷ 12."""
MOST: Final = 1e9
MOST_BYTES: Final = 64 * 1024
"""Of a price file: it has nine lines."""


@dataclass(frozen=True)
class Prices:
    """Prices in one currency.

    currency: its name. server_hour: one serving machine, with server_cores cores and server_memory_gib GiB of memory. cache_gib_month: a
    GiB of memory in Redis, replicas not counted. ssd_gib_month: a GiB of disk. object_gib_month: a GiB of object storage.
    replicas: copies of each shard beside the first. balancer_hour: what spreads requests, a region.
    """

    currency: str
    server_hour: float
    server_cores: int
    server_memory_gib: float
    cache_gib_month: float
    ssd_gib_month: float
    object_gib_month: float
    replicas: int
    balancer_hour: float


EXAMPLE: Final = Prices(
    currency="USD", server_hour=0.17, server_cores=4, server_memory_gib=8.0, cache_gib_month=4.0, ssd_gib_month=0.08,
    object_gib_month=0.023, replicas=1, balancer_hour=0.03,
)  # fmt: skip
"""Round figures to try the planner with; no provider's."""
WORDS: Final = {
    "currency": "What machines and storage cost. Where nobody changed them, these are round figures to try `placard plan` with,\n"
    "# no provider's: write your own prices into a copy, and give it with --prices.",
    "server_hour": "One serving machine, an hour, with so many cores and GiB of memory.",
    "cache_gib_month": "A GiB of memory in Redis, of disk, and of object storage, a month.",
    "replicas": "Copies of each shard, and of what lies on disks, beside the first.",
    "balancer_hour": "What spreads requests over the machines of a region, an hour.",
}
"""What a price file says above a price."""


def as_toml(prices: Prices) -> str:
    """A price file."""
    lines = []
    for name, value in asdict(prices).items():
        lines += [f"# {WORDS[name]}"] if name in WORDS else []
        lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def read_prices(path: Path) -> Prices:
    """The prices of a TOML file that has each of Prices' fields once. Raises PipelineError that names what is wrong."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PipelineError("price file", str(path), f"It is longer than {MOST_BYTES:,} bytes; is it the right one?")
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PipelineError(
            "price file", str(path), f"{error.strerror}; every plan writes a prices.toml into its folder: copy that."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PipelineError("price file", str(path), f"It is no TOML: {error}.") from None
    names = {f.name: f.type for f in fields(Prices)}
    if wrong := sorted({*names} ^ {*given}):
        raise PipelineError("price file", str(path), f"Missing or unknown: {', '.join(wrong)}. It needs {', '.join(names)}, each once.")
    for name, kind in names.items():
        value = given[name]
        if kind == "str" and isinstance(value, str) and 0 < len(value) <= 10:
            continue
        number = isinstance(value, int) if kind == "int" else isinstance(value, int | float)
        if kind == "str" or isinstance(value, bool) or not number or not 0 <= value <= MOST:
            raise PipelineError(f"{name} of {path}", value, "A short word is needed." if kind == "str" else f"0 to {MOST:,.0f} is needed.")
    if given["server_cores"] < 1:
        raise PipelineError(f"server_cores of {path}", given["server_cores"], "At least 1.")
    return Prices(**given)

"""Keeps what people remember each morning, so that a day can be made without making those before it again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from pipelines.simulator.day import live_day
from pipelines.simulator.memory import Memory
from pipelines.simulator.world import World

BEFORE_ALL: Final = -1
"""The day before the first: the market did not begin with its log, and people remember ads as if days like the first had gone before."""


def morning(home: Home, world: World, number: int) -> Memory:
    """What is remembered on the morning of a day. Where days before it have not been made, they are lived through for what they leave
    behind, and only that is kept: a day is the same whichever days were made before it."""
    lived = next((n for n in range(number - 1, BEFORE_ALL - 1, -1) if _file(home, world, n).exists()), None)
    if lived is None:
        lived = BEFORE_ALL
        remember(home, world, lived, live_day(world, 0, Memory.empty()).remembered.for_good(world.config.laws.kept))
    memory = _read(_file(home, world, lived))
    for before in range(lived + 1, number):
        memory = live_day(world, before, memory).remembered
        remember(home, world, before, memory)
    return memory


def remember(home: Home, world: World, number: int, memory: Memory) -> None:
    """Keeps what is remembered after a day."""
    write_partition(pa.table({"key": memory.key, "weight": memory.weight}), _file(home, world, number))


def _file(home: Home, world: World, number: int) -> Path:
    return home.truth / "memory" / f"day={world.config.first + timedelta(days=number)}.parquet"


def _read(path: Path) -> Memory:
    table = pq.read_table(path, partitioning=None)
    return Memory(np.asarray(table["key"]), np.asarray(table["weight"]))

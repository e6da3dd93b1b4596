"""Slices: each by the rows it is of, at its places too, and beside the rivals' predictions of the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.evaluate.slices import slices
from pipelines.gates.floor import PLACE, Slice
from pipelines.metrics.normalised_entropy import normalised_entropy


def market(n: int = 8_000) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(6)
    p = 1 / (1 + np.exp(2 - rng.normal(size=n)))
    rows = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in rng.integers(0, 900, n)], "surface": rng.choice(["feed", "search"], n),
            "device": rng.choice(["mobile", ""], n), "position": rng.integers(1, 4, n).astype(np.int16), "label": rng.random(n) < p,
        }
    )  # fmt: skip
    return rows, p


def by_name(rows: pd.DataFrame, *given: np.ndarray | None) -> dict[str, Slice]:
    found = slices(rows, given[0], given[1], given[2], ("surface", "device", PLACE), 7)  # type: ignore[arg-type]
    return {f"{s.column} {s.value}": s for s in found}


def test_each_is_measured_on_its_rows() -> None:
    rows, p = market()
    found = by_name(rows, p, p, None)
    places = {f"{PLACE} {s} {i}" for s in ("feed", "search") for i in (1, 2, 3)}
    assert set(found) == {"surface feed", "surface search", "device mobile", *places}, "nobody's device is no slice"
    here = ((rows["surface"] == "feed") & (rows["position"] == 3)).to_numpy()
    one, y = found[f"{PLACE} feed 3"], rows["label"].to_numpy()[here]
    assert one.positives == y.sum() and one.entropy == pytest.approx(normalised_entropy(y, p[here]))
    assert one.low < one.entropy < one.high < 1 and one.ratio_low < one.ratio < one.ratio_high
    assert (one.over_low, one.over_high, one.champion) == (0, 0, None)


def test_what_is_broken_at_one_place_shows_there() -> None:
    rows, p = market()
    third = ((rows["surface"] == "feed") & (rows["position"] == 3)).to_numpy()
    found = by_name(rows, np.where(third, 1.7 * p, p), p, p)
    off = {name for name, s in found.items() if name.startswith(PLACE) and (s.ratio_low > 1.25 or s.ratio_high < 0.8)}
    assert off == {f"{PLACE} feed 3"}
    assert found[f"{PLACE} feed 3"].trails_low > 0 and found[f"{PLACE} feed 2"].trails_low == found[f"{PLACE} feed 2"].over_high == 0

"""Snapshot columns that only searches read: bid adjustments, brands, responsive texts and the words of ads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.request_time import DEVICE_NUMBER, word_codes
from feature_repo.request_words import CANONICAL
from feature_repo.taxonomy import DEVICES, INFORMATIVE_CALLS
from feature_repo.text import normalise, tokenise
from serving.language.keyword_insertion import insert

WORDS: Final = {"headline": 16, "description": 24}
"""Most words of a text that are compared with a query."""
MOST_CHOICES: Final = 24
"""Combinations of a responsive creative's texts that are compared."""
BETWEEN: Final = "\n"
"""Stands between the texts of a responsive creative: none holds it."""


def combinations(headlines: Sequence[str], descriptions: Sequence[str]) -> list[tuple[str, str]]:
    """The (headline, description) that a creative may be shown with, its own first ones before all others; at most MOST_CHOICES,
    every text in some of them."""
    all_of = list(product(headlines, descriptions))
    if len(all_of) <= MOST_CHOICES:
        return all_of
    return [all_of[i] for i in np.linspace(0, len(all_of) - 1, MOST_CHOICES).round().astype(int)]


def search_columns(catalog: Mapping[str, pa.Table], creatives: pa.Table, campaigns: pa.Table) -> dict[str, np.ndarray]:
    """creatives: the snapshot's rows; campaigns: its campaign rows."""
    out: dict[str, np.ndarray] = {
        "informative": informative(creatives),
        "campaign.brand": _bytes(_brands(catalog.get("advertisers"), campaigns["advertiser_id"].to_pylist())),
        **_adjustments(campaigns["bid_adjustments"].to_pylist()),
        **text_words(creatives),
    }
    for name in WORDS:
        out[f"text.{name}s"] = _bytes(
            [BETWEEN.join(t.replace(BETWEEN, " ") for t in texts or []) for texts in creatives[f"{name}s"].to_pylist()]
        )
    return out


def informative(creatives: pa.Table) -> NDArray[np.bool_]:
    """Whether each creative's call to action is one that informs rather than sells."""
    return np.array([normalise(c or "") in INFORMATIVE_CALLS for c in creatives["call_to_action"].to_pylist()], bool)


def text_words(creatives: pa.Table) -> dict[str, np.ndarray]:
    """The stems' codes of each creative's own headline and description, (ads, WORDS) int32, 0 where there is none."""
    return {
        f"words_of.{name}": word_codes([insert(t or "", "", 1).text for t in creatives[name].to_pylist()], most)
        for name, most in WORDS.items()
    }


def _brands(advertisers: pa.Table | None, owners: Sequence[str]) -> list[str]:
    """The words of each campaign's advertiser's brand, a space apart; "" without one."""
    if advertisers is None:
        return [""] * len(owners)
    known = dict(zip(advertisers["advertiser_id"].to_pylist(), advertisers["brand"].to_pylist(), strict=True))
    return [" ".join(tokenise(known.get(owner) or "")) for owner in owners]


def _adjustments(campaigns: Sequence[list[dict[str, Any]] | None]) -> dict[str, np.ndarray]:
    """Factors by campaign and device, hour, and region that someone adjusts for, float32; 1 where nothing is said."""
    regions = sorted({_adjusted(a) for row in campaigns for a in row or [] if a["kind"] == "region"})
    place = {"device": DEVICE_NUMBER, "hour": {str(h): h for h in range(24)}, "region": {r: i for i, r in enumerate(regions)}}
    out = {k: np.ones((len(campaigns), n), np.float32) for k, n in (("device", len(DEVICES)), ("hour", 24), ("region", len(regions)))}
    for i, row in enumerate(campaigns):
        for a in row or []:
            at = place.get(a["kind"], {}).get(_adjusted(a))
            if at is not None and a["factor"] is not None and a["factor"] >= 0:
                out[a["kind"]][i, at] *= a["factor"]
    return {"words.adjusted_regions": _bytes(regions), **{f"campaign.adjust.{k}": v for k, v in out.items()}}


def _adjusted(adjustment: Mapping[str, Any]) -> str:
    """What a bid adjustment is for, in the form that a request's word is compared in."""
    return CANONICAL.get(adjustment["kind"], str)(adjustment["value"])


def _bytes(values: Sequence[str]) -> NDArray[np.bytes_]:
    """UTF-8 bytes of fixed width."""
    return np.array([v.encode() for v in values] or [b""], dtype=bytes)[: len(values)]

"""The only list of what rankers read, in order: training and serving both take it from here.

What rankers read has versions. A column names the first version that holds it (`since`), and the first that does not any more (`until`);
`click_v2` is every column of `click` that version 2 holds. Bundles and catalogue snapshots name the versions they were made for and go on
serving while the next one is built, back-filled and trained beside them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from feature_repo.errors import FeatureError
from feature_repo.model_input import Column, ModelInput
from feature_repo.tables.ad_creative import AD_CREATIVE, IMAGE
from feature_repo.tables.ad_performance import AD_PERFORMANCE
from feature_repo.tables.user_actions import action_columns
from feature_repo.tables.user_profile import USER_PROFILE

CONTEXT: Final = (
    Column("surface_code", "context"),
    Column("hour", "context"),
    Column("weekday", "context"),
    Column("device_code", "context"),
)
SURFACE: Final = CONTEXT[0].name
"""The column that tells the surface, by its number in taxonomy.SURFACES."""
USER: Final = tuple(
    Column(f.name, "user", since=f.since, until=f.until) for f in USER_PROFILE.features if f.dtype not in ("vector", "string")
)
AD: Final = tuple(
    Column(f.name, "ad", since=f.since, until=f.until)
    for table in (AD_CREATIVE, AD_PERFORMANCE)
    for f in table.features
    if f.dtype not in ("vector", "string", "int64")
)
PAIR: Final = tuple(
    Column(name, "pair")
    for name in (
        "interest", "interest_score", "embedding_dot", "hour_affinity", "weekday_affinity",
        "language_match", "region_match", "device_match", "ad_age_days", "surface_ctr", "rates_product",
        "seen_today",
    )
)  # fmt: skip
SEARCH: Final = tuple(
    Column(name, "search")
    for name in (
        "query_length", "commercial", "informational", "navigational", "match_kind", "match_close", "query_similarity",
        "category_match", "category_coec", "headline_overlap", "description_overlap", "name_overlap", "brand_match", "informs",
        "query_coec_30d", "query_impressions_30d",
    )
)  # fmt: skip
"""At their defaults (request_time.NO_SEARCH) on the other surfaces."""
IDENTITY: Final = (
    Column("device_id", "context", "category"),
    Column("os_id", "context", "category"),
    Column("ad_call_id", "ad", "category"),
    Column("category_code", "ad", "category"),
    Column("advertiser_code", "ad", "category"),
    Column("campaign_code", "ad", "category"),
    Column("creative_code", "ad", "category"),
)
"""Identities in order from the general to the particular. The effect of each is added to the effects of those before it: what a creative is
worth, for example, is what its campaign does not tell."""
OF_AD: Final = ("embedding_dot", "ad_age_days", "surface_ctr", "rates_product")
"""The pairs that tell ads apart, whoever sees them."""

CANDIDATE: Final = tuple(c.name for c in IDENTITY[3:] if c.name != "advertiser_code")
"""The identities that an ad and a user's earlier actions have in common: category, campaign, creative."""
HISTORY: Final = tuple(Column(name, "user", "history") for name in action_columns())


_COLUMNS: Final = (*CONTEXT, *USER, *AD, *PAIR, *SEARCH, *IDENTITY)
FAMILIES: Final[dict[str, tuple[Column, ...]]] = {"click": _COLUMNS, "click_history": (*_COLUMNS, *HISTORY), "conversion": _COLUMNS}
"""The columns of every version of an input. `click_history` is `click` and what the user did last, for rankers that read sequences."""
_OF_HEAD: Final = {"click": ("click", "click_history"), "conversion": ("conversion",)}
"""The inputs that rankers of a head may read; the last one holds every column of the others, first."""
NEWEST: Final = max(c.since for columns in FAMILIES.values() for c in columns)
"""The version that is built and trained."""
OLDEST: Final = 1
"""The oldest version that still serves: bundles and snapshots of those before it are refused. Raise it, in a release after the one that
raised RETIRING, once nothing names the versions before it; then features that no version holds may go from their tables."""
RETIRING: Final = 0
"""Versions up to this one go with the next release: who still serves one is told."""


def _input(name: str, version: int) -> ModelInput:
    return ModelInput(f"{name}_v{version}", tuple(c for c in FAMILIES[name] if c.held_by(version)), version)


INPUTS: Final = {m.name: m for version in range(OLDEST, NEWEST + 1) for m in (_input(name, version) for name in FAMILIES)}
"""Every version that serves, by name."""
CLICK: Final = INPUTS[f"click_v{NEWEST}"]
CLICK_HISTORY: Final = INPUTS[f"click_history_v{NEWEST}"]
CONVERSION: Final = INPUTS[f"conversion_v{NEWEST}"]
HEADS: Final = {"click": (CLICK, CLICK_HISTORY), "conversion": (CONVERSION,)}
"""What is predicted, and the newest inputs that a ranker of it may read; the last one holds every column of the others, first."""


def inputs_at(head: str, version: int) -> tuple[ModelInput, ...]:
    """The inputs that rankers of a head read at a version that serves, the widest last."""
    return tuple(INPUTS[f"{name}_v{version}"] for name in _OF_HEAD[head])


def inputs_of(head: str) -> tuple[str, ...]:
    """Names of the inputs, of every version that serves, that rankers of a head may read. Raises FeatureError for an unknown head."""
    if head not in HEADS:
        raise FeatureError("head", head, f"Known: {', '.join(HEADS)}.")
    return tuple(m.name for version in range(OLDEST, NEWEST + 1) for m in inputs_at(head, version))


def version_of(name: str) -> int:
    """The version in an input's name, `click_v2`; 0 for a name of another form."""
    family, _, version = name.rpartition("_v")
    return int(version) if family in FAMILIES and version.isdecimal() else 0


def is_retired(name: str) -> bool:
    """Whether a name is that of an input whose version does not serve any more."""
    return 0 < version_of(name) < OLDEST


def is_retiring(name: str) -> bool:
    """Whether the version of an input goes with the next release."""
    return OLDEST <= version_of(name) <= RETIRING


def successor_of(older: ModelInput, newer: ModelInput) -> bool:
    """Whether `newer` is a later version of the same input that still holds every column of `older`."""
    same = older.name.rpartition("_v")[0] == newer.name.rpartition("_v")[0]
    return same and older.version < newer.version and places_in(newer.name, older.names) is not None


@lru_cache(maxsize=256)
def places_in(logged: str, columns: tuple[str, ...]) -> tuple[int, ...] | None:
    """Where rows of an input hold some columns, in the columns' order; None where it lacks one, or does not serve any more."""
    at = {name: i for i, name in enumerate(INPUTS[logged].names)} if logged in INPUTS else {}
    return tuple(at[name] for name in columns) if all(name in at for name in columns) else None


def tells_of_ad(model: ModelInput) -> tuple[int, ...]:
    """Positions of the columns, without identities, that tell one ad from another whoever sees it. The model that says what people, places
    and queries alone foretell must not read them (pipelines/rankers/encoding.py)."""
    return tuple(i for i, c in enumerate(model.columns) if c.kind != "category" and (c.origin == "ad" or c.name in OF_AD))


def modality(model: ModelInput, name: str) -> tuple[int, ...]:
    """Positions of the columns that are at their usual values when a modality is missing: `user` (with what users and ads are
    together), `image` (what was measured of the creative's picture) or `context`."""
    if name == "image":
        return tuple(i for i, c in enumerate(model.columns) if c.name in IMAGE)
    origins = {"user": ("user", "pair"), "context": ("context",)}[name]
    return tuple(i for i, c in enumerate(model.columns) if c.origin in origins)

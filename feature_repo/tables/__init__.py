"""Every feature table. A new one is a file here and a line below."""

from __future__ import annotations

from typing import Final

from feature_repo.table import FeatureTable
from feature_repo.tables.ad_creative import AD_CREATIVE
from feature_repo.tables.ad_embedding import AD_EMBEDDING
from feature_repo.tables.ad_performance import AD_PERFORMANCE
from feature_repo.tables.query_performance import QUERY_PERFORMANCE
from feature_repo.tables.user_actions import USER_ACTIONS
from feature_repo.tables.user_embedding import USER_EMBEDDING
from feature_repo.tables.user_profile import USER_PROFILE

TABLES: Final[tuple[FeatureTable, ...]] = (
    USER_PROFILE, USER_ACTIONS, USER_EMBEDDING, AD_CREATIVE, AD_PERFORMANCE, AD_EMBEDDING, QUERY_PERFORMANCE,
)  # fmt: skip
USER_TABLES: Final = tuple(t for t in TABLES if t.entity == "user_id")
AD_TABLES: Final = tuple(t for t in TABLES if t.entity == "creative_id")
QUERY_TABLES: Final = tuple(t for t in TABLES if t.entity == "query_key")

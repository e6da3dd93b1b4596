"""Where an ad stands in the users' space; written by pipelines/features/embeddings, new ads included."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from feature_repo.table import Feature, FeatureTable
from feature_repo.tables.user_embedding import WIDTH

AD_EMBEDDING: Final = FeatureTable(
    name="ad_embedding",
    entity="creative_id",
    features=(Feature("ad_vector", "vector", width=WIDTH, low=-100, high=100, unit="log-odds, or factors, of the product"),),
    reads=("engagements", "activity", "creatives"),
    window_days=30,
    max_age=timedelta(days=3),
    build=None,
)

"""Where a user stands in the space of what people engage with; written by pipelines/features/embeddings."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from feature_repo.table import Feature, FeatureTable

WIDTH: Final = 32

USER_EMBEDDING: Final = FeatureTable(
    name="user_embedding",
    entity="user_id",
    features=(Feature("user_vector", "vector", width=WIDTH, low=-100, high=100, unit="log-odds, or factors, of the product"),),
    reads=("engagements", "activity", "creatives"),
    window_days=30,
    max_age=timedelta(days=3),
    build=None,
)

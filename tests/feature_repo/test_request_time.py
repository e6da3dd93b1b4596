"""Features of the time of a request: what is computed once for all ads is what would be computed of each."""

from __future__ import annotations

import numpy as np

from feature_repo.request_time import NO_SEARCH, NOT_SEARCHED, search_columns
from feature_repo.taxonomy import CATEGORIES


def test_without_a_search_every_ad_has_the_same_search_columns() -> None:
    rng = np.random.default_rng(5)
    ads = {"category_code": rng.integers(0, len(CATEGORIES), 50), "advertiser_code": rng.integers(0, 1 << 20, 50).astype(np.int32)}
    of_each = search_columns(NO_SEARCH, ads)
    assert of_each.keys() == NOT_SEARCHED.keys()
    for name, values in of_each.items():
        assert NOT_SEARCHED[name].shape == (1,)
        np.testing.assert_array_equal(np.broadcast_to(values, 50), np.broadcast_to(NOT_SEARCHED[name], 50))

"""What identities are worth: recovered beside what people foretell, leaning on the more general ones, never on a row's own label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.rankers.encoding import Encoded, encoded, expected, learn, out_of_fold
from serving.bundles.encoder import encode, evidence

PERSON, AD, CAMPAIGN, CREATIVE = range(4)
COLUMNS = (CAMPAIGN, CREATIVE)
N = 60_000


def log(seed: int = 1, spread: float = 0.5) -> tuple[NDArray[np.float32], NDArray[np.bool_], dict[str, Any]]:
    """Rows of a person's eagerness, a column that tells ads apart, a campaign of ten and a creative of ten in each. Creatives are seen
    by ever more eager people, so that plain rates mislead; a few are hardly seen."""
    rng = np.random.default_rng(seed)
    campaign_worth, worth = rng.normal(0, spread, 10), rng.normal(0, spread, 100)
    creative = rng.choice(100, N, p=np.geomspace(1, 1000, 100)[rng.permutation(100)] / np.geomspace(1, 1000, 100).sum())
    eager = rng.normal(0, 1, N) + creative / 50
    campaign = creative // 10
    p = 1 / (1 + np.exp(-(-4 + 0.8 * eager + campaign_worth[campaign] + worth[creative])))
    matrix = np.column_stack([eager, creative, campaign, creative]).astype(np.float32)
    return matrix, rng.random(N) < p, {"worth": campaign_worth[np.arange(100) // 10] + worth, "seen": np.bincount(creative, minlength=100)}


@pytest.fixture(scope="module")
def found() -> Encoded:
    """The encoding of that log, which most tests look at."""
    matrix, label, _ = log()
    return encoded(matrix, COLUMNS, (AD,), label, np.zeros(N), threads=1)


def centred(x: NDArray[np.floating], weight: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(x - np.average(x, weights=weight), np.float64)


def test_an_ads_worth_is_told_from_the_people_who_saw_it(found: Encoded) -> None:
    matrix, label, truth = log()
    ads = np.arange(100, dtype=np.float32)
    campaign, creative = found.encodings
    told = campaign.apply(np.arange(10, dtype=np.float32))[np.arange(100) // 10] + creative.apply(ads)
    plain = np.log(np.bincount(matrix[:, CREATIVE].astype(int), label, minlength=100) + 1) - np.log(truth["seen"] + 100)
    worth, told, plain = (centred(x, truth["seen"]) for x in (truth["worth"], told, plain))
    error, naive = (np.sqrt(np.average((x - worth) ** 2, weights=truth["seen"])) for x in (told, plain))
    assert error < 0.6 * naive, "a plain rate credits an ad for its people: the test can tell"


def test_a_column_that_tells_ads_apart_would_take_what_is_theirs(found: Encoded) -> None:
    matrix, label, _ = log()
    not_told = encoded(matrix, COLUMNS, (), label, np.zeros(N), threads=1)
    spread = [np.std(e.encodings[1].apply(np.arange(100, dtype=np.float32))) for e in (found, not_told)]
    assert spread[1] < 0.6 * spread[0]


def test_a_creative_that_was_hardly_seen_counts_as_its_campaign_does(found: Encoded) -> None:
    _, _, truth = log()
    campaign, creative = found.encodings
    few = np.argsort(truth["seen"])[:10].astype(np.float32)
    many = np.argsort(truth["seen"])[-40:].astype(np.float32)
    assert np.abs(creative.apply(few)).mean() < 0.5 * np.abs(creative.apply(many)).mean()
    assert np.std(campaign.apply(np.arange(10, dtype=np.float32))) > 0.2
    assert creative.apply(np.array([999, 1000], np.float32)).tolist() == [0, 0], "a new one has nothing to add to its campaign's"


def test_identities_that_do_not_matter_lean_all_the_way() -> None:
    matrix, label, _ = log(spread=0.0)
    (encoding,), (spread,) = learn(matrix, (CREATIVE,), label, expected(matrix, (AD, *COLUMNS), label, np.zeros(N), threads=1))
    assert np.abs(encoding.values).max() < 0.12 and spread < 0.1


def test_no_row_sees_its_own_label() -> None:
    """One creative a row of its own: within training it must add nothing to its campaign."""
    matrix, label, _ = log()
    matrix[:, CREATIVE] = np.arange(N)
    out = out_of_fold(matrix, COLUMNS, label, np.full(N, -3.0), (0.5, 0.5))
    assert (out[:, CREATIVE] == out[:, CAMPAIGN]).all() and out[:, CAMPAIGN].std() > 0.1


def test_how_far_identities_differ_is_recovered() -> None:
    matrix, label, _ = log(spread=0.6)
    _, spreads = learn(matrix, COLUMNS, label, expected(matrix, (AD, *COLUMNS), label, np.zeros(N), threads=1))
    assert all(0.35 < spread < 0.85 for spread in spreads)


def test_effects_add_up_from_the_general_to_the_particular(found: Encoded) -> None:
    matrix, _, _ = log()
    campaign, creative = found.encodings
    read = encode(matrix, found.encodings)
    assert np.array_equal(read[:, CAMPAIGN], campaign.apply(matrix[:, CAMPAIGN]))
    assert np.array_equal(read[:, CREATIVE], campaign.apply(matrix[:, CAMPAIGN]) + creative.apply(matrix[:, CREATIVE]))
    assert np.array_equal(evidence(read, found.encodings), read[:, CREATIVE]) and (evidence(read, ()) == 0).all()
    assert np.array_equal(read[:, :CAMPAIGN], matrix[:, :CAMPAIGN])


@pytest.mark.parametrize("columns", [(), COLUMNS])
def test_where_all_columns_tell_ads_apart_places_alone_are_expected(columns: tuple[int, ...]) -> None:
    matrix, label, _ = log()
    offset = np.where(np.arange(N) % 2, -1.0, 0.0)
    margin = expected(matrix, (PERSON, AD, CAMPAIGN, CREATIVE), label, offset, threads=1)
    assert 1 / (1 + np.exp(-margin[0])) == pytest.approx(label.mean()) and len(np.unique(margin)) == 2
    assert len(encoded(matrix, columns, (PERSON, AD), label, offset, threads=1).encodings) == len(columns)

"""What training sees of a search and an ad is what serving computes, column by column."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from feature_repo.request_time import NO_SEARCH, search_columns, word_codes
from feature_repo.services import CLICK
from feature_repo.tables.query_performance import QUERY_PERFORMANCE
from pipelines.datasets.search_rows import search_rows
from serving.engine.candidates import Candidates
from serving.engine.stages import NOBODY
from serving.language.keyword_insertion import insert
from serving.precision.model_matrix import model_matrix
from serving.record.match import SEMANTIC
from serving.record.request import AdRequest
from serving.snapshot.search_columns import WORDS
from serving.sourcing.keywords import Keywords
from serving.sourcing.meaning import by_meaning
from serving.understanding.profile import Profile
from serving.understanding.query_analysis import QueryAnalysis
from serving.understanding.query_vector import QueryVector
from serving.worker.reload import Reloader
from tests.made import Known

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]
COLUMNS = [i for i, c in enumerate(CLICK.columns) if c.origin == "search"]


def test_offline_is_online(searched: Any) -> None:
    reloader = Reloader(searched.settings)
    reloader.refresh()
    live, online, asked, shown = reloader.live, [], [], []
    snapshot = live.snapshot
    assert snapshot is not None
    texts = [*searched.log.queries["text"].iloc[:60], *searched.log.catalog["keywords"]["text"].to_pylist()[:40]]
    for text in dict.fromkeys(texts):
        request = AdRequest("r", "search", "u", datetime(2026, 1, 9, tzinfo=UTC), query=text)
        context = NOBODY
        for understander in (Profile(Known()), QueryAnalysis(), QueryVector()):
            context = understander.understand(request, context, live)
        found = Keywords().source(request, context, live, 0)
        rows = np.setdiff1d(np.arange(min(len(snapshot), 15)), found.rows)
        assert context.query_vector is not None
        others = Candidates(snapshot, rows, match=by_meaning(snapshot.meaning.vectors_of(rows) @ context.query_vector))
        candidates = found.join(others)
        online.append((text, candidates.rows, model_matrix(CLICK, context, candidates)[:, COLUMNS]))
        asked += [text] * len(candidates.rows)
        shown += [snapshot.text("id.creative_id", int(r)) for r in candidates.rows]
    search, start = search_rows(searched.settings, asked, shown, searched.day), 0
    for text, rows, matrix in online:
        columns = search_columns(
            {**{name: values[start : start + len(rows)] for name, values in search.items()}, **snapshot.query_features(text)},
            {n: snapshot[f"ad.{n}"][rows] for n in ("category_code", "advertiser_code")},
        )
        offline = np.stack([np.broadcast_to(columns[CLICK.columns[i].name], len(rows)) for i in COLUMNS], axis=1)
        assert np.allclose(matrix, offline, atol=1e-5), text
        start += len(rows)
    assert len(shown) > 800 and {0.0, 1.0, 2.0, float(SEMANTIC)} <= set(search["match_kind"].tolist())


def test_rows_that_did_not_search_have_the_defaults(searched: Any) -> None:
    ids = searched.log.catalog["creatives"]["creative_id"].to_pylist()[:3]
    search = search_rows(searched.settings, ["", "laptop", ""], ids, searched.day)
    for name, default in NO_SEARCH.items():
        if name in QUERY_PERFORMANCE.names:
            continue  # a feature table's
        values = np.asarray(search[name])
        if values.ndim == 1:
            assert values[0] == values[2] == default[0], name
        else:
            assert (values[[0, 2]] == 0).all(), name
    assert search["match_kind"][1] >= 0 and search_rows(searched.settings, ["", ""], ids[:2], searched.day) is NO_SEARCH


def test_an_ad_that_is_gone_counts_as_not_searched(searched: Any) -> None:
    search = search_rows(searched.settings, ["laptop"], ["no-such-ad"], searched.day)
    assert search["match_kind"].tolist() == [-1.0]


def test_the_words_are_those_of_the_texts_that_were_shown(searched: Any) -> None:
    creatives = searched.log.catalog["creatives"].to_pylist()
    several = [c for c in creatives if c["headlines"] and c["descriptions"]]
    assert several, "the simulator writes responsive creatives"
    one, plain = several[0], next(c for c in creatives if not c["headlines"] and not c["descriptions"])
    texts = [(h, d) for h in (one["headline"], *one["headlines"]) for d in (one["description"], *one["descriptions"])]
    ids = [one["creative_id"]] * (len(texts) + 1) + [plain["creative_id"]]
    shown = search_rows(searched.settings, ["laptop"] * len(ids), ids, searched.day, [*range(len(texts)), 99, 1])
    usual = search_rows(searched.settings, ["laptop"] * len(ids), ids, searched.day)
    for i, text in enumerate(texts):
        for name, words in zip(WORDS, text, strict=True):
            said = word_codes([insert(words, "", 1).text], WORDS[name])[0]
            assert (shown[f"{name}_words"][i] == said).all(), (i, name)
    assert (shown["headline_words"] != usual["headline_words"]).any(), "another headline has other words"
    for name in WORDS:
        assert (shown[f"{name}_words"][-2:] == usual[f"{name}_words"][-2:]).all(), "no such combination: the creative's own"

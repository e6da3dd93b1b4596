"""The input of a model for a request and its candidates, columns in the model's order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import Columns, ModelInput
from feature_repo.request_time import NO_SEARCH, NOT_SEARCHED, pair_columns, search_columns
from feature_repo.services import INPUTS, places_in
from serving.bundles import Bundle
from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.language.query_columns import query_columns
from serving.record.query import Query
from serving.snapshot.manifest import matrix_name
from serving.snapshot.search_columns import WORDS
from serving.understanding.exposures import times_seen

Matrix = NDArray[np.float32]


def model_matrix(model: ModelInput, context: Context, candidates: Candidates) -> NDArray[np.float32]:
    """The model's (n, k) input: ad columns gathered from the snapshot in one go, the rest filled in place."""
    snapshot, rows = candidates.snapshot, candidates.rows
    inputs = snapshot.pair_inputs(rows)
    origins = {
        "user": context.user,
        "context": context.moment,
        "pair": pair_columns(context.moment, context.user, inputs, times_seen(context, candidates)),
        "search": NOT_SEARCHED if context.query is None else search_columns(_search(context.query, candidates), inputs),
    }
    one_for_all, each = np.zeros(len(model.columns), np.float32), []
    for origin, columns in origins.items():
        for i in model.of(origin):
            values = columns[model.columns[i].name]
            if len(values) == 1:
                one_for_all[i] = values[0]
            else:
                each.append((i, values))
    out = np.empty((len(rows), len(model.columns)), np.float32)
    out[:] = one_for_all
    ads, at = snapshot[_stored(model)].take(rows, axis=0), 0
    for first, last in _runs(model):
        out[:, first:last] = ads[:, at : at + last - first]
        at += last - first
    for i, values in each:
        out[:, i] = values
    return out


def matrix_of(wanted: ModelInput, made: ModelInput, matrix: Matrix, context: Context, candidates: Candidates) -> Matrix:
    """The candidates' matrix of an input: taken out of one that is made already, wider or newer, or made where that lacks a column."""
    if wanted is made:
        return matrix
    places = places_in(made.name, wanted.names)
    if places is None:
        return model_matrix(wanted, context, candidates)
    k = len(places)
    return matrix[:, :k] if places == tuple(range(k)) else np.ascontiguousarray(matrix[:, places])


def matrices(bundle: Bundle, context: Context, candidates: Candidates, live: Live) -> tuple[ModelInput, Matrix, Matrix]:
    """The input that the decision is logged with, its matrix, and the part of that which the bundle reads, columns in its order."""
    model = live.logged_input(bundle)
    x = model_matrix(model, context, candidates)
    return model, x, matrix_of(INPUTS[bundle.manifest.input], model, x, context, candidates)


def _search(query: Query, candidates: Candidates) -> Columns:
    """What search_columns reads of the query, of the ads' words and of how each was matched."""
    words = {f"{name}_words": candidates.of(f"words_of.{name}") for name in WORDS} | {"informative": candidates.of("informative")}
    known = candidates.snapshot.query_features(query.original)
    found = {**NO_SEARCH, **query_columns([query]), **words, **known}
    if candidates.match is not None:
        match = candidates.match
        found |= {"match_kind": match.kind, "match_close": match.close, "query_similarity": match.similarity}
    return found


_stored = lru_cache(maxsize=16)(matrix_name)


@lru_cache(maxsize=16)
def _runs(model: ModelInput) -> tuple[tuple[int, int], ...]:
    """The ad columns as [first, last) stretches: slices copy several times faster than lists of positions."""
    ads = model.of("ad")
    firsts = [i for i in ads if i - 1 not in ads]
    return tuple((i, next(j for j in range(i, len(model.columns) + 1) if j not in ads)) for i in firsts)

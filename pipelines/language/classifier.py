"""Trains what a query wants: linear models on weak labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from feature_repo.taxonomy import CATEGORIES, INTENTS
from feature_repo.text import tokenise
from pipelines.language.query_log import QueryLog
from pipelines.language.weak_labels import intent
from serving.language.gazetteer import Gazetteer
from serving.language.query_classifier import OUTPUTS, scaled
from serving.language.text_encoder import BUCKETS, buckets
from serving.snapshot.text_columns import ad_texts

MOST_ROWS: Final = 40_000
"""Texts with a label that are learned from: the worthiest."""
STRENGTH: Final = 1.0
"""Inverse of the regularisation: clicks are few and often by chance."""
TITLE_WORTH: Final = 20.0
"""Clicks that a page's title counts as: somebody gave it its category, whatever ads happened to stand beside it. Titles name other things
too: at 400, chosen on a market whose titles named nothing else, one reading in five more was wrong than at 10 to 30."""


def matrix(texts: Sequence[str]) -> csr_matrix:
    """Rows as QueryClassifier reads them."""
    found = [scaled(buckets(t)) for t in texts]
    ends = np.cumsum([0, *(len(b) for b, _ in found)])
    return csr_matrix((np.concatenate([v for _, v in found]), np.concatenate([b for b, _ in found]), ends), shape=(len(texts), BUCKETS))


def learn(log: QueryLog, gazetteer: Gazetteer) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (BUCKETS, OUTPUTS) and bias.

    Texts are read as they were typed, though serving reads them corrected: what is misspelt teaches letter runs (DECISIONS 51).
    Categories: of the ads that were clicked (worth_of_clicks), of what ads say, of the titles of pages that ads stand beside.
    Intents: weak_labels.
    Commercial: searches of trade or with a click, against those that want to know or to reach a brand, without one.
    """
    weights, bias = np.zeros((BUCKETS, OUTPUTS), np.float32), np.zeros(OUTPUTS, np.float32)
    creatives = log.catalog["creatives"]
    category = dict(zip(creatives["creative_id"].to_pylist(), creatives["category"].to_pylist(), strict=True))
    clicked = worth_of_clicks(log, category)
    pages = sorted(set(zip(*(log.catalog["items"][n].to_pylist() for n in ("title", "category")), strict=True)))
    texts = [*ad_texts(log.catalog, creatives), *clicked["text"], *(title for title, _ in pages)]
    labels = [*creatives["category"].to_pylist(), *clicked["category"], *(c for _, c in pages)]
    worth = [*np.ones(len(creatives)), *clicked["worth"], *np.full(len(pages), TITLE_WORTH)]
    keywords = log.catalog["keywords"]
    of_group = dict(zip(creatives["ad_group_id"].to_pylist(), creatives["category"].to_pylist(), strict=True))
    for text, group, negative in zip(*(keywords[n].to_pylist() for n in ("text", "ad_group_id", "negative")), strict=True):
        if not negative and group in of_group:
            texts.append(text)
            labels.append(of_group[group])
            worth.append(1.0)
    first = 1 + len(INTENTS)
    _fit(weights, bias, texts, labels, CATEGORIES, first, worth)
    asked = log.shown.groupby("query_id", sort=True).agg(text=("text", "first"), clicked=("clicked", "any"))
    quiet = log.queries[~log.queries["query_id"].isin(asked.index)]
    said, came = [*asked["text"], *quiet["text"]], [*asked["clicked"].tolist(), *[False] * len(quiet)]
    intents = [plain(text, gazetteer) for text in said]
    _fit(weights, bias, [t for t, i in zip(said, intents, strict=True) if i], [i for i in intents if i], INTENTS, 1)
    buys = [(t, i == "transactional" or c) for t, i, c in zip(said, intents, came, strict=True) if i or c]
    _fit(weights, bias, [t for t, _ in buys], ["buys" if b else "" for _, b in buys], ("buys",), 0)
    return weights, bias


def worth_of_clicks(log: QueryLog, category: Mapping[str, str]) -> pd.DataFrame:
    """What the clicks of each (text, category of ad) count as: those beyond what the ads' places earn, over how often, by the same
    measure, ads of the category are shown. Columns text, category, worth > 0.

    A search shows ads that do not answer it, too, and most of them are of the categories with the most ads: counted alone, their
    clicks by chance would make such categories of searches that hardly any ad answers.
    """
    shown = pd.DataFrame({
        "text": log.shown["text"], "category": log.shown["creative_id"].map(category), "clicks": log.shown["clicked"].astype(float),
        "expected": log.shown.groupby("position")["clicked"].transform("mean"),
    })  # fmt: skip
    found = shown.groupby(["text", "category"], as_index=False).sum()
    usual = found.groupby("category")["expected"].transform("sum") / max(found["expected"].sum(), 1e-9) * found["category"].nunique()
    found["worth"] = (found["clicks"] - found["expected"]) / usual.clip(lower=1e-9)
    return found[found["worth"] > 0]


def plain(text: str, gazetteer: Gazetteer) -> str:
    """The weak label of a query's intent."""
    tokens = tokenise(text)
    found = gazetteer.find(" ".join(tokens))
    named = sum(len(e.text.split()) for e in found if e.kind == "brand")
    return intent(tokens, named > 0, len(tokens) - named)


def _fit(
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    texts: Sequence[str],
    labels: Sequence[str],
    names: Sequence[str],
    first: int,
    worth: Sequence[float] = (),
) -> None:
    """Fills the columns of `names` from `first` on; columns of names that no text has stay far below the others. worth: rows that
    each text counts as, default 1."""
    counted: defaultdict[tuple[str, str], float] = defaultdict(float)
    for text, label, n in zip(texts, labels, worth or [1.0] * len(texts), strict=True):
        if label in names or len(names) == 1:
            counted[text, label] += n
    kept = [(text, label, n) for (text, label), n in sorted(counted.items(), key=lambda row: (-row[1], row[0]))[:MOST_ROWS]]
    present = sorted({label for _, label, _ in kept})
    if len(names) > 1:
        bias[first : first + len(names)] = -20.0
    if not present:
        bias[first : first + len(names)] = 0.0
        return
    if len(present) == 1:
        bias[first + (names.index(present[0]) if present[0] in names else 0)] = 0.0
        return
    rows = matrix([t for t, _, _ in kept])
    used = np.unique(rows.indices)  # the others stay at zero, and cost nothing
    model = LogisticRegression(C=STRENGTH, max_iter=100, tol=1e-3).fit(
        rows[:, used], [label for _, label, _ in kept], sample_weight=[n for _, _, n in kept]
    )  # fmt: skip
    if len(names) == 1:
        weights[used, first], bias[first] = model.coef_[0], model.intercept_[0]
    elif len(present) == 2:
        bias[[first + names.index(p) for p in present]] = [0.0, model.intercept_[0]]
        weights[used, first + names.index(present[1])] = model.coef_[0]
    else:
        for i, name in enumerate(model.classes_):
            weights[used, first + names.index(name)], bias[first + names.index(name)] = model.coef_[i], model.intercept_[i]

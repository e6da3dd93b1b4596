"""The words of shown ads: which texts of a responsive creative, and the keyword in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_repo.request_time import text_overlaps, word_codes
from feature_repo.services import places_in
from serving.delivery.insertion_policy import refusal, text_refusal
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.language.keyword_insertion import asks, insert
from serving.language.markup import LIMIT
from serving.language.query_columns import query_columns
from serving.record.decision import AdText
from serving.record.match import NO_KEYWORD
from serving.record.query import Query
from serving.record.request import AdRequest
from serving.snapshot.search_columns import BETWEEN, WORDS, combinations


@dataclass(frozen=True)
class _Row:
    """One shown ad: its place among the candidates and in the snapshot."""

    candidate: int
    ad: int


class Copywriter:
    """Of a responsive creative's combinations it takes the one with the highest predicted pCTR, and now and then any, so that
    all are learned of. explore_share: of choices drawn at random. blocked: terms, as text.query_key says them, that are never inserted."""

    def __init__(self, explore_share: float, blocked: frozenset[str] = frozenset()) -> None:
        self._explore, self._blocked = explore_share, blocked

    def write(
        self, request: AdRequest, context: Context, candidates: Candidates, rows: NDArray[np.int64], scores: Scores, live: Live,
        rng: np.random.Generator,
    ) -> list[AdText]:  # fmt: skip
        """One text for each of some candidates."""
        return [self._one(_Row(int(i), int(candidates.rows[i])), context, candidates, scores, live, rng) for i in rows]

    def _one(self, row: _Row, context: Context, candidates: Candidates, scores: Scores, live: Live, rng: np.random.Generator) -> AdText:
        snapshot = candidates.snapshot
        texts = {}
        for name in WORDS:
            others = snapshot.text(f"text.{name}s", row.ad)
            texts[name] = [snapshot.text(f"text.{name}", row.ad), *(others.split(BETWEEN) if others else [])]
        choices = combinations(texts["headline"], texts["description"])
        choice, propensity = 0, 1.0
        if len(choices) > 1:
            best = self._best(row, choices, context.query, scores, live)
            choice = int(rng.integers(len(choices))) if rng.random() < self._explore else best
            propensity = (1 - self._explore) * (choice == best) + self._explore / len(choices)
        keyword, refused = self._keyword(row, candidates, live) if any(map(asks, choices[choice])) else ("", "")
        written = [
            insert(text, keyword, LIMIT[name], refused, lambda said: text_refusal(said, self._blocked))
            for name, text in zip(WORDS, choices[choice], strict=True)
        ]
        return AdText(
            written[0].text, written[1].text, choice, len(choices), propensity,
            next((w.keyword for w in written if w.keyword), ""), next((w.why for w in written if w.why), ""),
            snapshot.text("text.landing_url", row.ad),
        )  # fmt: skip

    def _best(self, row: _Row, choices: list[tuple[str, str]], query: Query | None, scores: Scores, live: Live) -> int:
        """The combination that the ranker that scored the ad expects most of; the first where none did, or nothing was asked."""
        bundle = next((b for b in live.bundles.values() if b.name == scores.policy), None)
        if query is None or not query.stems or scores.matrix is None or bundle is None:
            return 0
        names = bundle.manifest.columns
        matrix = np.repeat(scores.matrix[row.candidate, list(places_in(scores.input, names) or ())][None, :], len(choices), axis=0)
        written = {
            f"{name}_words": word_codes([insert(choice[i], "", 1).text for choice in choices], most)
            for i, (name, most) in enumerate(WORDS.items())
        }
        for name, values in text_overlaps({**query_columns([query]), **written}).items():
            matrix[:, names.index(name)] = values
        return int(np.argmax(bundle.predict(matrix)))

    def _keyword(self, row: _Row, candidates: Candidates, live: Live) -> tuple[str, str]:
        """The matched keyword, and why it may not be inserted."""
        match = candidates.match
        if match is None or match.keyword[row.candidate] == NO_KEYWORD:
            return "", ""
        index = candidates.snapshot.keywords
        assert index is not None, "a keyword matched"
        keyword = index.text(int(match.keyword[row.candidate]))
        snapshot = candidates.snapshot
        sensitive = bool(snapshot["sensitive"][row.ad])
        return keyword, refusal(keyword, snapshot.brand_of(row.ad), snapshot.brands, self._blocked, live.language, sensitive)

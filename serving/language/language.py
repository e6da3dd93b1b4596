"""What was learned of the words that people search with: spelling, names, related terms, and what queries want."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.json_text import parsed
from serving.bundles.sealed import read_manifest, verify, write_sealed
from serving.errors import BundleRefused
from serving.language.dictionary import Dictionary
from serving.language.gazetteer import Gazetteer
from serving.language.query_classifier import QueryClassifier
from serving.language.spelling import Spelling
from serving.mapped_array import mapped_array
from serving.record.query import Term

LANGUAGE: Final = "language"
FORMAT: Final = 2
FIRST_FORMAT: Final = 1
"""Without OFFERED and DICTIONARY; it is read still, and corrects no spelling."""
WORDS, OFFERED, DICTIONARY = "words.json", "offered.json", "dictionary.npy"
NAMES, RELATED, WEIGHTS, BIAS = "names.json", "related.json", "weights.npy", "bias.npy"


@dataclass(frozen=True)
class KnownWords:
    """counts: how often the catalogue and past searches use each word. offered: those that the catalogue has something for. dictionary:
    words of whole languages."""

    counts: Mapping[str, int]
    offered: Collection[str]
    dictionary: Dictionary


class Language:
    """Thread-safe: nothing in it changes after load."""

    def __init__(
        self, version: str, spelling: Spelling, gazetteer: Gazetteer, related: Mapping[str, tuple[Term, ...]], classifier: QueryClassifier
    ) -> None:
        self.version, self.spelling, self.gazetteer, self.related, self.classifier = version, spelling, gazetteer, related, classifier

    def misspelt(self, word: str) -> bool:
        return self.spelling.misspelt(word)

    @classmethod
    def load(cls, folder: Path) -> Language:
        """Reads and verifies a language model. Raises BundleRefused."""
        manifest = read_manifest(folder, head=LANGUAGE)
        known, first = manifest.get("format"), manifest.get("format") == FIRST_FORMAT
        if not first and known != FORMAT:
            raise BundleRefused("bundle format", known, f"This version reads {FIRST_FORMAT} and {FORMAT}; train again.")
        verify(folder, manifest.get("files"), WORDS, NAMES, RELATED, WEIGHTS, BIAS, *(() if first else (OFFERED, DICTIONARY)))
        try:
            related = {w: tuple(Term(*t) for t in terms) for w, terms in parsed((folder / RELATED).read_text()).items()}
            weights = mapped_array(folder / WEIGHTS)
            return cls(
                str(manifest["version"]), _spelling(folder, first),
                Gazetteer([(e[0], e[1], e[2]) for e in parsed((folder / NAMES).read_text())]), related,
                QueryClassifier(weights, np.load(folder / BIAS, allow_pickle=False)),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise BundleRefused("language model", str(folder), f"It cannot be read: {error}; train again.") from None


def _spelling(folder: Path, first: bool) -> Spelling:
    words = parsed((folder / WORDS).read_text())
    if first:
        return Spelling(words)
    return Spelling(words, Dictionary(mapped_array(folder / DICTIONARY)), frozenset(parsed((folder / OFFERED).read_text())))


def write_language(
    folder: Path, version: str, words: KnownWords, names: Sequence[tuple[str, str, str]],
    related: Mapping[str, Sequence[tuple[str, float, str]]], weights: NDArray[np.float32], bias: NDArray[np.float32],
    said: Mapping[str, Any],
) -> Language:  # fmt: skip
    """Writes a language model and reads it back. said: what its manifest tells beside (training window, metrics)."""

    def write(part: Path) -> None:
        contents: dict[str, object] = {
            WORDS: dict(words.counts), OFFERED: sorted(words.offered), NAMES: list(names),
            RELATED: {k: list(v) for k, v in related.items()},
        }  # fmt: skip
        for name, content in contents.items():
            (part / name).write_text(json.dumps(content, sort_keys=True, ensure_ascii=False))
        np.save(part / DICTIONARY, words.dictionary.codes, allow_pickle=False)
        np.save(part / WEIGHTS, np.ascontiguousarray(weights, np.float32), allow_pickle=False)
        np.save(part / BIAS, np.asarray(bias, np.float32), allow_pickle=False)

    write_sealed(folder, {**said, "head": LANGUAGE, "format": FORMAT, "version": version}, write)
    return Language.load(folder)

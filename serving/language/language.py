"""What was learned of the words that people search with: spelling, names, related terms, and what queries want."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.json_text import parsed
from serving.bundles.sealed import read_manifest, verify, write_sealed
from serving.errors import BundleRefused
from serving.language.gazetteer import Gazetteer
from serving.language.query_classifier import QueryClassifier
from serving.language.spelling import Spelling
from serving.mapped_array import mapped_array
from serving.record.query import Term

LANGUAGE: Final = "language"
FORMAT: Final = 1
WORDS, NAMES, RELATED, WEIGHTS, BIAS = "words.json", "names.json", "related.json", "weights.npy", "bias.npy"


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
        manifest = read_manifest(folder, head=LANGUAGE, format=FORMAT)
        verify(folder, manifest.get("files"), WORDS, NAMES, RELATED, WEIGHTS, BIAS)
        try:
            related = {w: tuple(Term(*t) for t in terms) for w, terms in parsed((folder / RELATED).read_text()).items()}
            weights = mapped_array(folder / WEIGHTS)
            return cls(
                str(manifest["version"]), Spelling(parsed((folder / WORDS).read_text())),
                Gazetteer([(e[0], e[1], e[2]) for e in parsed((folder / NAMES).read_text())]), related,
                QueryClassifier(weights, np.load(folder / BIAS, allow_pickle=False)),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise BundleRefused("language model", str(folder), f"It cannot be read: {error}; train again.") from None


def write_language(
    folder: Path, version: str, words: Mapping[str, int], names: Sequence[tuple[str, str, str]],
    related: Mapping[str, Sequence[tuple[str, float, str]]], weights: NDArray[np.float32], bias: NDArray[np.float32],
    said: Mapping[str, Any],
) -> Language:  # fmt: skip
    """Writes a language model and reads it back. said: what its manifest tells beside (training window, metrics)."""

    def write(part: Path) -> None:
        for name, content in ((WORDS, dict(words)), (NAMES, list(names)), (RELATED, {k: list(v) for k, v in related.items()})):
            (part / name).write_text(json.dumps(content, sort_keys=True, ensure_ascii=False))
        np.save(part / WEIGHTS, np.ascontiguousarray(weights, np.float32), allow_pickle=False)
        np.save(part / BIAS, np.asarray(bias, np.float32), allow_pickle=False)

    write_sealed(folder, {**said, "head": LANGUAGE, "format": FORMAT, "version": version}, write)
    return Language.load(folder)

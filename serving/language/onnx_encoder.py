"""A sentence encoder of one's own: a folder with `model.onnx` and its `tokenizer.json`, as sentence-transformers and Optimum export them.

A text's vector is the model's `sentence_embedding`, or the mean of its `last_hidden_state` over the text's tokens (Reimers and Gurevych
2019), at unit length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from serving.errors import BundleRefused
from serving.language.text_encoder import unit_rows

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
PREFIX: Final = "onnx-"
"""Of versions: what follows is the SHA-256 of the files."""
MOST_TOKENS: Final = 256
"""Of a text that are read, unless the tokenizer says fewer."""
AT_ONCE: Final = 64
"""Texts in a batch."""
INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
WHOLE, BY_TOKEN = "sentence_embedding", "last_hidden_state"
NUMBERS: Final = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxEncoder:
    """Thread-safe: nothing changes after load, and a session may run in several threads."""

    def __init__(self, version: str, session: InferenceSession, tokenizer: Tokenizer) -> None:
        self.version, self._session, self._tokenizer = version, session, tokenizer
        self._inputs = {i.name: NUMBERS.get(i.type, np.int64) for i in session.get_inputs()}
        outputs = [o.name for o in session.get_outputs()]
        self._output = next((name for name in (WHOLE, BY_TOKEN) if name in outputs), "")
        if not self._output:
            raise BundleRefused("encoder outputs", outputs, f"One of them must be {WHOLE} or {BY_TOKEN}; export the model again.")
        unknown = sorted(self._inputs.keys() - {*INPUTS})
        if unknown:
            raise BundleRefused("encoder inputs", unknown, f"Only {', '.join(INPUTS)} are known; export the model again.")
        self.dim = 0
        probe = self.encode(["running shoes"])
        if probe.ndim != 2 or not np.isfinite(probe).all() or not probe.any():
            raise BundleRefused("encoder vectors", f"{probe.shape} {probe[:1]}", "A text must become one finite vector, not of zeros.")
        self.dim = probe.shape[1]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        parts = [self._batch(texts[i : i + AT_ONCE]) for i in range(0, len(texts), AT_ONCE)]
        return unit_rows(np.concatenate(parts)) if parts else np.empty((0, self.dim), np.float32)

    def _batch(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of any length, (n, dim); zero for a text that has no token of its own."""
        read = self._tokenizer.encode_batch(list(texts))
        given = {"input_ids": [r.ids for r in read], "attention_mask": [r.attention_mask for r in read],
                 "token_type_ids": [r.type_ids for r in read]}  # fmt: skip
        mask = np.array(given["attention_mask"], np.float32)
        own = mask * (1 - np.array([r.special_tokens_mask for r in read], np.float32))
        says: NDArray[np.bool_] = own.sum(axis=1) > 0
        if not says.any() and self.dim:
            return np.zeros((len(texts), self.dim), np.float32)
        (out,) = self._session.run([self._output], {name: np.array(given[name], dtype) for name, dtype in self._inputs.items()})
        vectors = np.asarray(out, np.float32)
        if self._output == BY_TOKEN:
            vectors = np.einsum("ntd,nt->nd", vectors, mask) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return np.asarray(vectors * says[:, None], np.float32)

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> OnnxEncoder:
        """Reads and tries an encoder; threads: those that a batch may use. Raises BundleRefused naming the file that is at fault."""
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import Tokenizer

        version = content_version(folder)
        options = SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 4  # what goes wrong is raised; nothing else need be printed
        tokenizer = _read(folder / TOKENIZER, lambda path: _as_we_read(Tokenizer.from_file(path)))
        session = _read(folder / MODEL, lambda path: InferenceSession(path, options, providers=["CPUExecutionProvider"]))
        try:
            return cls(version, session, tokenizer)
        except BundleRefused:
            raise
        except Exception as error:  # ONNX Runtime's own errors derive from nothing narrower
            raise BundleRefused("encoder", str(folder), f"It encodes nothing with its tokenizer: {_first_line(error)}") from None


def content_version(folder: Path) -> str:
    """PREFIX and the SHA-256 over the model, weights that it keeps beside (`model.onnx_data`), and the tokenizer."""
    digest = hashlib.sha256()
    for path in (*sorted({folder / MODEL, *folder.glob(f"{MODEL}?*")}), folder / TOKENIZER):
        try:
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            fix = f"It cannot be read ({error.strerror}); text_encoder_path must be a folder with {MODEL} and {TOKENIZER}."
            raise BundleRefused("encoder file", str(path), fix) from None
    return f"{PREFIX}{digest.hexdigest()[:16]}"


def _as_we_read(tokenizer: Tokenizer) -> Tokenizer:
    """At most MOST_TOKENS, and padded no further than the longest text of a batch; files often say a fixed length."""
    most, padding = tokenizer.truncation, tokenizer.padding or {}
    tokenizer.enable_truncation(min(MOST_TOKENS, most["max_length"] if most else MOST_TOKENS))
    token = padding.get("pad_token") or next((t for t in ("[PAD]", "<pad>") if tokenizer.token_to_id(t) is not None), "[PAD]")
    tokenizer.enable_padding(pad_id=padding.get("pad_id", tokenizer.token_to_id(token) or 0), pad_token=token)
    return tokenizer


def _read(path: Path, load: Any) -> Any:
    try:
        return load(str(path))
    except Exception as error:  # neither library's errors derive from anything narrower
        raise BundleRefused("encoder file", str(path), f"It cannot be used: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

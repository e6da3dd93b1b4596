"""A sentence encoder of one's own: pooled as it should be, named by its content, and refused by name when it is no good."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from serving.errors import BundleRefused
from serving.language.onnx_encoder import MOST_TOKENS, OnnxEncoder, content_version

WORDS = ["[PAD]", "[UNK]", "running", "shoes", "garden", "hose"]
VECTORS = np.array([[9, 9, 9], [0, 0, 1], [3, 0, 0], [1, 2, 0], [0, 1, 4], [0, 3, 0]], np.float32)


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.fixture
def folder(onnx_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return onnx_folder(tmp_path / "encoder", WORDS, VECTORS)


def test_a_text_is_the_mean_of_its_tokens_at_unit_length(folder: Path) -> None:
    encoder = OnnxEncoder.load(folder)
    texts = ["Running shoes", "hose", "", "garden unheard-of", "  "]
    got = encoder.encode(texts)
    assert encoder.dim == 3 and got.dtype == np.float32 and got.shape == (5, 3)
    mean = [unit((VECTORS[2] + VECTORS[3]) / 2), unit(VECTORS[5]), np.zeros(3), None, np.zeros(3)]
    for row, wanted in zip(got, mean, strict=True):
        if wanted is not None:
            assert np.allclose(row, wanted, atol=1e-6)
    assert np.allclose(encoder.encode(["hose"]), got[1:2], atol=1e-6), "padding beside a longer text changes nothing"
    assert encoder.encode([]).shape == (0, 3) and not encoder.encode(["", " "]).any()


def test_many_texts_keep_their_order_and_a_long_one_is_cut(folder: Path) -> None:
    encoder = OnnxEncoder.load(folder)
    texts = [WORDS[2 + i % 4] for i in range(150)]
    assert np.allclose(encoder.encode(texts), [unit(VECTORS[2 + i % 4]) for i in range(150)], atol=1e-6)
    assert np.allclose(encoder.encode(["shoes " * MOST_TOKENS + "hose " * 5_000])[0], unit(VECTORS[3]), atol=1e-6)


def test_a_model_that_pools_by_itself_is_taken_at_its_word(onnx_folder: Callable[..., Path], tmp_path: Path) -> None:
    encoder = OnnxEncoder.load(onnx_folder(tmp_path / "e", WORDS, VECTORS, output="sentence_embedding"))
    assert np.allclose(encoder.encode(["running hose hose"])[0], unit(VECTORS[2] + 2 * VECTORS[5]), atol=1e-6)


def test_the_version_is_the_content(onnx_folder: Callable[..., Path], tmp_path: Path) -> None:
    one = onnx_folder(tmp_path / "1", WORDS, VECTORS)
    same = onnx_folder(tmp_path / "2", WORDS, VECTORS)
    assert OnnxEncoder.load(one).version == OnnxEncoder.load(same).version == content_version(one)
    assert content_version(onnx_folder(tmp_path / "3", WORDS, VECTORS + 1)) != content_version(one)
    assert content_version(onnx_folder(tmp_path / "4", [*WORDS[:-1], "pipe"], VECTORS)) != content_version(one)
    apart = onnx_folder(tmp_path / "5", WORDS, VECTORS, beside=True)
    before = content_version(apart)
    assert (apart / "model.onnx_data").exists() and np.allclose(OnnxEncoder.load(apart).encode(["hose"]), [unit(VECTORS[5])])
    content = bytearray((apart / "model.onnx_data").read_bytes())
    content[-1] ^= 1
    (apart / "model.onnx_data").write_bytes(content)
    assert content_version(apart) != before, "weights that lie beside the model are part of it"


def cut_the_model(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])


def lose_the_model(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def lose_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def spoil_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def know_more_words_than_the_model(folder: Path) -> None:
    raw = json.loads((folder / "tokenizer.json").read_text())
    raw["model"]["vocab"] |= {"running": 4_000}
    (folder / "tokenizer.json").write_text(json.dumps(raw))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut_the_model, "model.onnx"), (lose_the_model, "model.onnx"), (lose_the_tokenizer, "tokenizer.json"),
        (spoil_the_tokenizer, "tokenizer.json"), (know_more_words_than_the_model, "its tokenizer"),
    ],
)  # fmt: skip
def test_what_cannot_encode_is_refused_by_name(folder: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(folder)
    with pytest.raises(BundleRefused, match=said):
        OnnxEncoder.load(folder)


def test_other_outputs_and_empty_vectors_are_refused(onnx_folder: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="logits"):
        OnnxEncoder.load(onnx_folder(tmp_path / "1", WORDS, VECTORS, output="logits"))
    for i, nothing in enumerate((VECTORS * 0, VECTORS * np.nan)):
        with pytest.raises(BundleRefused, match="finite"):
            OnnxEncoder.load(onnx_folder(tmp_path / f"n{i}", WORDS, nothing))

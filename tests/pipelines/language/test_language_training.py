"""What is learned of searches: held-out quality, names and words of the catalogue, determinism, and a refusal that leaves the champion."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import Missing, Refused
from pipelines.language import classifier
from pipelines.language.champions import champion_language, encoder_in_use
from pipelines.language.classifier import plain, worth_of_clicks
from pipelines.language.train import register, train
from pipelines.language.words import known_words, names, related_terms
from pipelines.registry.listing import history
from pipelines.registry.refusal import rollback
from pipelines.simulator.words import WORDS
from serving.bundles.sealed import read_manifest, write_manifest_file
from serving.language.analyse import analyse
from serving.language.gazetteer import Gazetteer
from serving.language.query_classifier import QueryClassifier
from serving.worker.reload import Reloader

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


def test_later_searches_are_read_better_than_by_chance(searched: Any) -> None:
    figures = {k: v for one in searched.learned for k, v in one.metrics.items()}
    assert figures["category_accuracy"] > 0.5, "chance is about 1 in 31"
    assert figures["intent_macro_f1"] > 0.6, "of three intents"
    assert figures["recall_at_10"] > 0.1 and figures["recall_at_100"] > 0.5, "of 300 ads: chance is 1 in 30, 1 in 3"


def test_a_long_log_does_not_crowd_out_what_is_known_for_sure(searched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is more to learn from than is taken, the worthiest is taken: pages' titles teach their categories all the same."""
    monkeypatch.setattr(classifier, "MOST_ROWS", 350)
    model = QueryClassifier(*classifier.learn(searched.log, Gazetteer(names(searched.log))))
    items = searched.log.catalog["items"]
    pages = set(zip(items["title"].to_pylist(), items["category"].to_pylist(), strict=True))
    assert len(pages) < 350 < len(pages) + len(searched.log.catalog["creatives"])
    assert np.mean([model.read(title).categories[0][0] == category for title, category in pages]) > 0.95


def test_the_category_with_the_most_ads_does_not_win_by_chance(searched: Any) -> None:
    """A search that is answered by the few ads of its own category, among many of another that get clicks by chance."""
    creatives = searched.log.catalog["creatives"]
    of = dict(zip(creatives["creative_id"].to_pylist(), creatives["category"].to_pylist(), strict=True))
    own, many = sorted(set(of.values()))[:2]
    about = {category: next(c for c, k in of.items() if k == category) for category in (own, many)}
    rows = [("qwertz", own, i % 2 == 0) for i in range(20)] + [("qwertz", many, i % 10 == 0) for i in range(400)]
    rows += [("asdfgh", many, i % 2 == 0) for i in range(800)]
    shown = pd.DataFrame(rows, columns=["text", "category", "clicked"]).assign(position=1)
    log = replace(searched.log, shown=shown.assign(creative_id=shown["category"].map(about)))
    worth = worth_of_clicks(log, of).set_index(["text", "category"])["worth"]
    assert worth.index.tolist() == [("asdfgh", many), ("qwertz", own)], "40 clicks of 400 are fewer than the place earns"
    assert worth["qwertz", own] == pytest.approx((10 - 20 * 450 / 1220) / (2 * 20 / 1220))


def test_both_serve_and_say_what_they_were_learned_from(searched: Any) -> None:
    reloader = Reloader(searched.settings)
    reloader.refresh()
    live = reloader.live
    assert reloader.refused == {} and live.language is not None and live.encoder is not None
    assert live.encoder.version == live.snapshot.encoder_version == "1"
    manifest = read_manifest(searched.home.bundles / "language" / "1", head="language")
    assert manifest["trained_to"][:10] == str(searched.day) and manifest["rows"] == len(searched.log.queries)


def test_the_catalogues_words_are_known_and_its_misspellings_put_right(searched: Any) -> None:
    language = champion_language(searched.home)
    assert language is not None
    assert analyse("cheap runing shoes", language).normalised == "cheap running shoes"
    bought = next(w["text"] for w in searched.log.catalog["keywords"].to_pylist() if not w["negative"] and " " in w["text"])
    query = analyse(f"cheap {bought} online", language)
    assert [(e.kind, e.text) for e in query.entities] == [("product", bought)] and query.corrections == ()
    known = known_words(searched.log)
    assert {"running", "shoes", "laptop"} <= known.counts.keys() and known.dictionary.knows("leather")


def test_ads_of_the_querys_topic_are_nearest(searched: Any) -> None:
    encoder = encoder_in_use(searched.settings)
    assert encoder is not None
    creatives = searched.log.catalog["creatives"].to_pylist()
    vectors = encoder.encode([f"{c['headline']} {c['description']}" for c in creatives])
    topics = sorted({c["category"] for c in creatives})
    right = [
        topic == creatives[int(np.argmax(encoder.encode([word])[0] @ vectors.T))]["category"]
        for topic in topics
        for word in WORDS[topic][:4]
    ]
    assert np.mean(right) > 0.6


def test_plain_intents_are_plain(searched: Any) -> None:
    language = champion_language(searched.home)
    assert language is not None
    assert plain("how to choose a laptop", language.gazetteer) == "informational"
    assert plain("buy laptop online", language.gazetteer) == "transactional" and plain("laptop", language.gazetteer) == ""


def test_terms_are_related_by_clicks_and_by_meaning(searched: Any) -> None:
    language = champion_language(searched.home)
    assert language is not None
    terms = [term for found in language.related.values() for term in found]
    assert terms and all(term.origin in ("clicks", "embedding") and 0 < term.weight <= 1 for term in terms)
    shown = searched.log.shown.head(0)
    rows = [(f"q{i}", text, ad, True) for i, (text, ad) in enumerate([("sneakers", "c1"), ("trainers", "c1"), ("kettle", "c2")] * 6)]
    log = replace(
        searched.log, shown=pd.DataFrame(rows, columns=["query_id", "text", "creative_id", "clicked"]).reindex(columns=shown.columns)
    )
    found = related_terms(log, None)
    assert [t[0] for t in found["sneaker"]] == ["trainers"] and [t[0] for t in found["trainer"]] == ["sneakers"]
    assert "kettl" not in found, "nothing else led to its ad"
    alike = SimpleNamespace(encode=lambda texts: np.array([[1.0, 0.0] if text in ("kettle", "trainers") else [0.0, 1.0] for text in texts]))
    assert [(t[0], t[2]) for t in related_terms(log, alike)["kettl"]] == [("trainers", "embedding")]  # type: ignore[arg-type]


def test_the_same_searches_teach_the_same(searched: Any) -> None:
    before = {one.head: files(one.folder) for one in searched.learned}
    assert {one.head: files(one.folder) for one in train(searched.settings, searched.day)} == before
    assert related_terms(searched.log, None) == related_terms(searched.log, None)


def files(folder: Any) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}


def test_a_model_that_fails_a_gate_is_refused_and_the_champion_stays(searched: Any) -> None:
    bad = replace(searched.learned[0], verdicts=[replace(v, passed=False) for v in searched.learned[0].verdicts])
    before = history(searched.settings, "language")
    with pytest.raises(Refused, match="category_accuracy"):
        register(searched.settings, bad, "champion", searched.day)
    assert history(searched.settings, "language") == before


def test_a_champion_can_be_rolled_back(searched: Any, tmp_path: Path) -> None:
    shutil.copytree(searched.learned[0].folder, tmp_path / "later")
    manifest = read_manifest(tmp_path / "later", head="language")
    write_manifest_file(tmp_path / "later", {**manifest, "trained_to": "2027-01-01T00:00:00"})
    register(searched.settings, replace(searched.learned[0], folder=tmp_path / "later"), "champion", searched.day)
    assert champion_language(searched.home).version == "2"  # type: ignore[union-attr]
    rollback(searched.settings, "language")
    assert champion_language(searched.home).version == "1"  # type: ignore[union-attr]


def test_a_day_without_searches_is_missing(searched: Any) -> None:
    with pytest.raises(Missing, match="queries"):
        train(searched.settings, searched.day.replace(year=2020))

"""The daily life of the text models: learn the language model and the encoder, measure both on later searches, register them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from feature_repo.home import Home
from pipelines.errors import Refused
from pipelines.gates.gate import Verdict
from pipelines.language import classifier, encoder, words
from pipelines.language.beside_champion import BOUGHT, CLICKED, COMMERCIAL, NOT_BOUGHT, judged
from pipelines.language.query_log import QueryLog, query_log
from pipelines.registry import roles
from pipelines.registry.again import had_role, newer_in_role, registered_before
from pipelines.registry.listing import versions
from pipelines.registry.register import register_sealed
from pipelines.registry.version import Version
from serving.bundles.sealed import read_manifest
from serving.language.gazetteer import Gazetteer
from serving.language.language import LANGUAGE, write_language
from serving.language.query_classifier import QueryClassifier
from serving.language.text_encoder import ENCODER, write_encoder
from serving.settings import Settings
from serving.snapshot.text_columns import ad_texts

HELD_OUT: Final = 0.8
"""Share of the searches, the earlier ones, that is learned from when measuring; the models that are kept learn from all."""


@dataclass(frozen=True)
class LearnedLanguage:
    """Where a candidate lies, what it achieved on later searches, and what the gates say of it."""

    head: str
    folder: Path
    metrics: dict[str, float]
    verdicts: list[Verdict]

    @property
    def passed(self) -> bool:
        return all(v.passed for v in self.verdicts)


def candidate(home: Home, head: str, day: date) -> Path:
    """Where a trained, not yet registered text model lies."""
    return home.root / "candidates" / head / f"day={day}" / "model"


def train(settings: Settings, day: date) -> list[LearnedLanguage]:
    """Learns both models from the searches up to the end of `day`. Raises Missing when there are none."""
    log = query_log(settings.home, day, settings.training.history_days)
    earlier, later = log.before(HELD_OUT)
    said = {
        "trained_from": log.queries["ts"].min().isoformat(),
        "trained_to": log.queries["ts"].max().isoformat(),
        "rows": len(log.queries),
    }
    ads = ad_texts(log.catalog, log.catalog["creatives"])
    clicked = later.shown[later.shown["clicked"]]
    ids = log.catalog["creatives"]["creative_id"].to_pylist()
    trial = encoder.learn(encoder.documents(earlier), settings.seed)
    near = {
        f"recall_at_{k}": encoder.recall_at(clicked["text"].tolist(), clicked["creative_id"].tolist(), ids, ads, trial, k)
        for k in (10, 100)
    } | {CLICKED: float(len(clicked))}
    vectors = encoder.learn(encoder.documents(log), settings.seed)
    made = write_encoder(candidate(settings.home, ENCODER, day), "0", vectors, {**said, "ranker": "lsa", "metrics": near})
    gazetteer = Gazetteer(words.names(log))
    read = _measured(later, QueryClassifier(*classifier.learn(earlier, gazetteer)), gazetteer)
    weights, bias = classifier.learn(log, gazetteer)
    write_language(
        candidate(settings.home, LANGUAGE, day), "0", words.known_words(log), words.names(log), words.related_terms(log, made),
        weights, bias, {**said, "ranker": "linear", "metrics": read},
    )  # fmt: skip
    return [LearnedLanguage(h, candidate(settings.home, h, day), m, judged(settings, h, m)) for h, m in ((LANGUAGE, read), (ENCODER, near))]


def _measured(later: QueryLog, model: QueryClassifier, gazetteer: Gazetteer) -> dict[str, float]:
    """category_accuracy: of the clicked ads' categories on later searches; COMMERCIAL: the AUC of whether a search is clicked;
    intent_macro_f1: against the weak labels of those that are worded plainly, nan where none is."""
    creatives = later.catalog["creatives"]
    category = dict(zip(creatives["creative_id"].to_pylist(), creatives["category"].to_pylist(), strict=True))
    clicked = later.shown[later.shown["clicked"]]
    readings = {text: model.read(text) for text in set(later.shown["text"])}
    right = [
        bool(readings[t].categories) and readings[t].categories[0][0] == category.get(c)
        for t, c in zip(clicked["text"], clicked["creative_id"], strict=True)
    ]
    asked = later.shown.groupby("query_id").agg(text=("text", "first"), clicked=("clicked", "any"))
    auc = float("nan")
    if asked["clicked"].nunique() == 2:
        auc = float(roc_auc_score(asked["clicked"], [readings[t].commercial for t in asked["text"]]))
    plain = {text: wanted for text in sorted(readings) if (wanted := classifier.plain(text, gazetteer))}
    f1 = f1_score([*plain.values()], [readings[t].intent for t in plain], average="macro") if plain else float("nan")
    return {
        "intent_macro_f1": float(f1),
        "category_accuracy": float(np.mean(right)) if right else float("nan"),
        COMMERCIAL: auc,
        CLICKED: float(len(right)),
        BOUGHT: float(asked["clicked"].sum()),
        NOT_BOUGHT: float((~asked["clicked"]).sum()),
    }


def register(settings: Settings, learned: LearnedLanguage, alias: str, day: date) -> Version:
    """Registers a text model that passed its gates. The same model again is the same version. A champion or a challenger that was trained
    to a later moment keeps its role, and so does whoever replaced this version in it. Raises Refused naming the gates that failed.
    """
    failed = [v.failure for v in learned.verdicts if not v.passed]
    if failed:
        raise Refused(f"{learned.head} candidate of {day}", "; ".join(failed), "It was not registered; the champion stays.")
    trained_to = str(read_manifest(learned.folder, head=learned.head)["trained_to"])
    roles.finish(settings)
    version = registered_before(settings, learned.head, learned.folder)
    if version is None:
        version = register_sealed(settings, learned.head, learned.folder, f"trained on {day}", learned.metrics, "")
    late = newer_in_role(settings, learned.head, "challenger", trained_to)
    if not late and not had_role(settings, learned.head, "challenger", version.version):
        roles.set_alias(settings, learned.head, "challenger", version.version, f"trained on {day}")
    outdated = newer_in_role(settings, learned.head, "champion", trained_to)
    if alias == "champion" and not outdated and not had_role(settings, learned.head, "champion", version.version):
        roles.promote(settings, learned.head, version.version, f"trained on {day}, passed its gates")
    return next(v for v in versions(settings, learned.head) if v.version == version.version)

"""A text model that somebody has removed serves no longer, also where no other can take its place: search does without it and says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.bundles import aliases, refusals
from serving.language.dictionary import Dictionary
from serving.language.language import LANGUAGE, KnownWords, write_language
from serving.language.query_classifier import OUTPUTS
from serving.language.text_encoder import BUCKETS, ENCODER, TextEncoder, write_encoder
from serving.record.decision import Decision
from serving.settings import Settings
from serving.snapshot import set_current
from serving.snapshot.snapshot import write_snapshot
from serving.worker.reload import Reloader

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
GOOD = {LANGUAGE: {"champion": "1"}, ENCODER: {"champion": "7"}}
ABSENT = {LANGUAGE: "language_absent", ENCODER: "encoder_absent"}


def learn_language(bundles: Path, version: str) -> None:
    words = KnownWords({"running": 5, "shoes": 5}, {"running", "shoes"}, Dictionary.of([{"running": 5, "shoes": 5}]))
    weights = np.random.default_rng(1).normal(size=(BUCKETS, OUTPUTS)).astype(np.float32)
    place = aliases.version_folder(bundles, LANGUAGE, version)
    write_language(place, version, words, [], {}, weights, np.zeros(OUTPUTS, np.float32), {})


@pytest.fixture
def reloader(searched_catalog: Any, encoder: TextEncoder, tmp_path: Path) -> Reloader:
    """Over a home with one language model and one encoder, which encoded its ads; both are champions, and neither has a predecessor."""
    settings = Settings(home_path=tmp_path / "home")
    learn_language(settings.home.bundles, "1")
    write_encoder(aliases.version_folder(settings.home.bundles, ENCODER, encoder.version), encoder.version, encoder.vectors, {})
    aliases.write_aliases(settings.home.bundles, GOOD)
    set_current(settings.home.snapshots, write_snapshot(settings.home.snapshots, NOON, searched_catalog, {}, encoder))
    found = Reloader(settings)
    found.refresh()
    return found


@pytest.fixture
def ask(over: Any, click: Any, tmp_path: Path) -> Callable[[Reloader], Decision]:
    """Searches with what the reloader has."""

    def decide(reloader: Reloader) -> Decision:
        decision: Decision = over(tmp_path / "home", replace(reloader.live, bundles={("click", "champion"): click}))("running shoes")
        return decision

    return decide


def remove(reloader: Reloader, found: refusals.Refusals) -> None:
    refusals.write_refusals(reloader._settings.home.bundles, found)


@pytest.mark.parametrize(("head", "version"), [(LANGUAGE, "1"), (ENCODER, "7")])
@pytest.mark.parametrize("started", [True, False], ids=["while it serves", "before a worker starts"])
def test_without_a_predecessor_search_does_without_it_until_it_is_admitted(
    reloader: Reloader, ask: Any, head: str, version: str, started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    before = ask(reloader)
    assert not set(ABSENT.values()) & set(before.flags) and before.shown
    remove(reloader, {head: {version: "it reads nonsense"}})
    caplog.clear()
    worker = reloader if started else Reloader(reloader._settings)
    for _ in range(2):
        worker.refresh()
    after = ask(worker)
    assert ABSENT[head] in after.flags and after.shown, "the words of the query find ads all the same"
    assert len(set(ABSENT.values()) & set(after.flags)) == 1, "the other model serves on"
    assert worker.refused == {head: f"not in use: version {version} was removed: it reads nonsense"}
    assert [r.message for r in caplog.records] == [f"{head} is not in use: version {version} was removed: it reads nonsense"]
    remove(worker, {})
    worker.refresh()
    assert worker.refused == {} and ask(worker).flags == before.flags


@pytest.mark.parametrize("damaged", [True, False], ids=["damaged", "sound"])
def test_one_that_was_removed_is_not_what_goes_on_serving_while_the_next_cannot_be_read(reloader: Reloader, damaged: bool) -> None:
    bundles = reloader._settings.home.bundles
    learn_language(bundles, "2")
    if damaged:
        (aliases.version_folder(bundles, LANGUAGE, "2") / "words.json").write_text("{}")
    remove(reloader, {LANGUAGE: {"1": "it reads nonsense"}})
    aliases.write_aliases(bundles, GOOD | {LANGUAGE: {"champion": "2"}})
    reloader.refresh()
    serving = reloader.live.language
    assert (serving.version if serving is not None else "") == ("" if damaged else "2")
    assert set(reloader.refused) == ({LANGUAGE} if damaged else set())


def test_a_refusal_of_the_present_encoder_leaves_one_that_is_not_refused_alone(reloader: Reloader) -> None:
    remove(reloader, {ENCODER: {"6": "an older one"}, LANGUAGE: {"9": "another"}})
    reloader.refresh()
    live = reloader.live
    assert reloader.refused == {} and live.encoder is not None and live.language is not None


def test_a_removal_counts_at_once_although_the_aliases_cannot_be_read(reloader: Reloader) -> None:
    (reloader._settings.home.bundles / "aliases.json").write_text("[")
    remove(reloader, {LANGUAGE: {"1": "it reads nonsense"}, ENCODER: {"7": "it, too"}})
    reloader.refresh()
    assert reloader.live.language is None and reloader.live.encoder is None

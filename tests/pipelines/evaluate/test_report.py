"""The report: one file that refers to nothing outside itself and shows every plot, gate, metric and slice."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pipelines.evaluate.assess import Assessment
from pipelines.evaluate.plots import pictures
from pipelines.evaluate.report import render
from pipelines.gates.gates import GATES
from pipelines.metrics import METRICS
from pipelines.training.candidate import load_candidate, plots_folder
from serving.bundles import Bundle
from serving.settings import Settings

PLOTS = {"reliability", "roc", "importance"}


class Seen(HTMLParser):
    """Everything a browser would fetch, and the images by name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.images: dict[str, bytes] = {}
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "action", "poster") and v]
        if tag == "img":
            self.images[str(named["alt"])] = base64.b64decode(str(named["src"]).split(",", 1)[1], validate=True)


@pytest.fixture(scope="module")
def bundle(settings: Settings, good: date, family: str) -> Bundle:
    return load_candidate(settings.home, "click", good, family)


@pytest.fixture(scope="module")
def text(outcome: Assessment) -> str:
    return outcome.report.read_text(encoding="utf-8")


def test_it_is_one_file_that_fetches_nothing(text: str) -> None:
    seen = Seen(text)
    assert seen.fetched and all(where.startswith("data:image/png;base64,") for where in seen.fetched)
    assert not seen.tags & {"script", "link", "iframe", "object"}
    assert not re.search(r"https?://|@import|url\(", text)


def test_it_shows_every_plot_and_each_is_a_picture_of_its_own(text: str, settings: Settings, good: date, family: str) -> None:
    images = Seen(text).images
    assert images.keys() == PLOTS
    assert all(png.startswith(b"\x89PNG\r\n\x1a\n") and len(png) > 5_000 for png in images.values()) and len(set(images.values())) == 3
    left = {p.stem: p.read_bytes() for p in plots_folder(settings.home, "click", good, family).glob("*.png")}
    assert left == images, "the registry logs the same pictures"


def test_plots_are_the_same_twice(outcome: Assessment, bundle: Bundle) -> None:
    matrix = np.random.default_rng(1).normal(size=(60, len(bundle.manifest.columns))).astype(np.float32)
    assert pictures(outcome.evaluation, bundle, matrix) == pictures(outcome.evaluation, bundle, matrix)


def test_it_names_every_metric_gate_contender_and_slice(text: str, outcome: Assessment) -> None:
    for m in METRICS:
        assert m.name.replace("_", " ") in text and f"{outcome.evaluation.metrics[m.name]:.4f}" in text
    assert text.count("class='good'>passed") == sum(v.evidence for v in outcome.verdicts)
    assert text.count("no evidence") == sum(g.optional for g in GATES["click"]), "what only traffic could tell is named all the same"
    for name in (*outcome.evaluation.scores, *outcome.evaluation.table["slice"]):
        assert name in text


def test_it_tells_what_each_missing_modality_costs(outcome: Assessment, bundle: Bundle) -> None:
    without = outcome.evaluation.without
    assert set(without) == {"", "user", "image", "context"}
    assert without[""] == pytest.approx(outcome.evaluation.metrics["normalised_entropy"])
    page = render(outcome.evaluation, bundle, outcome.verdicts, {})
    assert all(f"without {name}" in page for name in without if name)


def test_a_failed_gate_is_shown_as_failed(outcome: Assessment, bundle: Bundle) -> None:
    verdicts = [replace(outcome.verdicts[0], passed=False), *outcome.verdicts[1:]]
    page = render(outcome.evaluation, bundle, verdicts, {})
    assert page.count("class='bad'>failed") == 1


def test_what_logs_say_is_not_markup(outcome: Assessment, bundle: Bundle) -> None:
    table = outcome.evaluation.table.assign(slice="surface <script>alert(1)</script>")
    overall = outcome.evaluation.table[outcome.evaluation.table["slice"] == "all"]
    page = render(replace(outcome.evaluation, table=pd.concat([overall, table])), bundle, [], {})
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_verb_prints_the_place_of_the_report_alone(
    outcome: Assessment, settings: Settings, good: date, family: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines.cli import evaluate as verb

    opened: list[str] = []
    monkeypatch.setenv("PLACARD_HOME", str(settings.home.root))
    monkeypatch.setattr("pipelines.evaluate.assess.assess", lambda *args: outcome)
    monkeypatch.setattr(verb.webbrowser, "open", opened.append)
    ask = {"day": good, "head": "click", "ranker": family, "show": True}
    verb.evaluate(**ask, as_json=False)
    assert capsys.readouterr().out.strip() == str(outcome.report) and outcome.report.is_file()
    assert opened == [], "nobody sits at a pipe"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    verb.evaluate(**ask, as_json=False)
    assert opened == [outcome.report.resolve().as_uri()]
    verb.evaluate(**ask, as_json=True)
    assert len(opened) == 1, "a machine asked"

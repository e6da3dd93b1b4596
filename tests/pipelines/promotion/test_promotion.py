"""A champion is made on the evidence of exactly its files, beside the champion in force, or on a reason that is remembered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.datasets.training_set import folder
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.evaluate.assess import assess
from pipelines.gates.evidence import of_version, read_evidence
from pipelines.gates.gates import GATES
from pipelines.promotion.promote import GateTable, NotPromoted, promote, table
from pipelines.promotion.register import register_candidate
from pipelines.registry import listing
from pipelines.registry.again import newer_in_role
from pipelines.registry.refusal import refuse
from pipelines.training.candidate import candidate, load_candidate
from serving.bundles import aliases
from serving.settings import Settings
from tests.made import written_again

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = pytest.mark.filterwarnings("ignore")
TODAY = date(2026, 1, 12)


@pytest.fixture(scope="module")
def market(settings: Settings, good: date, noise: date, family: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Versions 1 and 2: the good candidate and the same trees, said to be tuned, both before anybody reigned; 3, as a shadow: noise.
    Copied, never changed."""
    home = Path(shutil.copytree(settings.home.root, tmp_path_factory.mktemp("market") / "placard"))
    made = Settings(PLACARD_HOME=home)
    for tuned in ({}, {"eta": 0.1}):
        found = load_candidate(made.home, "click", good, family)
        written_again(found, candidate(made.home, "click", good, family), replace(found.manifest, tuned=tuned))
        assert assess(made, "click", good, family).passed
        register_candidate(made, "click", good, family, "challenger")
    assert not assess(made, "click", noise, family).passed
    register_candidate(made, "click", noise, family, "shadow")
    return made


@pytest.fixture
def platform(market: Settings, tmp_path: Path) -> Settings:
    return Settings(PLACARD_HOME=Path(shutil.copytree(market.home.root, tmp_path / "placard")))


def word(found: GateTable, gate: str) -> str:
    return {v.gate: v.word for v in found.verdicts}[gate]


def champion(settings: Settings) -> str:
    return aliases.read_aliases(settings.home.bundles)["click"].get("champion", "")


def test_the_first_champion_needs_no_traffic_and_the_table_says_that_there_was_none(platform: Settings) -> None:
    change, found = promote(platform, "click", "1", TODAY)
    assert (change.version, change.failed, champion(platform)) == ("1", (), "1")
    assert [v.gate for v in found.verdicts][: len(GATES["click"])] == [g.metric for g in GATES["click"]]
    for gate in GATES["click"]:
        assert word(found, gate.metric) == ("no evidence" if gate.optional else "passed")


def test_a_champion_that_was_removed_is_no_measure_and_what_follows_it_needs_evidence_all_the_same(platform: Settings) -> None:
    promote(platform, "click", "1", TODAY)
    assert table(platform, "click", "2", TODAY).champion == "1"
    refuse(platform, "click", "1", "it promised too much")
    found = table(platform, "click", "2", TODAY)
    assert found.champion == "" and {v.champion for v in found.verdicts} == {None} and found.failed == []
    assert table(platform.changed(require_evidence=True), "click", "2", TODAY).failed
    assert newer_in_role(platform, "click", "champion", "2000-01-01") == ""


def test_with_evidence_required_nothing_unmeasured_passes_once_somebody_reigns(platform: Settings) -> None:
    strict = platform.changed(require_evidence=True)
    assert promote(strict, "click", "1", TODAY)[0].version == "1", "there is no traffic to tell of the first"
    with pytest.raises(NotPromoted, match=r"off_policy_value not measured.*shadow_log_loss_difference not measured") as refused:
        promote(strict, "click", "2", TODAY)
    assert champion(platform) == "1"
    assert {v.gate for v in refused.value.table.failed} == {g.metric for g in GATES["click"] if g.optional}
    change, _ = promote(strict, "click", "2", TODAY, override="no traffic here")
    assert (champion(platform), change.why, set(change.failed)) == (
        "2",
        "no traffic here",
        {g.metric for g in GATES["click"] if g.optional},
    )


def test_beside_another_champion_it_is_judged_again_on_the_same_rows(platform: Settings) -> None:
    promote(platform, "click", "1", TODAY)
    kept = of_version(platform.home.bundles, "click", "2")
    assert read_evidence(kept, "", "").champion == ""
    change, found = promote(platform, "click", "2", TODAY, "newer")
    assert (change.before, change.version, change.why) == ("1", "2", "newer")
    assert {v.gate for v in found.verdicts if v.champion is not None} >= {"normalised_entropy", "grouped_auc"}
    assert read_evidence(kept, "", "").champion == "1", "what was found stands with the version"


def test_without_the_rows_it_is_refused_until_a_reason_is_given(platform: Settings, good: date) -> None:
    promote(platform, "click", "1", TODAY)
    shutil.rmtree(folder(platform.home, "click", good))
    with pytest.raises(NotPromoted, match=r"an evaluation beside champion 1, not no champion") as caught:
        promote(platform, "click", "2", TODAY)
    assert caught.value.exit_code == 3 and champion(platform) == "1"
    change, _ = promote(platform, "click", "2", TODAY, override="the rows are archived")
    assert champion(platform) == "2" and "evaluation" in change.failed and change.why == "the rows are archived"
    assert listing.history(platform, "click")[-1] == change, "the reason and what it overrode stand in the journal"


def test_a_version_that_fails_is_refused_by_the_names_of_its_gates(platform: Settings) -> None:
    with pytest.raises(NotPromoted) as caught:
        promote(platform, "click", "3", TODAY)
    failed = {v.gate for v in caught.value.table.failed}
    assert {"normalised_entropy", "roc_auc"} <= failed and all(gate in str(caught.value) for gate in failed)
    assert champion(platform) == "" and "--override" in caught.value.fix
    change, _ = promote(platform, "click", "3", TODAY, override="a test of the guard")
    assert set(change.failed) == failed


def test_an_evaluation_of_other_files_counts_for_nothing(platform: Settings) -> None:
    path = of_version(platform.home.bundles, "click", "1")
    found = read_evidence(path, "", "")
    replace(found, files={**found.files, next(iter(found.files)): "0" * 64}).write(path)
    with pytest.raises(NotPromoted, match="of other files"):
        promote(platform, "click", "1", TODAY)
    path.write_text("{")
    with pytest.raises(NotPromoted, match="cannot be read"):
        promote(platform, "click", "1", TODAY)
    path.unlink()
    with pytest.raises(NotPromoted, match="Evaluate and register it again"):
        promote(platform, "click", "1", TODAY)


def test_after_a_week_of_new_log_it_is_judged_anew(platform: Settings, good: date) -> None:
    """The log's newest day counts, not the clock: this market's days are long past."""
    assert word(table(platform, "click", "1", TODAY), "days_logged_since") == "no evidence"
    for past, outcome in ((0, "passed"), (7, "passed"), (8, "failed")):
        platform.home.partition("impressions", good + timedelta(days=past)).mkdir(parents=True)
        assert word(table(platform, "click", "1", good + timedelta(days=30)), "days_logged_since") == outcome
    assert word(table(platform, "click", "1", TODAY), "days_logged_since") == "passed", "what came after the day is not looked at"
    with pytest.raises(NotPromoted, match="days_logged_since 8 must be ≤ 7"):
        promote(platform, "click", "1", good + timedelta(days=30))


def test_the_newest_skew_report_up_to_the_day_is_a_gate(platform: Settings) -> None:
    reports = platform.home.reports / "skew"
    reports.mkdir(parents=True)

    def wrote(day: str, share: float | None) -> None:
        (reports / f"{day}.json").write_text(json.dumps({"figures": [{"name": "cells_differing", "value": share}]}))

    wrote("2026-01-09", 0.5)
    wrote("2026-01-10", 0.0001)
    wrote("2026-01-13", 0.5)
    assert word(table(platform, "click", "1", TODAY), "feature_skew") == "passed"
    wrote("2026-01-11", 0.02)
    with pytest.raises(NotPromoted, match=r"feature_skew 0\.02 must be ≤ 0\.001"):
        promote(platform, "click", "1", TODAY)
    wrote("2026-01-12", None)
    assert word(table(platform, "click", "1", TODAY), "feature_skew") == "no evidence", "nothing was compared"
    (reports / "2026-01-12.json").write_text("[]")
    with pytest.raises(PipelineError, match="skew report"):
        table(platform, "click", "1", TODAY)


def test_a_refused_version_is_not_promoted_by_any_reason(platform: Settings) -> None:
    refuse(platform, "click", "1", "it drifted")
    for override in ("", "I insist"):
        with pytest.raises(Refused, match="it drifted"):
            promote(platform, "click", "1", TODAY, override=override)
    assert champion(platform) == ""


def test_what_is_not_registered_is_missing_or_bad_input(platform: Settings) -> None:
    with pytest.raises(PipelineError, match="'99'"):
        promote(platform, "click", "99", TODAY)
    with pytest.raises(Missing, match="registry register"):
        promote(platform, "conversion", "", TODAY)


def test_the_verb_shows_the_table_and_says_no_with_status_three(
    platform: Settings, monkeypatch: pytest.MonkeyPatch, say: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(platform.home.root))
    status, out, err = say("promote", "click", "3", "--partition", str(TODAY), "--json")
    plain = json.loads(out)
    assert status == 3 and plain["promoted"] is False and "roc_auc" in err
    assert {v["gate"] for v in plain["verdicts"] if not v["passed"]} >= {"normalised_entropy", "roc_auc"}
    status, out, _ = say("promote", "click", "3", "--partition", str(TODAY), "--override", "to see it fail")
    assert status == 0 and "overridden:" in out and "no evidence" in out and "champion none → 3" in out
    status, out, _ = say("registry", "history", "click")
    assert status == 0 and "to see it fail" in out and "overriding" in out
    status, out, _ = say("registry", "history", "--at", "2100-01-01", "--json")
    assert json.loads(out)["production"]["click"]["version"] == "3"
    assert json.loads(say("registry", "history", "--at", "2020-01-01", "--json")[1])["production"] == {}
    assert say("registry", "history", "--at", "yesterday")[0] == 2

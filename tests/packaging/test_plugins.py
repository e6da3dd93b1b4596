"""What another distribution brings: found by entry points, held to the same contracts, named when it is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.errors import PluginError
from feature_repo.home import Home
from feature_repo.plugins import Offered
from pipelines.bench.serving.synthetic import catalogue, ranker
from pipelines.ingest import FORMATS, format_named
from pipelines.rankers import RANKERS
from serving.engine.live import Live
from serving.ledger.memory import MemoryLedger
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.snapshot import open_current
from serving.surfaces.surfaces import surfaces
from tests.contracts import conftest as stages
from tests.contracts import test_component_contracts as stage_contract
from tests.made import Known
from tests.packaging import acme
from tests.pipelines.ingest import test_ingest_contract as format_contract
from tests.pipelines.rankers import test_ranker_contract as ranker_contract
from tests.pipelines.rankers.conftest import make

FOUND = "_brought"


def forget() -> None:
    """What the built-in lists found at their first look; and the distribution's module, which each test has at another place."""
    for offered in (RANKERS, FORMATS):
        vars(offered).pop(FOUND, None)
    sys.modules.pop("acme_ads", None)


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """bring(entry points) installs a distribution for the time of the test."""

    def install(*args: str) -> Path:
        folder = acme.install(tmp_path / f"site{len(list(tmp_path.glob('site*')))}", *args)
        monkeypatch.syspath_prepend(folder)
        forget()
        return folder

    forget()
    yield install
    forget()


def test_a_ranker_of_another_distribution_keeps_the_rankers_contract(bring: Callable[..., Path], tmp_path: Path) -> None:
    assert "acme_line" not in RANKERS
    bring()
    assert "acme_line" in RANKERS and list(RANKERS)[-1] == "acme_line" and len(RANKERS) == len(list(RANKERS))
    ranker_contract.test_names_are_keys()
    family, thin = RANKERS["acme_line"], make(12_000, base=-4.6, rate=1.0, seed=5)
    ranker_contract.test_it_is_the_same_twice_and_test_rows_teach_nothing(family, thin, tmp_path / "twice")
    ranker_contract.test_thin_data_is_calibrated_too(ranker_contract.fitted(family, thin, tmp_path / "thin"), thin)
    ranker_contract.test_nothing_but_early_positives_is_refused_with_the_reason(family, thin, tmp_path / "none")


def pages(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pages.csv"
    path.write_text(
        "url,read,words\nhttps://shop.example/a,2026-01-05 10:00,shoes\nhttps://shop.example/b,2026-01-05 10:01,hoses\n"
        "https://shop.example/a,2026-01-07 09:00,cheap shoes\n"
    )
    return path


def test_a_log_format_of_another_distribution_keeps_the_formats_contract(bring: Callable[..., Path], tmp_path: Path) -> None:
    bring()
    log, samples = format_named("acme-pages"), {"acme-pages": pages}
    checks: dict[str, Callable[[Home, Path], Any]] = {
        "land": lambda home, at: format_contract.test_rows_land_in_the_tables_as_defined(log, home, at, samples),
        "longer": lambda home, at: format_contract.test_a_longer_log_adds_only_what_is_new(log, home, at, samples),
        "raw": lambda home, at: format_contract.test_the_raw_log_is_kept_as_it_came(log, home, at, samples),
        "header": lambda home, at: format_contract.test_a_log_without_its_header_is_refused_untouched(log, home, at, samples),
        "empty": lambda home, at: format_contract.test_an_empty_file_is_refused(log, home, at, samples),
        "missing": lambda home, at: format_contract.test_a_missing_log_is_named(log, home, at),
        **{
            how: lambda home, at, how=how: format_contract.test_a_broken_line_is_quarantined_with_its_place_and_reason(
                log, how, home, at, samples
            )
            for how in format_contract.BROKEN
        },
    }
    for name, check in checks.items():
        check(Home(tmp_path / name / "home"), tmp_path / name)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    folder = tmp_path_factory.mktemp("catalogue")
    catalogue(folder, 300, keywords=3_000)
    bundle = ranker(tmp_path_factory.mktemp("bundle") / "1", trees=5, rows=1_000)
    return Live(open_current(folder), {("click", "champion"): bundle})


def of(**enabled: tuple[str, ...]) -> Any:
    settings = Settings().changed(**enabled)
    return surfaces(Known(), MemoryLedger(), settings)


def test_rules_and_sources_keep_their_stages_contract(bring: Callable[..., Path], live: Live) -> None:
    bring()
    named = of(search_plugin_rules=("even",), proactive_plugin_sources=("first",))
    rule, source = named["search"].integrity[-1], named["proactive"].sourcing[-1]
    assert (type(rule).__name__, type(source).__name__) == ("EvenCampaigns", "FirstAds")
    asked = AdRequest("r1", "proactive", "u1", datetime(2026, 1, 5, 12, tzinfo=UTC), device="mobile", query="kalo mi kaka", slots=3)
    for name, component in (("integrity.EvenCampaigns", rule), ("sourcing.FirstAds", source)):
        assert live.snapshot is not None
        stage = stages.Stage(name, component, live.snapshot, live, asked)
        stage_contract.test_it_has_one_public_verb(stage)
        for rows in stage_contract.ROWS.values():
            stage_contract.test_it_keeps_its_contract(stage, rows)
        stage_contract.test_it_answers_the_same_twice_and_changes_nothing(stage)
    stage_contract.test_what_it_decides_of_an_ad_does_not_depend_on_the_order(
        stages.Stage("integrity.EvenCampaigns", rule, live.snapshot, live, asked)
    )


def test_what_is_installed_and_not_named_does_nothing(bring: Callable[..., Path]) -> None:
    before = of()
    bring()
    for name, surface in of().items():
        for stage in ("sourcing", "eligibility", "integrity"):
            assert [type(c) for c in getattr(surface, stage)] == [type(c) for c in getattr(before[name], stage)]


def test_only_the_surface_whose_setting_names_it_has_it(bring: Callable[..., Path]) -> None:
    bring()
    named = of(search_plugin_rules=("even",))
    assert [type(rule).__name__ for rule in named["search"].integrity][-2:] == ["Budget", "EvenCampaigns"]
    assert "EvenCampaigns" not in [type(rule).__name__ for rule in named["proactive"].integrity]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("failing", "RuntimeError: the licence server is down"),
        ("absent", "No module named 'acme_ads_that_nobody_has'"),
        ("verbless", "without admit"),
    ],
)
def test_a_broken_rule_is_named_with_its_distribution_and_the_error(bring: Callable[..., Path], name: str, said: str) -> None:
    bring()
    with pytest.raises(PluginError, match="mend or uninstall") as raised:
        of(search_plugin_rules=(name,))
    assert said in str(raised.value) and acme.NAME in str(raised.value) and f"placard.rules {name}" in str(raised.value)


def test_a_rule_that_would_be_counted_under_another_ones_name_is_refused_naming_both(bring: Callable[..., Path]) -> None:
    bring()
    with pytest.raises(PluginError, match=r"acme-ads 1\.0 \(acme_ads:Policy\).*serving\.integrity\.policy"):
        of(search_plugin_rules=("policy",))
    with pytest.raises(PluginError, match=r"Both acme-ads 1\.0 .*acme_ads:EvenCampaigns.* and acme-ads 1\.0"):
        of(search_plugin_rules=("even", "even"))


def test_a_rule_that_nobody_brings_is_refused_with_those_that_are(bring: Callable[..., Path]) -> None:
    bring()
    with pytest.raises(PluginError, match="known: absent, even, failing"):
        of(proactive_plugin_rules=("evn",))


def test_a_name_that_is_taken_is_refused_naming_both(bring: Callable[..., Path]) -> None:
    bring("[placard.rankers]\nxgboost = acme_ads:RANKER\n[placard.log_formats]\nday = acme_ads:PAGES\n")
    assert RANKERS["logistic"].name == "logistic", "what is built in is found without a look at what is brought"
    with pytest.raises(PluginError, match=r"xgboost.*acme-ads 1\.0 and the built-in Xgboost"):
        list(RANKERS)
    with pytest.raises(PluginError, match=r"day.*acme-ads 1\.0 and a source of Placard's own"):
        format_named("day")


def test_two_distributions_with_one_name_are_refused_naming_both(bring: Callable[..., Path]) -> None:
    bring()
    bring("[placard.rankers]\nacme_line = acme_ads:OTHER\n", "other-ads 2.0")
    with pytest.raises(PluginError, match=r"acme-ads 1\.0|other-ads 2\.0") as raised:
        list(RANKERS)
    assert "acme-ads 1.0" in str(raised.value) and "other-ads 2.0" in str(raised.value)


def test_an_entry_point_and_its_thing_agree_on_the_name(bring: Callable[..., Path]) -> None:
    bring("[placard.rankers]\nanother = acme_ads:RANKER\n")
    with pytest.raises(PluginError, match=r"acme_line.*acme-ads 1\.0.*must agree"):
        RANKERS["another"]


def test_a_broken_one_is_in_the_way_of_nobody_who_does_not_name_it(bring: Callable[..., Path]) -> None:
    bring("[placard.rankers]\nbroken = acme_ads:ABSENT\n")
    offered: Offered[Any] = Offered("placard.rankers", {"mine": replace(RANKERS["logistic"], name="mine")}, ("learn",))  # type: ignore[type-var]
    assert list(offered) == ["mine", "broken"] and "broken" in offered and offered["mine"].name == "mine"
    with pytest.raises(PluginError, match=r"AttributeError.*acme-ads 1\.0"):
        offered["broken"]
    with pytest.raises(KeyError):
        offered["nothing"]


def command(placard: Path, site: Path, home: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The installed command, where the distribution is installed too."""
    more = {"PYTHONPATH": str(site), "PLACARD_HOME": str(home), "COLUMNS": "300", "NO_COLOR": "1", **environment}
    return subprocess.run([placard, *argv], env=os.environ | more, capture_output=True, text=True, check=False)


def test_the_command_reads_a_log_of_a_format_that_was_brought(tmp_path: Path, placard: Path) -> None:
    site, log = acme.install(tmp_path / "site"), pages(tmp_path / "log")
    done = command(placard, site, tmp_path / "home", "ingest", "acme-pages", str(log), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kept"] == 3


def test_the_server_does_not_start_without_a_rule_that_its_settings_name(tmp_path: Path, placard: Path) -> None:
    site = acme.install(tmp_path / "site")
    environment = {"PLACARD_SEARCH_PLUGIN_RULES": '["failing"]', "PLACARD_CONSENT_WHEN_ABSENT": "refused"}
    done = command(placard, site, tmp_path / "home", "serve", "--port", "0", **environment)
    assert done.returncode == 4
    told = " ".join(done.stderr.split())
    assert "the licence server is down" in told and acme.NAME in told and "Traceback" not in told


def test_a_mask_of_a_rule_that_was_brought_decides(bring: Callable[..., Path], live: Live) -> None:
    bring()
    (*_, rule) = of(search_plugin_rules=("even",))["search"].integrity
    assert live.snapshot is not None
    asked = AdRequest("r1", "search", "u1", datetime(2026, 1, 5, 12, tzinfo=UTC), query="kalo")
    stage = stages.Stage("integrity.EvenCampaigns", rule, live.snapshot, live, asked)
    rows = np.arange(40)
    assert (stage.call(rows) == (live.snapshot["campaign"][rows] % 2 == 0)).all()

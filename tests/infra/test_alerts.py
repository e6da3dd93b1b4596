"""Alerts: each fires and is silent as its tests say, by Prometheus' own tool, and names a page that says what to do."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import absent
from tests.infra.dockerfile import ROOT
from tests.verb_line import parse_as_verb

ALERTS = ROOT / "infra" / "alerts"
RUNBOOKS = ROOT / "infra" / "runbooks"
FILES = sorted(ALERTS.glob("*.yaml"))
RULES: list[dict[str, Any]] = [r for f in FILES for g in yaml.safe_load(f.read_text())["groups"] for r in g["rules"]]
SECTIONS = ["What it means", "How to see", "What to do"]


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        absent("promtool", "apt-get install prometheus")
    return str(found)


def run(promtool: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *map(str, words)], capture_output=True, text=True, check=False)


def test_prometheus_takes_the_rules(promtool: str) -> None:
    done = run(promtool, "check", "rules", *FILES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration(promtool: str, tmp_path: Path) -> None:
    """But for how pods are found: Debian's Prometheus is built without Kubernetes."""
    configuration = yaml.safe_load((ROOT / "infra" / "prometheus.yaml").read_text())
    (job,) = configuration["scrape_configs"]
    assert job["job_name"] == "placard" and job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["static_configs"] = [{"targets": ["127.0.0.1:8080"]}]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    done = run(promtool, "check", "config", "--syntax-only", tmp_path / "prometheus.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path for name in configuration["rule_files"] for path in sorted((ROOT / "infra").glob(name))] == FILES


def test_each_alert_fires_where_it_should(promtool: str) -> None:
    done = run(promtool, "test", "rules", *sorted((ALERTS / "tests").glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_never_fires_or_always_does_is_seen(promtool: str, tmp_path: Path) -> None:
    shutil.copytree(ALERTS, tmp_path / "alerts")
    for file in FILES:
        for other in ("vector(1) > 2", "vector(1)"):
            text = re.sub(r"(?m)^( +expr: ).*$", rf"\g<1>'{other}'", file.read_text())
            (tmp_path / "alerts" / file.name).write_text(text)
            done = run(promtool, "test", "rules", tmp_path / "alerts" / "tests" / file.name)
            rules = len(re.findall(r"(?m)^ +expr: ", text))
            assert done.returncode != 0 and len(re.findall(r"alertname: ", done.stdout + done.stderr)) >= rules


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, silent = set(), set()
    for file in FILES:
        for case in yaml.safe_load((ALERTS / "tests" / file.name).read_text())["tests"]:
            for look in case["alert_rule_test"]:
                (fires if look["exp_alerts"] else silent).add(look["alertname"])
    assert fires == silent == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_names_a_page_that_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"} and rule["for"]
    assert rule["annotations"]["summary"] and rule["annotations"]["description"]
    path = ROOT / rule["annotations"]["runbook"]
    assert path == RUNBOOKS / f"{rule['alert']}.md"
    text = path.read_text()
    assert text.startswith(f"# {rule['alert']}\n") and f"Severity: {rule['labels']['severity']}." in text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS


def test_no_page_is_left_of_an_alert_that_is_gone() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_page_tells_one_to_type_is_a_verb_and_what_it_links_to_exists(path: Path) -> None:
    text = path.read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in blocks} <= {"console"}
    lines = [line for _, block in blocks for line in block.splitlines()]
    lines += [span for span in re.findall(r"`(placard [^`]+)`", text) if "DAY" not in span]
    for line in lines:
        name, *argv = shlex.split(line)
        assert name == "placard", line
        if len(argv) > 1 or f"`{line}`" not in text:  # a verb that is only named lacks its arguments
            parse_as_verb(argv)
    assert all((path.parent / link).is_file() for link in re.findall(r"\]\(([^)]+)\)", text))
    assert max(map(len, text.splitlines())) <= 140

"""infra/compose.yaml: the parts of `placard up`, hardened, by names that agree, with settings that the API takes, and nothing secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.gates.guardrails import NOW
from pipelines.operations.platform_programs import GUARD_SECONDS, platform_programs
from serving.http.access import refuse_open_bind
from serving.http.consent import refuse_unsaid_consent
from serving.settings import FIELDS, Settings, load, variable
from tests.infra.dockerfile import DOCKERFILES, ROOT, stages
from tests.verb_line import parse_as_verb

FILE = ROOT / "infra" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ASKED = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
"""A value from the environment: its name; `?` with what is said where it is absent, or `-` with a default."""
SECRET = re.compile(r"PASSWORD|TOKEN|SECRET|_KEY")


def environments() -> list[tuple[str, str, str]]:
    return [(name, key, str(value)) for name, service in SERVICES.items() for key, value in service.get("environment", {}).items()]


def dockerfile_of(service: dict[str, Any]) -> Path:
    return (FILE.parent / service["build"]["context"] / service["build"]["dockerfile"]).resolve()


def test_it_starts_what_up_starts(tmp_path: Path) -> None:
    programs = platform_programs(Settings(PLACARD_HOME=tmp_path), 8080, tmp_path / "url", 5000, guard=True)
    assert {name.replace("_", "-") for name in programs} <= set(SERVICES)
    assert {"redis", "postgres", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-api"} <= set(SERVICES)
    for head in NOW:
        assert (
            SERVICES[f"guard-{head}"]["command"]
            == programs[f"guard_{head}"][1:]
            == ["guard", "--head", head, "--watch", str(GUARD_SECONDS)]
        )
    assert SERVICES["aliases"]["command"] == programs["aliases"][1:]


def test_our_commands_are_verbs_and_airflows_are_its_programs() -> None:
    ours = 0
    for name, service in SERVICES.items():
        if "build" not in service or "entrypoint" in service:
            continue
        entry = stages(dockerfile_of(service))[-1].argv("ENTRYPOINT")
        if entry == ["placard"]:
            parse_as_verb(service["command"])
            ours += 1
        else:
            assert service["command"][0] in {"db", "api-server", "scheduler", "dag-processor", "triggerer"}, name
    assert ours == 2 + len(NOW)


def test_every_image_is_pinned_or_built_here() -> None:
    for name, service in SERVICES.items():
        if "build" in service:
            assert dockerfile_of(service) in DOCKERFILES and service["image"] == f"placard-{dockerfile_of(service).name.split('.')[0]}", (
                name
            )
        else:
            assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-bookworm", service["image"]), name


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "network_mode", "devices"} & set(service)
    if "build" not in service:
        assert int(service["user"].split(":")[0]) > 0


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_and_from_outside_alone(name: str) -> None:
    service = SERVICES[name]
    assert ("ports" in service) == ("outside" in service["networks"])
    for port in service.get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)
    if name in ("redis", "postgres"):
        assert service["networks"] == ["inside"] and COMPOSE["networks"]["inside"] == {"internal": True}


def test_a_service_is_reached_by_its_name_and_port() -> None:
    listens = {"redis": 6379, "postgres": 5432, "mlflow": 5000, "airflow-api": 8090}
    named = [(host, int(port)) for _, _, value in environments() for host, port in re.findall(r"(?://|@)([a-z-]+):(\d+)", value)]
    assert {host for host, _ in named} == set(listens)
    assert [(host, port) for host, port in named if listens[host] != port] == []
    assert f"--port={listens['mlflow']}" in SERVICES["mlflow"]["command"]
    assert any(f"mlflow:{listens['mlflow']}" in word for word in SERVICES["mlflow"]["command"] if "allowed-hosts" in word)
    assert SERVICES["airflow-api"]["environment"]["AIRFLOW__API__PORT"] == str(listens["airflow-api"])


def test_volumes_are_declared_and_folders_are_where_the_images_have_them() -> None:
    used = set()
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                assert (FILE.parent / source).is_file(), volume
            else:
                used.add(source)
            if source == "state":
                assert target == service.get("environment", {}).get("PLACARD_HOME", "/var/lib/placard"), name
    assert used == set(COMPOSE["volumes"])
    databases = (ROOT / "infra" / "docker" / "databases.sql").read_text()
    asked = {db for _, _, value in environments() for db in re.findall(r"@postgres:5432/(\w+)", value)}
    assert asked == set(re.findall(r"CREATE DATABASE (\w+);", databases)) == {"airflow", "mlflow"}


def test_who_waits_waits_for_what_there_is() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                built = "build" in SERVICES[other] and any(s.all("HEALTHCHECK") for s in stages(dockerfile_of(SERVICES[other])))
                assert "healthcheck" in SERVICES[other] or built, f"{other} does not say whether it is well"


def test_redis_keeps_what_it_acknowledges() -> None:
    command = SERVICES["redis"]["command"]
    said = dict(zip(command[1::2], command[2::2], strict=True))
    assert said["--appendonly"] == "yes" and said["--maxmemory-policy"] == "noeviction" and "redis:/data" in SERVICES["redis"]["volumes"]


def test_our_variables_are_settings() -> None:
    known = {variable(name) for name in FIELDS}
    given = {key for _, key, _ in environments() if key.startswith("PLACARD_")}
    assert "PLACARD_TOKEN" in given and given <= known


def test_the_api_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"PLACARD_TOKEN": "t" * 32, "PLACARD_CONSENT_WHEN_ABSENT": "refused"}
    for key, value in SERVICES["api"]["environment"].items():
        monkeypatch.setenv(key, ASKED.sub(lambda m: m[3] if m[2] == "-" else answers[m[1]], str(value)))
    settings = load()
    refuse_open_bind(settings)
    refuse_unsaid_consent(settings)
    assert settings.profile == "cluster" and settings.http.port == 8080 and settings.http.workers == 2


def test_nothing_secret_stands_in_it() -> None:
    for name, key, value in environments():
        if SECRET.search(key) and not key.endswith("_FILE"):
            found = ASKED.fullmatch(value)
            assert found and found[2] == "?", f"{name}: {key} is asked for, and has no default"
        for password in re.findall(r"://\w+:([^@]+)@", value):
            found = ASKED.fullmatch(password)
            assert found and found[2] == "?", f"{name}: the password in {key}"


def test_the_api_keeps_its_board_of_figures_to_itself() -> None:
    """Boards are named by process ids, which in another container are the same ones."""
    assert any(tmpfs.startswith("/var/lib/placard/state/metrics:uid=10001") for tmpfs in SERVICES["api"]["tmpfs"])

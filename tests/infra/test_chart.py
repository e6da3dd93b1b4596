"""The Helm chart: rendered by Helm's own engine for its defaults and for plans, held against Kubernetes' schemas and the code."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml

from feature_repo.rows_address import rows_address
from pipelines.gates.guardrails import NOW
from pipelines.operations.platform_programs import GUARD_SECONDS, RECONCILE_SECONDS
from serving.http.access import refuse_open_bind
from serving.http.consent import refuse_unsaid_consent
from serving.settings import FIELDS, load, variable
from tests.infra.dockerfile import DOCKERFILES, ROOT, stages
from tests.infra.helm_template import CHART, RELEASE, Rendered, containers, helm_template
from tests.verb_line import parse_as_verb

KUBERNETES = ("1.29", "1.34")
"""The oldest version that the chart is for, and a recent one."""
PLANS = sorted((ROOT / "infra" / "plans" / "example").glob("values-*.yaml"))
SAID: dict[str, Any] = {"consentWhenAbsent": "refused"}
BY_KUBERNETES = SAID | {
    "dags": {"runBy": "kubernetes"},
    "jobs": {"once": "features rebuild --partition 2026-01-31"},
    "secrets": {"profilesRedisUrl": "profiles-redis-url"},
}
SECRETS = {"PLACARD_TOKEN", "PLACARD_EVENT_KEYS", "PLACARD_REDIS_URL", "PLACARD_PROFILES_REDIS_URL", "PLACARD_MLFLOW_URI"}


@pytest.fixture(scope="module")
def rendered() -> dict[str, Rendered]:
    """By what was given: nothing but the word on consent, `kubernetes`, `aliases`, and each plan's file."""
    plans = {path.stem: yaml.safe_load(path.read_text()) | SAID for path in PLANS}
    given = {"defaults": SAID, "kubernetes": BY_KUBERNETES, "aliases": SAID | {"guards": {"aliases": True}}, **plans}
    return dict(zip(given, helm_template(*given.values()), strict=True))


def test_plans_are_rendered_too(rendered: dict[str, Rendered]) -> None:
    assert {"values-eu", "values-us", "values-asia", "defaults", "kubernetes"} <= set(rendered)
    assert [name for name, one in rendered.items() if one.refused or not one.objects] == []


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_one_of_kubernetes(rendered: dict[str, Rendered], version: str) -> None:
    seen = set()
    for one in rendered.values():
        for thing in one.objects:
            kubernetes_validate.validate(thing, version, strict=True)
            seen.add(thing["kind"])
    assert seen == {
        "Deployment", "Service", "ServiceAccount", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "CronJob", "Job",
    }  # fmt: skip


def test_the_schemas_are_not_blind(rendered: dict[str, Rendered]) -> None:
    (api,) = rendered["defaults"].all("Deployment", "api")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**api, "spec": {**api["spec"], "replicsa": 3}}, KUBERNETES[0], strict=True)


def test_a_plan_is_what_is_installed(rendered: dict[str, Rendered]) -> None:
    for path in PLANS:
        plan, one = yaml.safe_load(path.read_text()), rendered[path.stem]
        (api,), (scaler,) = one.all("Deployment", "api"), one.all("HorizontalPodAutoscaler")
        assert "replicas" not in api["spec"], "the autoscaler alone says how many"
        (container,) = api["spec"]["template"]["spec"]["containers"]
        given = {e["name"]: e.get("value") for e in container["env"]}
        assert container["resources"] == plan["api"]["resources"] and given["PLACARD_WORKERS"] == str(plan["api"]["workers"])
        assert plan["settings"].items() <= given.items()
        spec, metrics = (
            scaler["spec"],
            {m["pods"]["metric"]["name"]: m["pods"]["target"]["averageValue"] for m in scaler["spec"]["metrics"]},
        )
        scaling = plan["autoscaling"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == (scaling["minReplicas"], scaling["maxReplicas"])
        assert list(metrics.values()) == [str(scaling["requestsPerSecond"]), str(scaling["p99Milliseconds"])]
        assert all(thing["metadata"]["labels"]["placard/region"] == plan["region"] for thing in one.objects)


def test_replicas_count_where_nothing_scales() -> None:
    (one,) = helm_template(SAID | {"autoscaling": {"enabled": False}, "api": {"replicas": 7}})
    (api,) = one.all("Deployment", "api")
    assert api["spec"]["replicas"] == 7 and not one.all("HorizontalPodAutoscaler")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "consentWhenAbsent"),
        ({"consentWhenAbsent": "perhaps"}, "consentWhenAbsent"),
        (SAID | {"api": {"replicsa": 3}}, "replicsa"),
        (SAID | {"settings": {"PLACARD_TOKEN": "t" * 32}}, "PLACARD_TOKEN"),
        (SAID | {"images": {"serving": {"tag": "latest"}}}, "tag"),
        (SAID | {"jobs": {"bad": "doctor; rm -rf /"}}, "bad"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(values: dict[str, Any], says: str) -> None:
    (one,) = helm_template(values)
    assert says in one.refused and not one.objects


def test_nobody_in_particular_runs_and_nothing_is_written_outside_of_volumes(rendered: dict[str, Rendered]) -> None:
    users = {user for path in DOCKERFILES for user in stages(path)[-1].all("USER")}
    for one in rendered.values():
        for name, pod in one.pods():
            spec = pod["spec"]
            assert spec["automountServiceAccountToken"] is False, name
            security = spec["securityContext"]
            assert security["runAsNonRoot"] is True and security["seccompProfile"]["type"] == "RuntimeDefault"
            assert {f"{security['runAsUser']}:{security['runAsGroup']}"} == users
            volumes = {v["name"] for v in spec["volumes"]}
            for container in containers(pod):
                own = container["securityContext"]
                assert own["readOnlyRootFilesystem"] is True and own["allowPrivilegeEscalation"] is False
                assert own["capabilities"] == {"drop": ["ALL"]}
                assert {m["name"] for m in container["volumeMounts"]} <= volumes
                assert {m["mountPath"] for m in container["volumeMounts"]} >= {"/var/lib/placard", "/tmp"}
                assert container["resources"]["requests"] and "memory" in container["resources"]["limits"]


def test_the_api_reads_models_and_catalogues_and_writes_its_state(rendered: dict[str, Rendered]) -> None:
    (api,) = rendered["defaults"].all("Deployment", "api")
    mounts = {m["mountPath"]: m for m in api["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
    assert mounts["/var/lib/placard"]["readOnly"] is True
    assert mounts["/var/lib/placard/state"]["subPath"] == "state"
    volumes = {v["name"]: v for v in api["spec"]["template"]["spec"]["volumes"]}
    assert "emptyDir" in volumes[mounts["/var/lib/placard/state/metrics"]["name"]]


def test_variables_are_settings_and_what_is_secret_is_a_reference(rendered: dict[str, Rendered]) -> None:
    known = {variable(name) for name in FIELDS}
    for one in rendered.values():
        for name, pod in one.pods():
            for container in containers(pod):
                given = {e["name"]: e for e in container["env"]}
                assert len(given) == len(container["env"]) and given.keys() <= known, name
                assert {n for n, e in given.items() if "valueFrom" in e} == given.keys() & SECRETS
                assert all(e["valueFrom"]["secretKeyRef"]["name"] == "placard" for n, e in given.items() if n in SECRETS)
    assert not any(thing["kind"] == "Secret" for one in rendered.values() for thing in one.objects)


def test_the_api_takes_its_variables(rendered: dict[str, Rendered], monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"PLACARD_TOKEN": "t" * 32, "PLACARD_EVENT_KEYS": f'["{"k" * 32}"]', "PLACARD_REDIS_URL": "redis://redis:6379/0"}
    secrets |= {"PLACARD_PROFILES_REDIS_URL": "redis+cluster://rows:6379"}
    for name, one in rendered.items():
        (api,) = one.all("Deployment", "api")
        with monkeypatch.context() as environment:
            for entry in api["spec"]["template"]["spec"]["containers"][0]["env"]:
                environment.setenv(entry["name"], entry.get("value") or secrets[entry["name"]])
            settings = load()
            refuse_open_bind(settings)
            refuse_unsaid_consent(settings)
            assert settings.profile == "cluster" and settings.http.port == 8080, name
            assert rows_address(settings.stores.rows_url).cluster == (name == "kubernetes"), name


def test_each_command_is_a_verb_of_its_image(rendered: dict[str, Rendered]) -> None:
    for one in rendered.values():
        for name, pod in one.pods():
            for container in containers(pod):
                day = ["--partition", "2026-01-31"] if "command" in container else []
                parse_as_verb([*container["args"], *day])
                image = "serving" if container["args"] == ["serve"] else "platform"
                assert container["image"] == f"placard-{image}:0.1.0", name


def test_guards_are_those_of_the_platform(rendered: dict[str, Rendered]) -> None:
    for head in NOW:
        (guard,) = rendered["defaults"].all("Deployment", f"guard-{head}")
        assert guard["spec"]["strategy"] == {"type": "Recreate"} and guard["spec"]["replicas"] == 1
        (container,) = guard["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["guard", "--head", head, "--watch", str(GUARD_SECONDS)]


def test_one_release_may_decide_on_what_people_move_in_mlflow(rendered: dict[str, Rendered]) -> None:
    assert not rendered["defaults"].all("Deployment", "aliases"), "regions may share one MLflow"
    (watcher,) = rendered["aliases"].all("Deployment", "aliases")
    (container,) = watcher["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["registry", "reconcile", "--watch", str(RECONCILE_SECONDS)]


def calls_of_the_dags() -> dict[str, list[str]]:
    """The verbs of each DAG, in their order, as tests/dags holds the DAGs to them."""
    spec = importlib.util.spec_from_file_location("dag_calls", ROOT / "tests" / "dags" / "test_dags.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: list(calls) for name, calls in module.CALLS.items()}


def test_jobs_of_kubernetes_run_the_verbs_of_the_dags(rendered: dict[str, Rendered]) -> None:
    assert not rendered["defaults"].all("CronJob"), "Airflow runs them unless the setting says otherwise"
    for dag, calls in calls_of_the_dags().items():
        (job,) = rendered["kubernetes"].all("CronJob", dag.replace("_", "-"))
        (pod,) = [pod for name, pod in rendered["kubernetes"].pods() if name == job["metadata"]["name"]]
        wanted = [call for call in calls if not call.startswith("features announce")]  # it tells Airflow, which is not there
        assert [" ".join(c["args"]) for c in containers(pod)] == wanted
        back = 2 if dag == "shadow_daily" else 1
        assert all(f'"{back} days ago"' in c["command"][2] for c in containers(pod))
        assert job["spec"]["timeZone"] == "Etc/UTC" and job["spec"]["concurrencyPolicy"] == "Forbid"
        (final, _) = job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        assert final["onExitCodes"]["values"] == [2, 3]


def test_a_day_is_worked_out_by_the_shell_or_given(rendered: dict[str, Rendered], tmp_path: Path) -> None:
    (job,) = rendered["kubernetes"].all("CronJob", "shadow-daily")
    first = containers(job["spec"]["jobTemplate"]["spec"]["template"])[0]
    (tmp_path / "placard").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "placard").chmod(0o755)

    def day(**extra: str) -> str:
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **extra}
        done = subprocess.run([*first["command"], *first["args"]], env=environment, capture_output=True, text=True, check=True)
        *words, said = done.stdout.split()
        assert words == ["ingest", "serving", "--partition"]
        return said

    before, said, after = datetime.now(UTC), day(), datetime.now(UTC)  # midnight may pass in between
    assert said in {f"{moment - timedelta(days=2):%F}" for moment in (before, after)}
    assert day(DAY="2026-01-31") == "2026-01-31"


def test_probes_ask_for_what_they_mean(rendered: dict[str, Rendered]) -> None:
    """A server without a catalogue is alive and not ready: starting it anew would bring it none."""
    (api,) = rendered["defaults"].all("Deployment", "api")
    (container,) = api["spec"]["template"]["spec"]["containers"]
    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300
    grace, stop = api["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], container["lifecycle"]["preStop"]["exec"]["command"]
    assert stop[0] == "sleep" and grace > int(stop[1]) + 10, "the server itself takes up to ten seconds to end"


def selects(selector: dict[str, Any], pod: dict[str, Any]) -> bool:
    return bool(selector["matchLabels"].items() <= pod["metadata"]["labels"].items())


def test_selectors_find_the_pods_that_they_mean(rendered: dict[str, Rendered]) -> None:
    one = rendered["kubernetes"]
    pods = dict(one.pods())
    (service,), (budget,), (scaler,) = one.all("Service"), one.all("PodDisruptionBudget"), one.all("HorizontalPodAutoscaler")
    api = f"{RELEASE}-api"
    for selector in ({"matchLabels": service["spec"]["selector"]}, budget["spec"]["selector"]):
        assert [name for name, pod in pods.items() if selects(selector, pod)] == [api]
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": api}
    policies = {p["metadata"]["name"].removeprefix(f"{RELEASE}-"): p["spec"] for p in one.all("NetworkPolicy")}
    found = {name: {n for n, pod in pods.items() if selects(spec["podSelector"], pod)} for name, spec in policies.items()}
    assert found == {"nothing-else": set(pods), "api": {api}, "factory": set(pods) - {api}}
    assert policies["nothing-else"]["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in policies["nothing-else"]
    assert {p["port"] for rule in policies["api"]["ingress"] for p in rule["ports"]} == {8080}
    for deployment in one.all("Deployment"):
        assert selects(deployment["spec"]["selector"], pods[deployment["metadata"]["name"]])


def test_the_autoscalers_metrics_are_made(rendered: dict[str, Rendered]) -> None:
    rules = yaml.safe_load((CHART.parent / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    (scaler,) = rendered["defaults"].all("HorizontalPodAutoscaler")
    assert [m["pods"]["metric"]["name"] for m in scaler["spec"]["metrics"]] == [rule["name"]["as"] for rule in rules]
    for rule in rules:
        series, _, matchers = rule["seriesQuery"].partition("{")
        query = rule["metricsQuery"].replace("<<.Series>>", series).replace("<<.GroupBy>>", "pod")
        promql_parser.parse(query.replace("<<.LabelMatchers>>", matchers.removesuffix("}")))
        assert "<<" not in re.sub(r"<<\.(Series|GroupBy|LabelMatchers)>>", "", rule["metricsQuery"])


def test_prometheus_finds_the_pods_of_the_api_alone(rendered: dict[str, Rendered]) -> None:
    (job,) = yaml.safe_load((ROOT / "infra" / "prometheus.yaml").read_text())["scrape_configs"]
    one, kept = rendered["kubernetes"], set()
    for name, pod in one.pods():
        labels = {re.sub(r"\W", "_", key): value for key, value in pod["metadata"]["labels"].items()}
        for port in [p for c in containers(pod) for p in c.get("ports", [{"name": ""}])]:
            known = {f"__meta_kubernetes_pod_label_{key}": value for key, value in labels.items()}
            known |= {
                "__meta_kubernetes_pod_container_port_name": port["name"],
                "__meta_kubernetes_namespace": "n",
                "__meta_kubernetes_pod_name": name,
            }
            steps = [(";".join(known.get(source, "") for source in step["source_labels"]), step) for step in job["relabel_configs"]]
            if all(re.fullmatch(step["regex"], value) for value, step in steps if step.get("action") == "keep"):
                kept.add(name)
                targets = {step["target_label"]: value for value, step in steps if "target_label" in step}
                assert targets == {"namespace": "n", "pod": name, "region": "local"}
    assert kept == {f"{RELEASE}-api"}

"""The whole loop on one machine, each step a `placard` verb in its own process: what is shown is what production runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from rich.markup import escape

from feature_repo.home import Home
from pipelines.demo.tour import Tour
from pipelines.demo.traffic import Client, Served, searches, send_traffic, users
from pipelines.operations.api_server import server
from pipelines.operations.verb import Progress, verb
from pipelines.registry.version import Version
from pipelines.scheduling.scheduler import run_day
from serving.settings import Settings

REQUESTS: Final = 200
SEARCHES: Final = 40


@dataclass(frozen=True)
class Size:
    """How large a market the demo simulates."""

    days: int = 14
    users: int = 10_000
    creatives: int = 1_000
    impressions: int = 300_000


def _search(client: Client, asked: list[dict[str, str]]) -> dict[str, Any]:
    """The story of the first of some searches that a full page of ads answers; of the one that most ads answer otherwise."""
    best: dict[str, Any] = {"decision_id": "", "ads": []}
    for body in asked:
        answer = client.call("POST", "/v1/search", dict(body))
        if not best["decision_id"] or len(answer["ads"]) > len(best["ads"]):
            best = answer
        if len(answer["ads"]) >= 3:
            break
    return dict(client.call("GET", f"/v1/decisions/{best['decision_id']}/why"))


def epilogue(
    home: Home, url: str, served: Served, why: dict[str, Any], searched: dict[str, Any], models: dict[str, Any], keep: bool
) -> list[str]:
    """What a person reads at the end: one explained slate, the models, and where to look."""
    lines = [
        f"\n[bold]{served.requests} requests[/]: {served.shown} ads shown, {served.clicks} clicks, p50 {served.p50_ms:.1f} ms over HTTP\n",
        f"[bold]One slate, explained[/] (decision {served.decision_id})",
    ]
    lines += [f"  {count:>8,}  {escape(step)}" for step, count in why["funnel"]]
    for ad in why["ads"]:
        lines += [f"  [bold]{ad['position']}. {escape(ad['creative_id'])}[/]  {escape(ad['score'])}", f"     {escape(ad['price_words'])}"]
        lines += [f"     {c['log_odds']:+.3f}  {escape(c['feature'])} = {c['value']:.4g}" for c in ad["contributions"][:4]]
    lines.append("\n[bold]A search, explained[/]")
    lines += [f"  {escape(line)}" for line in searched["understanding"]]
    for ad in searched["ads"]:
        lines.append(f"  [bold]{ad['position']}. {escape(ad['text_words'])}[/]")
        lines += [f"     {escape(ad[part])}" for part in ("match_words", "quality_words", "price_words")]
    lines.append("\n[bold]Models[/]")
    for v in (Version(**{**v, "aliases": tuple(v["aliases"])}) for v in models["versions"]):
        names = " ".join(f"@{a}" for a in v.aliases) or "-"
        lines.append(f"  {v.head:<10} {v.version:>3} {v.ranker:<13} {names:<24} {v.figures}")
    report = max(home.reports.glob("click-xgboost-*.html"))
    lines += [
        "\n[bold]Where to look[/]",
        f"  API docs      {url}/docs" if keep else "  API docs      placard serve, then /docs",
        f"  MLflow        .venv/bin/mlflow ui --backend-store-uri sqlite:///{home.mlflow}/mlflow.db",
        f"  Data Docs     {home.data_docs}/index.html",
        f"  Report        {report}",
    ]
    return lines


def days_of(size: Size, today: date) -> tuple[date, date]:
    """The first and last simulated day: the world ends yesterday, so that it is fresh when it is served."""
    return today - timedelta(days=size.days), today - timedelta(days=1)


@dataclass(frozen=True)
class Outcome:
    """What the demo did; `lines` is what a person reads at the end."""

    seconds: dict[str, float]
    served: Served
    lines: list[str]


HEADS: Final = ("click", "conversion")


def _last_day(home: Home, day: date, scheduler: bool, say: Progress) -> None:
    """The last day's features and rankers: by Airflow's scheduler, or by the same verbs in the same order."""
    if scheduler:
        run_day(home, day, say=say)
        return
    key = day.isoformat()
    for step in ("build", "validate", "publish"):
        verb(home, "features", step, "--partition", key, say=say)
    for head in HEADS:
        verb(home, "train", "--partition", key, "--head", head, say=say)
        verb(home, "evaluate", "--partition", key, "--head", head, say=say)
        verb(home, "gate", "--partition", key, "--head", head, say=say)
        verb(home, "registry", "register", "--partition", key, "--head", head, say=say)


def story(settings: Settings, size: Size, today: date, *, keep: bool, scheduler: bool, tour: Tour) -> Outcome:
    """Simulate → features → rankers → promote → serve → explain. Every step is a verb; the first that fails ends the story."""
    home, (first, last) = settings.home, days_of(size, today)
    with tour.step("Simulate two weeks of a market") as say:
        verb(
            home, "simulate", "--days", str(size.days), "--start", first.isoformat(), "--users", str(size.users),
            "--creatives", str(size.creatives), "--impressions", str(size.impressions), say=say,
        )  # fmt: skip
    with tour.step("Build and publish the history's features") as say:
        before = (last - timedelta(days=1)).isoformat()
        verb(home, "features", "history", "--from", first.isoformat(), "--to", before, say=say)
    with tour.step("Learn the words that people search with") as say:
        verb(home, "language", "train", "--partition", before, "--alias", "champion", say=say)
    by = "Airflow's scheduler runs" if scheduler else "The verbs run"
    with tour.step(f"{by} features and rankers for {last}") as say:
        _last_day(home, last, scheduler, say)
    with tour.step("Promote champions, shadow a challenger") as say:
        for head in HEADS:
            verb(home, "promote", head, say=say)
        slim = ("--partition", last.isoformat(), "--head", "click", "--ranker", "xgboost_slim")
        verb(home, "train", *slim, "--step", "fit", say=say)
        verb(home, "evaluate", *slim, say=say)
        verb(home, "registry", "register", *slim, "--alias", "shadow", say=say)
        models = verb(home, "registry", "list", say=say)
    with tour.step("Serve, ask, and feed engagements back") as say, server(home, keep, say) as url:
        served = send_traffic(url, users(home, REQUESTS, settings.seed), settings.seed, say)
        why = Client(url).call("GET", f"/v1/decisions/{served.decision_id}/why")
        searched = _search(Client(url), searches(home, SEARCHES, settings.seed))
        verb(home, "ingest", "serving", "--partition", today.isoformat(), say=say)
    return Outcome(tour.seconds, served, epilogue(home, url, served, why, searched, models, keep))

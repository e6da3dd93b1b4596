"""The whole loop on one machine, each step a `placard` verb in its own process: what is shown is what production runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

from rich.markup import escape

from feature_repo.home import Home
from feature_repo.services import HEADS
from pipelines.demo.journal import Journal
from pipelines.demo.tour import Tour
from pipelines.demo.traffic import Client, Served, drawn, search_body, send_traffic
from pipelines.operations.api_server import server
from pipelines.operations.verb import Progress, verb
from pipelines.registry.version import Version
from pipelines.scheduling.scheduler import run_day
from pipelines.simulator.audience import Audience
from serving.http.access import secret
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


def _search(client: Client, asked: list[dict[str, Any]]) -> dict[str, Any]:
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


SLIM: Final = "xgboost_slim"


class Story:
    """The demo's steps in order. Every part, a verb or a day under the scheduler, is done once for the same parameters and day."""

    def __init__(self, settings: Settings, size: Size, today: date, *, keep: bool, scheduler: bool, tour: Tour) -> None:
        self._settings, self._home, self._size, self._today = settings, settings.home, size, today
        self._keep, self._scheduler, self._tour = keep, scheduler, tour
        self._first, self._last = days_of(size, today)
        made_of = {**asdict(size), "day": today.isoformat(), "scheduler": scheduler, "seed": settings.seed}
        self._journal = Journal(self._home, made_of)

    def tell(self) -> Outcome:
        """Simulate → features → rankers → promote → serve → explain. The first part that fails ends the story."""
        if self._journal.changed:
            self._tour.say(f"The demo before had another {', '.join(self._journal.changed)}: everything is done anew.")
        before, last = (self._last - timedelta(days=1)).isoformat(), self._last.isoformat()
        self._step("Simulate two weeks of a market", self._simulate)
        history = ("features", "history", "--from", self._first.isoformat(), "--to", before)
        self._step("Build and publish the history's features", lambda say: self._verb(say, *history))
        words = ("language", "train", "--partition", before, "--alias", "champion")
        self._step("Learn the words that people search with", lambda say: self._verb(say, *words))
        by = "Airflow's scheduler runs" if self._scheduler else "The verbs run"
        self._step(f"{by} features and rankers for {last}", self._last_day)
        self._step("Promote champions, shadow a challenger", self._promote)
        served, lines = self._step("Serve, ask, and feed engagements back", self._serve, again=self._keep)
        return Outcome(self._tour.seconds, Served(**served), lines)

    def _step(self, title: str, work: Callable[[Progress], Any], again: bool = False) -> Any:
        """A step's result. again: do it although it was finished, since something of it must still run."""
        if title in self._journal and not again:
            self._tour.skip(title)
            return self._journal.result(title)
        with self._tour.step(title) as say:
            return work(say) if again else self._journal.once(title, lambda: work(say))

    def _verb(self, say: Progress, *argv: str) -> Any:
        return self._journal.once(" ".join(argv), lambda: verb(self._home, *argv, say=say))

    def _simulate(self, say: Progress) -> Any:
        size = self._size
        return self._verb(
            say, "simulate", "--days", str(size.days), "--start", self._first.isoformat(), "--users", str(size.users),
            "--creatives", str(size.creatives), "--impressions", str(size.impressions),
        )  # fmt: skip

    def _last_day(self, say: Progress) -> None:
        """The last day's features and rankers: by Airflow's scheduler, or by the same verbs in the same order."""
        if self._scheduler:
            run_day(self._home, self._last, say=say)
            return
        key = ("--partition", self._last.isoformat())
        for step in ("build", "validate", "publish"):
            self._verb(say, "features", step, *key)
        for head in HEADS:
            for words in (("train",), ("evaluate",), ("gate",), ("registry", "register")):
                self._verb(say, *words, *key, "--head", head, "--ranker", "auto")

    def _promote(self, say: Progress) -> None:
        """The click head first, since the challenger is judged beside its champion; the other head beside the challenger's training."""
        self._verb(say, "promote", "click")
        with ThreadPoolExecutor(1) as beside:
            other = beside.submit(self._verb, say, "promote", "conversion")
            slim = ("--partition", self._last.isoformat(), "--head", "click", "--ranker", SLIM)
            self._verb(say, "train", *slim, "--step", "fit")
            self._verb(say, "evaluate", *slim)
            other.result()
        self._verb(say, "registry", "register", *slim, "--alias", "shadow")

    def _serve(self, say: Progress) -> tuple[dict[str, Any], list[str]]:
        """What was served, and what a person reads at the end."""
        home, seed = self._home, self._settings.seed
        models = self._verb(say, "registry", "list")
        with server(home, self._keep, say) as url:
            client, audience = Client(url, secret(self._settings)), Audience(home, self._today)
            served = send_traffic(client, audience, drawn(audience, "proactive", REQUESTS, seed), say)
            why = client.call("GET", f"/v1/decisions/{served.decision_id}/why")
            searched = _search(client, [search_body(visit) for visit in drawn(audience, "search", SEARCHES, seed)])
            verb(home, "ingest", "serving", "--partition", self._today.isoformat(), say=say)
        return asdict(served), epilogue(home, url, served, why, searched, models, self._keep)

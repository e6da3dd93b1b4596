"""One process's engine, stores and watchers."""

from __future__ import annotations

import gc
import logging
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from serving.bundles import Bundle
from serving.bundles.aliases import version_folder
from serving.caches.opening import open_cache
from serving.delivery.promises import Promises
from serving.engine.engine import CAME_LATE, Engine
from serving.engine.live import Live
from serving.engine.stages import Profiles
from serving.errors import BundleRefused
from serving.eventlog.log import BillableLog, Event
from serving.eventlog.opening import open_eventlog
from serving.language.keyword_insertion import insert
from serving.ledger.ledger import Ledger
from serving.ledger.opening import forgetful, open_durable_ledger
from serving.record.decision import Decision, Funnel
from serving.record.keepable import keepable
from serving.record.request import AdRequest
from serving.seldom import SELDOM
from serving.settings import Settings
from serving.shadows.idle import Idle
from serving.shadows.shadows import Shadows
from serving.snapshot.columns import TEXTS
from serving.stores.breaker import OUT_OF_ORDER, Breaker, guarded
from serving.stores.deadline import due
from serving.surfaces.surfaces import surfaces
from serving.understanding.cached_profiles import CachedProfiles
from serving.understanding.lazy_profiles import LazyProfiles
from serving.worker.answer import answer
from serving.worker.billing import Bill, Billing
from serving.worker.campaign_spend import CampaignSpend
from serving.worker.ledger_watch import LedgerWatch
from serving.worker.metrics import Metrics
from serving.worker.metrics_board import MetricsBoard
from serving.worker.reload import Reloader
from serving.worker.shared_facts import SharedFacts
from serving.worker.signing import Signer, Told
from serving.worker.worker_gauges import WorkerGauges

log = logging.getLogger(__name__)
STORES: Final = ("ledger", "event log", "online store")
INTERNAL_ERROR: Final = "internal_error"
STORE_BROKEN: Final = "store_unavailable"
"""The reason of a no-ad where a store did not answer in time: nothing is sold that cannot be recorded."""
LOOK_SECONDS: Final = 5.0
"""How often the ledger is looked after."""
SETTLE_SECONDS: Final = 30.0
"""How often events are looked for that were kept and not charged."""
FORGET_SECONDS: Final = 86_400.0
"""How often the ledger forgets what is old."""


@dataclass(frozen=True)
class Course:
    """Where a worker has its time and its names from. now: the present, UTC. name: a decision's identity, which no other may have. What
    is served in imitation of a day that is over brings its own, so that it can be served again alike."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    name: Callable[[AdRequest], str] = lambda request: uuid.uuid4().hex


class Worker:
    """Decides and bills. Stores that are not given are opened as the settings say."""

    def __init__(
        self, settings: Settings, profiles: Profiles | None = None, eventlog: BillableLog | None = None, ledger: Ledger | None = None,
        course: Course | None = None,
    ) -> None:  # fmt: skip
        self.settings, self._course = settings, course or Course()
        self.cache = open_cache(settings)
        self.breakers = {store: Breaker(store) for store in STORES} | dict(self.cache.breakers)
        self.ledger = guarded(ledger or open_durable_ledger(settings), self.breakers["ledger"])
        self.eventlog = guarded(eventlog or open_eventlog(settings), self.breakers["event log"])
        self.watch = LedgerWatch(self.ledger, settings.home.state, lambda: forgetful(settings))
        self.reloader, self.signer = Reloader(settings), Signer.of(settings)
        open_surfaces = surfaces(self._people(profiles), self.ledger, settings, self.cache)
        promises = Promises(self.ledger, timedelta(hours=settings.attribution.impression_window_hours))
        self.engine, self._rehearsal = Engine(open_surfaces, settings, promises, self._course.name), Engine(open_surfaces, settings)
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.idle = Idle()
        self.shadows = Shadows(lambda: self.reloader.live, self.eventlog, self.idle, settings.worker.shadow_queue)
        self.gauges = WorkerGauges(self.reloader, self.watch, self.shadows)
        told = self.engine.shares, self.cache, self.gauges
        self.metrics = Metrics(self.reloader, self.shadows, self.engine.tiers, self.breakers, *told)
        spend = CampaignSpend(self.ledger, lambda: self.reloader.live, self._course.now)
        self.board = MetricsBoard.of(settings, self.metrics, SharedFacts(settings.home, self.reloader, spend).collect)

    def _people(self, profiles: Profiles | None) -> Profiles:
        """The profiles that are given, else the online store's behind the cache."""
        store = self.breakers["online store"]
        if profiles is not None:
            return guarded(profiles, store)
        return CachedProfiles(guarded(LazyProfiles(self.settings), store), self.cache, lambda: self.reloader.version)

    def start(self) -> None:
        self._look()
        self.reloader.start()
        self._warm()
        self._catch_up()
        self._keeper.start()
        gc.collect()
        gc.freeze()  # a collection over the loaded libraries costs 100 ms at p99
        self.board.start()

    def _warm(self) -> None:
        """The first request through a cold Feast takes half a second; it is made here, promised nothing, and forgotten."""
        for surface in self.engine.surfaces:
            self._rehearsal.decide(AdRequest("warm", surface, "warm", self._course.now(), tmax_ms=60_000), self.reloader.live)

    def _keep(self) -> None:
        """What has to be done from time to time, until the worker stops."""
        chores = [(LOOK_SECONDS, self._look), (SETTLE_SECONDS, self._catch_up), (FORGET_SECONDS, self._forget)]
        next_at = [time.monotonic()] * len(chores)
        while not self._stopping.wait(LOOK_SECONDS):
            for n, (every, chore) in enumerate(chores):
                if time.monotonic() >= next_at[n]:
                    chore()
                    next_at[n] = time.monotonic() + every

    def _look(self) -> None:
        with self._outlived("the ledger is not looked after"):
            self.watch.look()
            if self.watch.trouble:
                SELDOM.log(log, logging.ERROR, "ledger", "%s", self.watch.trouble)

    def _catch_up(self) -> None:
        """Charges what was kept and not charged: by a process that was killed, or when a store failed and nobody sent the events again."""
        with self._outlived("events that were kept before are not settled yet"):
            if done := self.billing.catch_up(self.reloader.live, self._course.now()):
                log.info("%d events that were kept before are settled", done)

    def _forget(self) -> None:
        with self._outlived("the ledger has not forgotten what is old"):
            self.ledger.forget(self._course.now())
        with self._outlived("the caches' generations have not been forgotten"):
            self.cache.forget()

    @contextmanager
    def _outlived(self, undone: str) -> Iterator[None]:
        """A store that does not answer must not end a worker; the next time may find it well."""
        try:
            yield
        except Exception as error:
            SELDOM.log(log, logging.ERROR, undone, "%s: %s", undone, error)

    def stop(self) -> None:
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        self.reloader.stop()
        self.shadows.stop()
        self.board.stop()
        self.eventlog.close()
        self.ledger.close()
        self.cache.close()

    def check(self, request: AdRequest) -> None:
        """Raises ServingError naming what no catalogue in force can answer: a placement that is not one of the surface's."""
        snapshot = self.reloader.live.snapshot
        if snapshot is not None:
            snapshot.placement(request.surface, request.placement_id)

    def decide(self, request: AdRequest, arrived: float | None = None) -> dict[str, object]:
        """Decides, records, and only then answers. What cannot be decided or recorded is answered with no ad, never sold. arrived: when
        the request came, by time.perf_counter; None: now."""
        with self.idle:
            return self._decide(request, time.perf_counter() if arrived is None else arrived)

    def _decide(self, request: AdRequest, arrived: float) -> dict[str, object]:
        live = self.reloader.live
        try:
            with due(arrived + request.tmax_ms / 1000):
                self.breakers["event log"].check()
                decision = self.engine.decide(request, live, arrived)
                if decision.no_ad_reason == CAME_LATE:  # not recorded: it sells nothing, and a queue of such must go faster than it grows
                    self.metrics.decided(decision, time.perf_counter() - arrived)
                    return answer(decision, [], [])
                kept = keepable(decision)
                self.eventlog.append_decision(kept)
            content = answer(decision, _texts(decision, live), self._addresses(decision))
        except Exception as error:  # whatever broke, the page that asked goes on without an ad
            decision = kept = self._no_ad(request, live, error)
            content = answer(decision, [], [])
        self.shadows.offer(kept)
        self.metrics.decided(decision, time.perf_counter() - arrived)
        return content

    def _no_ad(self, request: AdRequest, live: Live, error: Exception) -> Decision:
        """The decision of a request that broke; its id stands in the log beside the cause, where the log has a line for it (seldom.py). An
        error may repeat what was asked: without consent the log says what kind it was, and where, and not its words."""
        error_id, kind, broken = uuid.uuid4().hex, type(error).__name__, isinstance(error, OUT_OF_ORDER)
        frames = traceback.extract_tb(error.__traceback__)
        part = f"no ad: {kind}" if broken else f"no ad: {kind} at {frames[-1].filename}:{frames[-1].lineno}"
        cause = f"{kind}: {error}" if request.consent else kind
        where = "" if broken else "\n" + "".join(traceback.format_list(frames))
        SELDOM.log(log, logging.ERROR, part, "request %s: no ad, error %s: %s%s", request.request_id, error_id, cause, where)
        snapshot = live.snapshot.version if live.snapshot is not None else ""
        nothing = Funnel({}, {}, 0, 0, 0)
        reason = STORE_BROKEN if broken else INTERNAL_ERROR
        decision = keepable(Decision(error_id, request, request.ts, "no_ad", "", "", snapshot, nothing, (), (), no_ad_reason=reason))
        if not broken:
            try:
                with due(time.perf_counter()):
                    self.eventlog.append_decision(decision)
            except Exception as why:  # the log itself may be what broke
                SELDOM.log(log, logging.ERROR, "no record", "decision %s is not recorded: %s", error_id, why)
        return decision

    @property
    def billing(self) -> Billing:
        return Billing(self.eventlog, self.ledger, self.settings.attribution, self.cache.advance)

    def bill(self, events: list[Event]) -> Bill:
        """Logs events and charges what is due. Raises what the stores raise: nothing is acknowledged then."""
        result = self.billing.bill(events, self.reloader.live, self._course.now())
        self.metrics.received(events, result)
        return result

    def pause(self, campaign_id: str, paused: bool) -> None:
        """Takes a campaign's ads down on every worker, or lets them run again. Raises ServingError for a campaign to pause that the
        catalogue does not have."""
        snapshot = self.reloader.live.snapshot
        if paused and snapshot is not None:
            snapshot.check_campaign(campaign_id)
        self.ledger.pause(campaign_id, paused)

    def _addresses(self, decision: Decision) -> list[dict[str, str]]:
        """Of each shown ad: the token that its events are told with, and where a browser tells of them and finds its image."""
        until = int((decision.decided_at + timedelta(hours=self.settings.attribution.conversion_window_hours)).timestamp())
        out, base = [], self.settings.http.public_url.rstrip("/")
        for ad in decision.shown:
            token = self.signer.token(Told(decision.decision_id, ad.creative_id, ad.price.price_micros if ad.price else 0, until))
            out.append(
                {
                    "event_token": token, "impression_url": f"{base}/v1/seen?token={token}", "click_url": f"{base}/v1/click?token={token}",
                    "image_url": f"{base}/v1/creatives/{quote(ad.creative_id, safe='')}/image",
                }
            )  # fmt: skip
        return out

    def landing_url(self, decision_id: str, creative_id: str) -> str:
        """Where a click on an ad that was shown leads; "" where nobody knows."""
        decision = self.eventlog.decision(decision_id)
        shown = [ad.text for ad in decision.shown if ad.creative_id == creative_id] if decision is not None else []
        return next((text.landing_url for text in shown if text is not None), "")

    def image_path(self, creative_id: str) -> Path | None:
        """The image file of a live ad, in the folder of images; None where there is none."""
        snapshot, images = self.reloader.live.snapshot, self.settings.home.images.resolve()
        rows = snapshot.rows_of([creative_id]) if snapshot is not None else []
        if snapshot is None or not rows or not (named := snapshot.text("text.image_path", rows[0])):
            return None
        path = (self.settings.home.root / named).resolve()
        return path if path.is_relative_to(images) and path.is_file() else None

    def bundle_of(self, policy: str) -> Bundle | None:
        """The bundle that scored a decision, while it is still installed."""
        head, _, version = policy.partition("@")
        for bundle in self.reloader.live.bundles.values():
            if bundle.name == policy:
                return bundle
        try:
            return Bundle.load(version_folder(self.settings.home.bundles, head, version)) if version else None
        except BundleRefused:
            return None


def _texts(decision: Decision, live: Live) -> list[dict[str, str]]:
    """The words of each shown ad."""
    if live.snapshot is None:
        return []
    rows = live.snapshot.rows_of([ad.creative_id for ad in decision.shown])
    plain = [{name: live.snapshot.text(f"text.{name}", row) for name in TEXTS} for row in rows]
    for texts in plain:
        texts["call_to_action"] = insert(texts["call_to_action"], "", 1).text
    return [
        {**texts, "headline": ad.text.headline, "description": ad.text.description} if ad.text is not None else texts
        for ad, texts in zip(decision.shown, plain, strict=True)
    ]

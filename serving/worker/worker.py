"""One process's engine, stores and watchers."""

from __future__ import annotations

import gc
import logging
import threading
import time
import traceback
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from serving.bundles import Bundle
from serving.bundles.aliases import version_folder
from serving.delivery.promises import Promises
from serving.engine.engine import CAME_LATE, Engine
from serving.engine.live import Live
from serving.engine.stages import Profiles
from serving.errors import BundleRefused
from serving.eventlog.log import BillableLog, Event
from serving.eventlog.opening import open_eventlog
from serving.language.keyword_insertion import insert
from serving.ledger.ledger import Ledger
from serving.ledger.opening import open_ledger
from serving.record.decision import Decision, Funnel
from serving.record.keepable import keepable
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.shadows.idle import Idle
from serving.shadows.shadows import Shadows
from serving.snapshot.columns import TEXTS
from serving.surfaces.surfaces import surfaces
from serving.understanding.lazy_profiles import LazyProfiles
from serving.worker.answer import answer
from serving.worker.billing import Bill, Billing
from serving.worker.metrics import Metrics
from serving.worker.metrics_board import MetricsBoard
from serving.worker.reload import Reloader
from serving.worker.signing import Signer, Told

log = logging.getLogger(__name__)
INTERNAL_ERROR: Final = "internal_error"
SETTLE_SECONDS: Final = 30.0
"""How often events are looked for that were kept and not charged."""


class Worker:
    """Decides and bills. Stores that are not given are opened as the settings say."""

    def __init__(
        self, settings: Settings, profiles: Profiles | None = None, eventlog: BillableLog | None = None, ledger: Ledger | None = None
    ) -> None:
        self.settings = settings
        self.eventlog, self.ledger = eventlog or open_eventlog(settings), ledger or open_ledger(settings)
        self.reloader, self.signer = Reloader(settings), Signer.of(settings)
        open_surfaces = surfaces(profiles or LazyProfiles(settings), self.ledger, settings)
        promises = Promises(self.ledger, timedelta(hours=settings.attribution.impression_window_hours))
        self.engine, self._rehearsal = Engine(open_surfaces, settings, promises), Engine(open_surfaces, settings)
        self._stopping = threading.Event()
        self._settler = threading.Thread(target=self._settle_often, name="settler", daemon=True)
        self.idle = Idle()
        self.shadows = Shadows(lambda: self.reloader.live, self.eventlog, self.idle, settings.worker.shadow_queue)
        self.metrics = Metrics(self.reloader, self.shadows, self.engine.tiers)
        self.board = MetricsBoard.of(settings, self.metrics)

    def start(self) -> None:
        self.reloader.start()
        self._warm()
        self._catch_up()
        self._settler.start()
        gc.collect()
        gc.freeze()  # a collection over the loaded libraries costs 100 ms at p99
        self.board.start()

    def _warm(self) -> None:
        """The first request through a cold Feast takes half a second; it is made here, promised nothing, and forgotten."""
        for surface in self.engine.surfaces:
            self._rehearsal.decide(AdRequest("warm", surface, "warm", datetime.now(UTC), tmax_ms=60_000), self.reloader.live)

    def _settle_often(self) -> None:
        while not self._stopping.wait(SETTLE_SECONDS):
            self._catch_up()

    def _catch_up(self) -> None:
        """Charges what was kept and not charged: by a process that was killed, or when a store failed and nobody sent the events again."""
        try:
            if done := self.billing.catch_up(self.reloader.live, datetime.now(UTC)):
                log.info("%d events that were kept before are settled", done)
        except Exception as error:  # a store that does not answer must not end a worker; the next look may find it well
            log.error("events that were kept before are not settled yet: %s", error)

    def stop(self) -> None:
        self._stopping.set()
        if self._settler.is_alive():
            self._settler.join()
        self.reloader.stop()
        self.shadows.stop()
        self.board.stop()
        self.eventlog.close()
        self.ledger.close()

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
        """The decision of a request that broke, called while its error is handled; its id stands in the log beside the cause. An error may
        repeat what was asked: without consent the log says what kind it was, and where, and not its words."""
        error_id = uuid.uuid4().hex
        if request.consent:
            log.exception("request %s: no ad, error %s", request.request_id, error_id)
        else:
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("request %s: no ad, error %s: %s\n%s", request.request_id, error_id, type(error).__name__, where)
        snapshot = live.snapshot.version if live.snapshot is not None else ""
        decision = keepable(
            Decision(error_id, request, request.ts, "no_ad", "", "", snapshot, Funnel({}, {}, 0, 0, 0), (), (), no_ad_reason=INTERNAL_ERROR)
        )
        try:
            self.eventlog.append_decision(decision)
        except Exception as why:  # the log itself may be what broke
            log.error("decision %s is not recorded: %s", error_id, why)
        return decision

    @property
    def billing(self) -> Billing:
        return Billing(self.eventlog, self.ledger, self.settings.attribution)

    def bill(self, events: list[Event]) -> Bill:
        """Logs events and charges what is due. Raises what the stores raise: nothing is acknowledged then."""
        result = self.billing.bill(events, self.reloader.live, datetime.now(UTC))
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

"""From events to money: logs first, charges second, each once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from feature_repo.events import ENGAGEMENT_KINDS
from serving.engine.live import Live
from serving.errors import ServingError
from serving.eventlog.log import BillableLog, Event, clicked
from serving.ledger.ledger import Hide, Ledger
from serving.ledger.promises import place_of, sale_of
from serving.record.decision import Decision, RankedAd
from serving.room_settings import AttributionSettings
from serving.seldom import SELDOM
from serving.worker.attribution import Attribution

log = logging.getLogger(__name__)
FLOOD = "too_many_clicks"
"""Why a click of somebody who clicks faster than a person does not count."""
UNWANTED = ("hide", "report")


@dataclass(frozen=True)
class Bill:
    """accepted: new events; duplicate: seen before (retrying is safe, and completes what was cut off); unknown: ids of events whose
    decision or ad is not known; late: ids of events that do not count, with the reasons: those of attribution.py, and FLOOD.
    charged_micros: what these events cost in all; fresh_micros: the new ones of them."""

    accepted: int
    duplicate: int
    unknown: tuple[str, ...]
    late: Mapping[str, str]
    charged_micros: int
    fresh_micros: int


@dataclass(frozen=True)
class _Known:
    """An event with what is on record of it: the decision, and the ad that it showed."""

    event: Event
    decision: Decision
    ad: RankedAd

    @property
    def place(self) -> str:
        return place_of(self.decision.decision_id, self.ad)


@dataclass
class _Charges:
    """What sales were charged, by key, and how much of it new events brought about."""

    by_sale: dict[str, int] = field(default_factory=dict)
    fresh: int = 0


class Billing:
    """Keeps events durably, counts impressions and hides, and charges what is due.

    An event of an unknown decision or ad is not accepted; one that does not count (attribution.py, floods of clicks) is kept apart and
    costs nothing. A click is due once the impression of its ad is on record as well. Billing day: the day the event happened, UTC.
    changed: told of each user who did something with an ad, before the event is acknowledged: nothing that was cached of them before is
    used after it.
    """

    def __init__(self, eventlog: BillableLog, ledger: Ledger, settings: AttributionSettings, changed: Callable[[str], None]) -> None:
        self._log, self._ledger, self._settings, self._changed = eventlog, ledger, settings, changed
        self._attribution = Attribution(settings)

    def bill(self, events: Sequence[Event], live: Live, received: datetime) -> Bill:
        """received: when the events came. Raises ServingError, and keeps nothing, where a charge is due and nothing says what the
        campaign's budget is; raises what the stores raise."""
        matched, unknown = self._matched(events)
        known, late = self._counting(matched, received)
        budgets = {one.ad.campaign_id: _budget(one.ad, live) for one in known if _is_sale(one)}
        if late:
            self._log.append_late(late, received)
        fresh = self._log.append_events([one.event for one in known], received) if known else []
        charges = _Charges()
        for one, new in zip(known, fresh, strict=True):
            if new or self._is_as_it_first_came(one.event):
                self._settle(one, live, received, charges, new, budgets)
        if known:
            self._log.settle([one.event.event_id for one in known])
        reasons = {event.event_id: why for event, why in late}
        return Bill(sum(fresh), len(fresh) - sum(fresh), tuple(unknown), reasons, sum(charges.by_sale.values()), charges.fresh)

    def catch_up(self, live: Live, now: datetime) -> int:
        """Does what is left to do for events that were kept by a process that ended before it charged them; returns how many. An event
        whose budget nothing says is left for the next time."""
        done = list[str]()
        for event, _ in self._log.unsettled():
            known, _ = self._matched([event])
            try:
                for one in known:
                    self._settle(one, live, now, _Charges(), True, {})
            except ServingError as error:
                SELDOM.log(log, logging.WARNING, "not charged yet", "event %s is not charged yet: %s", event.event_id, error)
                continue
            done.append(event.event_id)
        if done:
            self._log.settle(done)
        return len(done)

    def _settle(self, one: _Known, live: Live, now: datetime, charges: _Charges, new: bool, budgets: Mapping[str, int]) -> None:
        """Counts the event and charges the sale that it completes; each once, however often this is called."""
        asker, kind = one.decision.request.asker, one.event.kind
        if kind == "impression" and asker:
            self._ledger.expose(asker, one.ad.campaign_id, one.place, one.decision.request.ts.date())
        if kind in UNWANTED and asker:
            until = now + timedelta(days=self._settings.hide_days)
            self._ledger.hide(asker, Hide(one.ad.creative_id, one.ad.advertiser_id, kind == "report", until))
        if kind in ENGAGEMENT_KINDS and asker:
            self._changed(asker)
        if one.ad.price is None or kind not in _completing(one.ad.price.charged_on):
            return
        happened = self._log.happened(one.decision.decision_id, one.ad.creative_id)
        first = happened.get(one.ad.price.charged_on)
        if first is None or (one.ad.price.charged_on == "click" and not clicked(happened)):
            return
        budget = budgets.get(one.ad.campaign_id)
        sale = sale_of(one.decision, one.ad, _budget(one.ad, live) if budget is None else budget)
        if sale.key not in charges.by_sale:
            charges.by_sale[sale.key] = self._ledger.charge(sale, first.ts.date(), now)
            charges.fresh += charges.by_sale[sale.key] if new else 0

    def _matched(self, events: Sequence[Event]) -> tuple[list[_Known], list[str]]:
        """The events whose decision and ad are on record, in order, and the ids of the others. Each decision is read once."""
        decisions: dict[str, Decision | None] = {}
        known, unknown = list[_Known](), list[str]()
        for event in events:
            if event.decision_id not in decisions:
                decisions[event.decision_id] = self._log.decision(event.decision_id)
            decision = decisions[event.decision_id]
            ad = next((a for a in decision.shown if a.creative_id == event.creative_id), None) if decision else None
            if decision is None or ad is None:
                unknown.append(event.event_id)
            else:
                known.append(_Known(event, decision, ad))
        return known, unknown

    def _counting(self, matched: Sequence[_Known], received: datetime) -> tuple[list[_Known], list[tuple[Event, str]]]:
        """The events that count, at the moments they are taken to have happened, and those that do not, with the reasons."""
        known, late = list[_Known](), list[tuple[Event, str]]()
        for one in matched:
            why = self._attribution.refusal(one.event, one.decision, received) or self._flood(one, received)
            if why:
                late.append((one.event, why))
            else:
                known.append(replace(one, event=replace(one.event, ts=self._attribution.moment(one.event, one.decision, received))))
        return known, late

    def _flood(self, one: _Known, received: datetime) -> str:
        """FLOOD for a click beyond those that a person makes in a minute; one that is on record already is none."""
        asker = one.decision.request.asker
        if one.event.kind != "click" or not asker or self._log.event(one.event.event_id) is not None:
            return ""
        return FLOOD if self._ledger.clicks(asker, one.place, received) > self._settings.most_clicks_a_minute else ""

    def _is_as_it_first_came(self, event: Event) -> bool:
        """Whether what came under this id before was the same event; of another, nothing is on record that could be charged."""
        first = self._log.event(event.event_id)
        return first is not None and (first.decision_id, first.creative_id, first.kind) == (
            event.decision_id,
            event.creative_id,
            event.kind,
        )


def _completing(charged_on: str) -> tuple[str, ...]:
    """The kinds of events that may complete a sale: a click may come before its impression."""
    return ("impression", "click") if charged_on == "click" else (charged_on,)


def _is_sale(one: _Known) -> bool:
    """Whether the event may complete the sale of its ad."""
    return one.ad.price is not None and one.event.kind in _completing(one.ad.price.charged_on)


def _budget(ad: RankedAd, live: Live) -> int:
    """The campaign's daily budget, micros, as it was when the ad was shown. Records before version 6 do not hold it; for these it is
    that of the present catalogue. Raises ServingError where neither says."""
    if ad.budget_micros is not None:
        return ad.budget_micros
    if live.snapshot is None or ad.campaign_id not in live.snapshot.campaign_place:
        raise ServingError("budget of campaign", ad.campaign_id, "The catalogue does not have it; send the events again once it does.")
    return live.snapshot.budget_of(ad.campaign_id)

"""From events to money: logs first, charges second, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from serving.engine.live import Live
from serving.eventlog.log import BillableLog, Event
from serving.ledger.ledger import Ledger
from serving.record.decision import Decision, RankedAd


@dataclass(frozen=True)
class Bill:
    """accepted: new events; duplicate: seen before (retrying is safe, and completes a charge that was cut off); unknown: ids of
    events whose decision or ad is not known. charged_micros: what these events cost in all; fresh_micros: the new ones of them."""

    accepted: int
    duplicate: int
    unknown: tuple[str, ...]
    charged_micros: int
    fresh_micros: int


@dataclass(frozen=True)
class _Known:
    """An event with what is on record of it: the decision, and the ad that it showed."""

    event: Event
    decision: Decision
    ad: RankedAd


def bill(events: Sequence[Event], eventlog: BillableLog, ledger: Ledger, live: Live) -> Bill:
    """Appends events durably, counts exposures, charges what is due. Events of unknown decisions or ads are not accepted.

    Billing day: the day the event happened, UTC.
    """
    known, unknown = _matched(events, eventlog)
    fresh = eventlog.append_events([k.event for k in known], datetime.now(UTC)) if known else []
    charges: dict[str, int] = {}
    fresh_micros = 0
    for one, new in zip(known, fresh, strict=True):
        day = _day_on_record(one.event, new, eventlog)
        if day is None:
            continue
        # One sale is charged once, whatever ids its events carry: the key is what was sold.
        sale = f"{one.decision.decision_id}|{one.ad.creative_id}|{one.event.kind}"
        if one.ad.price is not None and one.ad.price.charged_on == one.event.kind and sale not in charges:
            budget = _budget(live, one.ad.campaign_id)
            charges[sale] = ledger.charge(sale, one.ad.campaign_id, day, one.ad.price.price_micros, budget)
            fresh_micros += charges[sale] if new else 0
        if new and one.event.kind == "impression" and one.decision.request.asker:
            ledger.expose(one.decision.request.asker, [one.ad.campaign_id], day)
    return Bill(sum(fresh), len(fresh) - sum(fresh), tuple(unknown), sum(charges.values()), fresh_micros)


def _matched(events: Sequence[Event], eventlog: BillableLog) -> tuple[list[_Known], list[str]]:
    """The events whose decision and ad are on record, in order, and the ids of the others. Each decision is read once."""
    decisions: dict[str, Decision | None] = {}
    known, unknown = list[_Known](), list[str]()
    for event in events:
        if event.decision_id not in decisions:
            decisions[event.decision_id] = eventlog.decision(event.decision_id)
        decision = decisions[event.decision_id]
        ad = next((a for a in decision.shown if a.creative_id == event.creative_id), None) if decision else None
        if decision is None or ad is None:
            unknown.append(event.event_id)
        else:
            known.append(_Known(event, decision, ad))
    return known, unknown


def _day_on_record(event: Event, new: bool, eventlog: BillableLog) -> date | None:
    """The day, UTC, on which the event first told under this id happened; None where that id was used for something else, of which
    nothing is on record that could be charged."""
    first = event if new else eventlog.event(event.event_id)
    return first.ts.date() if first is not None and _what(first) == _what(event) else None


def _what(event: Event) -> tuple[str, str, str]:
    return event.decision_id, event.creative_id, event.kind


def _budget(live: Live, campaign_id: str) -> int:
    """The campaign's budget of the day; none is left of a campaign that is no longer in the catalogue."""
    if live.snapshot is None:
        return 0
    return live.snapshot.budget_of(campaign_id)

"""From events to money: logs first, charges second, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from serving.engine.live import Live
from serving.errors import ServingError
from serving.eventlog.log import BillableLog, Event
from serving.ledger.ledger import Ledger
from serving.record.decision import Decision, RankedAd
from serving.worker.attribution import Attribution


@dataclass(frozen=True)
class Bill:
    """accepted: new events; duplicate: seen before (retrying is safe, and completes a charge that was cut off); unknown: ids of
    events whose decision or ad is not known; late: ids of events that did not happen in their time, with the reasons, see
    attribution.py. charged_micros: what these events cost in all; fresh_micros: the new ones of them."""

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


def bill(events: Sequence[Event], eventlog: BillableLog, ledger: Ledger, live: Live, attribution: Attribution, received: datetime) -> Bill:
    """Appends events durably, counts exposures, charges what is due. Events of unknown decisions or ads are not accepted; those that did
    not happen in their time are kept apart and cost nothing. received: when the events came.

    Billing day: the day the event happened, UTC. Raises ServingError, and keeps nothing, where a charge is due and nothing says what
    the campaign's budget is.
    """
    matched, unknown = _matched(events, eventlog)
    known, late = _in_time(matched, attribution, received)
    budgets = {one.ad.campaign_id: _budget(one.ad, live) for one in known if _due(one)}
    if late:
        eventlog.append_late(late, received)
    fresh = eventlog.append_events([k.event for k in known], received) if known else []
    charges: dict[str, int] = {}
    fresh_micros = 0
    for one, new in zip(known, fresh, strict=True):
        day = _day_on_record(one.event, new, eventlog)
        if day is None:
            continue
        # One sale is charged once, whatever ids its events carry: the key is what was sold.
        sale = f"{one.decision.decision_id}|{one.ad.creative_id}|{one.event.kind}"
        if _due(one) and one.ad.price is not None and sale not in charges:
            charges[sale] = ledger.charge(sale, one.ad.campaign_id, day, one.ad.price.price_micros, budgets[one.ad.campaign_id])
            fresh_micros += charges[sale] if new else 0
        if new and one.event.kind == "impression" and one.decision.request.asker:
            ledger.expose(one.decision.request.asker, [one.ad.campaign_id], day)
    reasons = {event.event_id: why for event, why in late}
    return Bill(sum(fresh), len(fresh) - sum(fresh), tuple(unknown), reasons, sum(charges.values()), fresh_micros)


def _due(one: _Known) -> bool:
    """Whether the event is one that its ad is paid for."""
    return one.ad.price is not None and one.ad.price.charged_on == one.event.kind


def _in_time(matched: Sequence[_Known], attribution: Attribution, received: datetime) -> tuple[list[_Known], list[tuple[Event, str]]]:
    """The events that count, at the moments they are taken to have happened, and those that do not, with the reasons."""
    known, late = list[_Known](), list[tuple[Event, str]]()
    for one in matched:
        why = attribution.refusal(one.event, one.decision, received)
        if why:
            late.append((one.event, why))
        else:
            known.append(replace(one, event=replace(one.event, ts=attribution.moment(one.event, one.decision, received))))
    return known, late


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


def _budget(ad: RankedAd, live: Live) -> int:
    """The campaign's daily budget, micros, as it was when the ad was shown. Records before version 6 do not hold it; for these it is
    that of the present catalogue. Raises ServingError where neither says."""
    if ad.budget_micros is not None:
        return ad.budget_micros
    if live.snapshot is None or ad.campaign_id not in live.snapshot.campaign_place:
        raise ServingError("budget of campaign", ad.campaign_id, "The catalogue does not have it; send the events again once it does.")
    return live.snapshot.budget_of(ad.campaign_id)

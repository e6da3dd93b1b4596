"""From events to money: logs first, charges second, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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


def bill(events: Sequence[Event], eventlog: BillableLog, ledger: Ledger, live: Live) -> Bill:
    """Appends events durably, counts exposures, charges what is due. Events of unknown decisions or ads are not accepted.

    Billing day: the day the event happened, UTC.
    """
    decisions: dict[str, Decision | None] = {}
    known: list[tuple[Event, Decision, RankedAd]] = []
    unknown: list[str] = []
    for event in events:
        if event.decision_id not in decisions:
            decisions[event.decision_id] = eventlog.decision(event.decision_id)
        decision = decisions[event.decision_id]
        ad = next((a for a in decision.shown if a.creative_id == event.creative_id), None) if decision else None
        if decision is None or ad is None:
            unknown.append(event.event_id)
        else:
            known.append((event, decision, ad))
    fresh = eventlog.append_events([e for e, _, _ in known], datetime.now(UTC)) if known else []
    charges: dict[str, int] = {}
    fresh_micros = 0
    for (event, decision, ad), new in zip(known, fresh, strict=True):
        first = event if new else eventlog.event(event.event_id)
        if first is None or _what(first) != _what(event):
            continue  # an id that was used for something else: nothing is on record that could be charged
        day = first.ts.date()
        # One sale is charged once, whatever ids its events carry: the key is what was sold.
        sale = f"{decision.decision_id}|{ad.creative_id}|{event.kind}"
        if ad.price is not None and ad.price.charged_on == event.kind and sale not in charges:
            charges[sale] = ledger.charge(sale, ad.campaign_id, day, ad.price.price_micros, _budget(live, ad.campaign_id))
            fresh_micros += charges[sale] if new else 0
        if new and event.kind == "impression" and decision.request.asker:
            ledger.expose(decision.request.asker, [ad.campaign_id], day)
    return Bill(sum(fresh), len(fresh) - sum(fresh), tuple(unknown), sum(charges.values()), fresh_micros)


def _what(event: Event) -> tuple[str, str, str]:
    return event.decision_id, event.creative_id, event.kind


def _budget(live: Live, campaign_id: str) -> int:
    """The campaign's budget of the day; none is left of a campaign that is no longer in the catalogue."""
    if live.snapshot is None:
        return 0
    return live.snapshot.budget_of(campaign_id)

"""From events to money: logs first, charges second, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from serving.decision import Decision, RankedAd
from serving.eventlog.log import Event, EventLog
from serving.live import Live
from serving.state.ledger import Ledger


def bill(events: Sequence[Event], eventlog: EventLog, ledger: Ledger, live: Live) -> dict[str, object]:
    """Appends events durably, counts exposures, charges what is due. Events of unknown decisions or ads are not accepted.

    accepted: new events; duplicate: seen before (retrying is safe, and completes a charge that was cut off); unknown: by event id.
    charged_micros: what these events cost in all. Billing day: the day the event happened, UTC.
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
    charged = 0
    for (event, decision, ad), new in zip(known, fresh, strict=True):
        day = event.ts.date()
        if ad.price is not None and ad.price.charged_on == event.kind:
            # One sale is charged once, whatever ids its events carry: the key is what was sold.
            charged += ledger.charge(
                f"{decision.decision_id}|{ad.creative_id}|{event.kind}", ad.campaign_id, day, ad.price.price_micros,
                _budget(live, ad.campaign_id),
            )  # fmt: skip
        if new and event.kind == "impression" and decision.request.user_id and decision.request.consent:
            ledger.expose(decision.request.user_id, [ad.campaign_id], day)
    return {"accepted": sum(fresh), "duplicate": len(fresh) - sum(fresh), "unknown": unknown, "charged_micros": charged}


def _budget(live: Live, campaign_id: str) -> int:
    """The campaign's budget of the day; none is left of a campaign that is no longer in the catalogue."""
    if live.snapshot is None:
        return 0
    return live.snapshot.budget_of(campaign_id)

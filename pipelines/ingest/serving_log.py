"""What was served, out of the event log and into the event tables: source `serving`.

A decision lands on the day it was decided, an event on the day it was received. An impression is one shown ad of one decision,
however often it is reported: impression_id `<decision_id>:<creative_id>`. A click's cause is its impression, a conversion's the
latest click before it on the same ad of the same decision (its impression when none is known). A decision on a text that was
searched for is a query, too: query_id is its decision_id, and its impressions and engagements carry it. Events that name no known
decision, no ad that it showed, or a kind that does not exist are quarantined, and so are clicks without the impression of their ad.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.days import end_of
from feature_repo.events import ENGAGEMENT_KINDS, QUERY, TIME
from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from feature_repo.request_words import CANONICAL
from pipelines.ingest.chunk import Fault
from pipelines.ingest.collect import MOST_BAD, FileCount, Ingested, refuse_bad_share, total
from pipelines.ingest.event_rows import event_rows
from pipelines.ingest.fields import FIRST_YEAR
from pipelines.ingest.landing import Landed, land_events
from pipelines.ingest.quarantine import quarantine_path, set_aside
from pipelines.ingest.well_formed import CLOCKS_DIFFER
from serving.eventlog.log import MOST_VALUE_MICROS, Event, EventLog, clicked
from serving.record.decision import Decision, RankedAd

SERVING: Final = "serving"
IMPRESSION: Final = "impression"
CAUSE_DAYS: Final = 30
"""How far back a conversion looks for its click."""


def impression_id(decision_id: str, creative_id: str) -> str:
    """The identity of one shown ad."""
    return f"{decision_id}:{creative_id}"


def query_id(decision: Decision) -> str:
    """The identity of the search that was decided; "" where no text was searched for, and where the text may not be kept for want of
    consent. A request_id is the asker's, and may come again."""
    return decision.decision_id if decision.request.consent and decision.request.query.strip() else ""


def ingest_served(home: Home, log: EventLog, day: date, most_bad: float = MOST_BAD) -> Ingested:
    """The day's decisions and events, each once. rows_in counts both; a search counts as its decision.

    Raises Refused, with nothing landed, when more than `most_bad` of the events are malformed. A click whose impression was lost is none
    of those: it is set aside, but says nothing against the log.
    """
    since, until = end_of(day) - timedelta(days=1), end_of(day)
    decisions = list(log.decisions(since, until))
    received = sorted(log.events(since, until), key=lambda pair: (pair[1], pair[0].event_id))
    faults: list[Fault] = []
    lost: list[Fault] = []
    good: list[tuple[int, Event, datetime, Decision, RankedAd]] = []
    known = {d.decision_id: d for d in decisions}
    for i, (event, at) in enumerate(received):
        decision = known.get(event.decision_id) or log.decision(event.decision_id)
        if decision is not None:
            known[event.decision_id] = decision
        ad = next((a for a in decision.shown if a.creative_id == event.creative_id), None) if decision else None
        if decision is None or ad is None:
            faults.append(_fault(i, event, at, "unknown decision" if decision is None else "the decision did not show this ad"))
        elif event.ts.tzinfo is None or event.ts.year < FIRST_YEAR:
            faults.append(_fault(i, event, at, f"its time is none: {event.ts.isoformat()}"))
        elif event.ts > at + CLOCKS_DIFFER:
            faults.append(_fault(i, event, at, f"its time lies in the future: {event.ts.isoformat()}"))
        elif not 0 <= event.value_micros <= MOST_VALUE_MICROS:
            faults.append(_fault(i, event, at, f"value_micros is not within 0 and {MOST_VALUE_MICROS}: {event.value_micros}"))
        elif event.kind == "click" and not clicked(log.happened(event.decision_id, event.creative_id)):
            lost.append(_fault(i, event, at, "a click without the impression of its ad"))
        elif event.kind != IMPRESSION and event.kind not in ENGAGEMENT_KINDS:
            faults.append(_fault(i, event, at, f"kind is none of {IMPRESSION}, {', '.join(ENGAGEMENT_KINDS)}"))
        else:
            good.append((i, event, at, decision, ad))
    with exclusive(home, "ingest"):
        aside = quarantine_path(home, SERVING, day.isoformat())
        quarantined = set_aside(aside, "eventlog", [*faults, *lost])
        refuse_bad_share(f"{SERVING} events of {day}", len(faults), len(received), most_bad, aside)
        before = _impressions_before(home, day)
        seen = [g for g in good if g[1].kind == IMPRESSION and impression_id(g[1].decision_id, g[1].creative_id) not in before]
        engaged = [g for g in good if g[1].kind != IMPRESSION]
        landed = land_events(
            home,
            SERVING,
            {
                "decisions": _decisions(decisions),
                "queries": _queries([d for d in decisions if query_id(d)]),
                "impressions": _impressions(seen),
                "shown_texts": _shown_texts(seen),
                "engagements": _engagements(engaged, _clicks(home, day)),
            },
        )
    place = str(aside) if quarantined else ""
    counts = [
        _count("decisions", len(decisions), [landed["decisions"]], 0, ""),
        _count("events", len(received), [landed["impressions"], landed["engagements"]], quarantined, place),
    ]
    return total(SERVING, counts, {k: len(v.fresh) for k, v in landed.items()}, [day] if decisions or received else [])


def _count(name: str, rows: int, landed: Sequence[Landed], quarantined: int, aside: str) -> FileCount:
    kept, corrected = sum(len(one.rows) for one in landed), sum(len(one.corrected) for one in landed)
    return FileCount(name, "log", "", rows, kept, quarantined, rows - kept - quarantined, aside, corrected)


def _fault(i: int, event: Event, at: datetime, reason: str) -> Fault:
    """`line` is the event's ordinal among those received that day, from 1."""
    text = f"{event.event_id} {event.kind} {event.decision_id} {event.creative_id} received {at.isoformat()}"
    return Fault(i + 1, reason, text.encode())


def _asked(decisions: Sequence[Decision]) -> dict[str, Any]:
    """The context columns; without consent the asker has no name. Records may hold words as they were sent: they get the form that a
    request has when its features are made."""
    requests = [d.request for d in decisions]
    names = ("surface", "placement_id", "device", "os", "region", "language")
    return {n: pa.array([CANONICAL.get(n, str)(getattr(r, n)) for r in requests], pa.string()) for n in names} | {
        "user_id": pa.array([r.asker for r in requests], pa.string()),
        "query_id": pa.array([query_id(d) for d in decisions], pa.string()),
        "source": SERVING,
    }


def _decisions(decisions: Sequence[Decision]) -> pa.Table:
    return event_rows(
        "decisions",
        np.arange(len(decisions)),
        decision_id=pa.array([d.decision_id for d in decisions], pa.string()),
        ts=[d.request.ts for d in decisions],
        created_ts=[d.decided_at for d in decisions],
        policy=pa.array([d.policy for d in decisions], pa.string()),
        candidates=[d.funnel.sourced for d in decisions],
        shown=[d.funnel.shown for d in decisions],
        **_asked(decisions),
    )


def _queries(searches: Sequence[Decision]) -> pa.Table:
    return event_rows(
        "queries",
        np.arange(len(searches)),
        ts=[d.request.ts for d in searches],
        created_ts=[d.decided_at for d in searches],
        text=pa.array([d.request.query for d in searches], pa.string()),
        **{name: values for name, values in _asked(searches).items() if name in QUERY.names},
    )


Happened = tuple[int, Event, datetime, Decision, RankedAd]


def _of_ads(rows: Sequence[Happened]) -> dict[str, Any]:
    """The columns that impressions and engagements share."""
    names = ("creative_id", "campaign_id", "advertiser_id")
    return {n: pa.array([getattr(ad, n) for *_, ad in rows], pa.string()) for n in names} | {
        "ts": [event.ts for _, event, *_ in rows],
        "created_ts": [at for _, _, at, *_ in rows],
        "position": [ad.position for *_, ad in rows],
        "impression_id": pa.array([impression_id(d.decision_id, ad.creative_id) for *_, d, ad in rows], pa.string()),
        **_asked([d for *_, d, _ in rows]),
    }


def _impressions(rows: Sequence[Happened]) -> pa.Table:
    return event_rows(
        "impressions",
        np.array([i for i, *_ in rows], np.int64),
        decision_id=pa.array([d.decision_id for *_, d, _ in rows], pa.string()),
        propensity=pa.array([ad.propensity for *_, ad in rows], pa.float64()),
        explored=pa.array([d.explored for *_, d, _ in rows], pa.bool_()),
        bid_micros=pa.array([ad.bid_micros for *_, ad in rows], pa.int64()),
        price_micros=pa.array([ad.price.price_micros if ad.price else 0 for *_, ad in rows], pa.int64()),
        **_of_ads(rows),
    )


def _shown_texts(rows: Sequence[Happened]) -> pa.Table:
    """Of ads that could be shown with other texts."""
    several = [(i, at, event, d, ad, ad.text) for i, event, at, d, ad in rows if ad.text is not None and ad.text.choices > 1]
    return event_rows(
        "shown_texts",
        np.array([i for i, *_ in several], np.int64),
        impression_id=pa.array([impression_id(d.decision_id, ad.creative_id) for *_, d, ad, _ in several], pa.string()),
        ts=pa.array([event.ts for _, _, event, *_ in several], TIME),
        created_ts=pa.array([at for _, at, *_ in several], TIME),
        source=SERVING,
        choice=pa.array([text.choice for *_, text in several], pa.int16()),
        choices=pa.array([text.choices for *_, text in several], pa.int16()),
        propensity=pa.array([text.propensity for *_, text in several], pa.float64()),
    )


def _impressions_before(home: Home, day: date) -> set[str]:
    """Impressions that an earlier day has already reported."""
    files = home.files("impressions", day - timedelta(days=CAUSE_DAYS), day - timedelta(days=1))
    tables = (pq.read_table(f, columns=["impression_id"], partitioning=None) for f in files if f.stem == SERVING)
    return {key for table in tables for key in table["impression_id"].to_pylist()}


Clicks = dict[str, list[tuple[datetime, str]]]
"""impression_id -> (when, event_id) of its clicks."""


def _clicks(home: Home, day: date) -> Clicks:
    """Clicks served in the days before, from the tables."""
    found: Clicks = {}
    for file in home.files("engagements", day - timedelta(days=CAUSE_DAYS), day):
        if file.stem == SERVING:
            table = pq.read_table(file, columns=["kind", "impression_id", "ts", "event_id"], partitioning=None)
            for row in table.filter(pc.equal(table["kind"], "click")).to_pylist():
                found.setdefault(row["impression_id"], []).append((row["ts"], row["event_id"]))
    return found


def _engagements(rows: Sequence[Happened], clicks: Clicks) -> pa.Table:
    for _, event, _, d, ad in rows:
        if event.kind == "click":
            clicks.setdefault(impression_id(d.decision_id, ad.creative_id), []).append((event.ts, event.event_id))
    causes = [_cause(event, clicks, impression_id(d.decision_id, ad.creative_id)) for _, event, _, d, ad in rows]
    return event_rows(
        "engagements",
        np.array([i for i, *_ in rows], np.int64),
        event_id=pa.array([event.event_id for _, event, *_ in rows], pa.string()),
        kind=pa.array([event.kind for _, event, *_ in rows], pa.string()),
        cause_id=pa.array(causes, pa.string()),
        value_micros=pa.array([event.value_micros for _, event, *_ in rows], pa.int64()),
        **_of_ads(rows),
    )


def _cause(event: Event, clicks: Clicks, shown: str) -> str:
    before: Iterable[tuple[datetime, str]] = (c for c in clicks.get(shown, []) if c[0] <= event.ts)
    return max(before, default=(event.ts, shown))[1] if event.kind == "conversion" else shown

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from feature_repo.request_time import NO_SEARCH, ad_columns, context_columns, pair_columns, search_columns, user_columns
from feature_repo.services import CLICK
from feature_repo.tables import AD_TABLES, TABLES, USER_TABLES
from pipelines.monitor.as_published import as_published
from pipelines.monitor.skew import sampled, skew
from serving.eventlog.log import Event, EventLog
from serving.record.decision import Decision
from serving.settings import Settings

DAY = date(2026, 3, 9)
YESTERDAY = DAY - timedelta(days=1)
Make = Callable[..., object]
FLOAT = next((t.name, f.name) for t in USER_TABLES for f in t.features if f.dtype == "float32" and f.name in CLICK.names)


def served(home: Home, decision: Decision, day: date, seen: int = 0) -> Decision:
    """The decision with the vectors that serving computes from `day`'s partitions: one user against its ads, whose campaigns it has
    seen so often."""

    def row(tables: tuple, keys: list[str]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        found = {}
        for table in tables:
            part = pq.read_table(home.feature_partition(table.name, day), partitioning=None).to_pandas().set_index(table.entity)
            for f in table.features:
                values = part.loc[keys, f.name].tolist()
                found[f.name] = np.stack(values) if f.dtype == "vector" else np.array(values, object if f.dtype == "string" else None)
        return found

    r, ids = decision.request, [ad.creative_id for ad in decision.shown]
    one = [np.array([v], object) for v in (r.surface, r.device, r.os, r.region, r.language)]
    context = context_columns(np.array([r.ts.replace(tzinfo=None)], "datetime64[us]"), *one)
    user = user_columns(row(USER_TABLES, [r.user_id]))
    identity = {n: np.array([getattr(ad, n) for ad in decision.shown], object) for n in ("creative_id", "campaign_id", "advertiser_id")}
    ad = ad_columns(row(AD_TABLES, ids) | identity)
    vectors = CLICK.matrix(
        len(ids), context, user, ad, pair_columns(context, user, ad, np.full(len(ids), seen)), search_columns(NO_SEARCH, ad)
    )
    shown = tuple(replace(a, features=tuple(map(float, v))) for a, v in zip(decision.shown, vectors, strict=True))
    return replace(decision, shown=shown)


@pytest.fixture
def decision(decided: Make, ad: Make, noon: datetime) -> Decision:
    return decided("d1", noon, [ad(f"e{i}", 0.1, i + 1) for i in range(3)], user="e9")  # type: ignore[return-value]


def test_serving_that_read_what_was_published_shows_no_skew(
    home: Home, eventlog: EventLog, publish: Callable[..., None], decision: Decision
) -> None:
    publish(YESTERDAY)
    eventlog.append_decision(served(home, decision, YESTERDAY))
    report = skew(Settings(home_path=home.root), eventlog, DAY, 10)
    assert [(f.name, f.value) for f in report.figures] == [("vectors_compared", 3), ("cells_differing", 0.0)]


def test_a_partition_that_serving_has_not_seen_is_named(
    home: Home, eventlog: EventLog, publish: Callable[..., None], decision: Decision
) -> None:
    publish(YESTERDAY - timedelta(days=1))
    eventlog.append_decision(served(home, decision, YESTERDAY - timedelta(days=1)))
    publish(YESTERDAY, shift=2.0, moved=FLOAT)
    report = skew(Settings(home_path=home.root), eventlog, DAY, 10)
    assert f"{CLICK.name}.{FLOAT[1]}" in {f.name for f in report.failing()}
    (gap,) = (f for f in report.figures if f.name == f"{CLICK.name}.{FLOAT[1]} largest_gap")
    assert gap.value == pytest.approx(2.0, abs=1e-3)


def test_what_was_seen_before_is_counted_from_the_log(
    home: Home, eventlog: EventLog, publish: Callable[..., None], decision: Decision, noon: datetime
) -> None:
    """Once an ad and decision, of the same user and day, and nothing that came after; a ledger that lost it shows as skew."""
    publish(YESTERDAY)
    first = replace(decision, decision_id="d0", request=replace(decision.request, ts=noon - timedelta(hours=2)))
    other = replace(first, decision_id="dx", request=replace(first.request, user_id="e8"))
    for earlier in (first, other):
        eventlog.append_decision(earlier)
    reported = [("d0", -60), ("d0", -59), ("dx", -50), ("d1", 1), ("d0", -1440)]
    events = [
        Event(f"{d}{minute}{ad.creative_id}", d, ad.creative_id, "impression", noon + timedelta(minutes=minute))
        for d, minute in reported
        for ad in decision.shown
    ]
    eventlog.append_events(events, noon + timedelta(hours=1))
    assert len({ad.campaign_id for ad in decision.shown}) == len(decision.shown)
    eventlog.append_decision(served(home, decision, YESTERDAY, seen=1))
    report = skew(Settings(home_path=home.root), eventlog, DAY, 10)
    assert [(f.name, f.value) for f in report.figures] == [("vectors_compared", 3), ("cells_differing", 0.0)]
    lost = replace(served(home, decision, YESTERDAY), decision_id="d2")
    eventlog.append_decision(lost)
    assert f"{CLICK.name}.seen_today" in {f.name for f in skew(Settings(home_path=home.root), eventlog, DAY, 10).failing()}


def test_the_partition_of_the_day_itself_is_not_known_yet(
    home: Home, eventlog: EventLog, publish: Callable[..., None], decision: Decision
) -> None:
    publish(YESTERDAY)
    publish(DAY, shift=2.0, moved=FLOAT)
    eventlog.append_decision(served(home, decision, YESTERDAY))
    assert skew(Settings(home_path=home.root), eventlog, DAY, 10).failing() == []


def test_a_vector_of_another_input_is_counted_apart(
    home: Home, eventlog: EventLog, publish: Callable[..., None], decision: Decision
) -> None:
    publish(YESTERDAY)
    eventlog.append_decision(replace(decision, shown=(replace(decision.shown[0], features=(1.0, 2.0)),)))
    report = skew(Settings(home_path=home.root), eventlog, DAY, 10)
    assert report.setup["ads_of_another_input"] == 1 and report.figures[1].value is None


def test_decisions_are_sampled_the_same_way_every_time(
    home: Home, eventlog: EventLog, publish: Callable[..., None], decision: Decision
) -> None:
    publish(YESTERDAY)
    logged = served(home, decision, YESTERDAY)
    for i in range(8):
        eventlog.append_decision(replace(logged, decision_id=f"d{i}"))
    reports = [skew(Settings(home_path=home.root), eventlog, DAY, 3) for _ in range(2)]
    assert reports[0].plain == reports[1].plain
    assert reports[0].figures[0].value == 9


def test_unknown_and_stale_entities_read_defaults(home: Home, publish: Callable[..., None], noon: datetime) -> None:
    publish(YESTERDAY)
    for table in TABLES:
        late = noon + table.max_age
        found = as_published(home, table, ["e1", "nobody", "e1"], [noon, noon, late])
        for feature in table.features:
            values, default = found[feature.name], feature.filled(1)[0]
            assert np.array_equal(values[1], default) and np.array_equal(values[2], default)
            if feature.dtype == "vector":
                assert not np.array_equal(values[0], default)


def test_a_search_without_consent_left_no_text_to_compute_with(eventlog: EventLog, decision: Decision) -> None:
    scored = replace(decision, shown=tuple(replace(ad, features=(0.5,)) for ad in decision.shown))
    for key, surface, consent in (("s1", "search", True), ("s2", "search", False), ("p1", "proactive", False)):
        eventlog.append_decision(replace(scored, decision_id=key, request=replace(scored.request, surface=surface, consent=consent)))
    assert {d.decision_id for d in sampled(DAY, eventlog, 10)} == {"s1", "p1"}

"""Users' rows behind the cache, in workers that share a state folder."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from feature_repo.home import Home
from feature_repo.stored_row import NO_ROW, StoredRow, StoredTable
from feature_repo.tables import USER_TABLES
from serving.caches.generations import EVERYBODY
from serving.caches.memory import MemoryLevel
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.opening import open_generations
from serving.caches.redis import PREFIX
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from serving.http.app import create_app
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns
from serving.understanding.cached_profiles import USER, CachedProfiles
from tests.conftest import redis_server
from tests.serving.caches.conftest import Hand
from tests.serving.conftest import Api, TestClient
from tests.serving.every_store import redis_url
from tests.waiting import eventually

LEVELS = ("l2", "regional")
CELLS = {"string": b"caf\xc3\xa9", "float32": 0.25, "int32": 3, "int64": 3}


def row_of(at: datetime) -> StoredRow:
    """A row with a value of every type."""
    return StoredRow(
        tuple(
            StoredTable(
                int(at.timestamp()), tuple(f.filled(1).tobytes() if f.dtype == "vector" else CELLS[f.dtype] for f in table.features)
            )
            for table in USER_TABLES
        )
    )


class Store:
    """An online store that remembers whom it was asked for. `warm` is who workers ask for when they start."""

    rows: dict[str, StoredRow]
    asked: list[str]

    def __init__(self, settings: object) -> None:
        self.settings = settings

    def stored(self, user_id: str) -> StoredRow:
        if user_id != "warm":
            self.asked.append(user_id)
        return self.rows.get(user_id, NO_ROW)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> type[Store]:
    """The one of all workers."""
    Store.rows, Store.asked = {"u1": row_of(datetime.now(UTC))}, []
    monkeypatch.setattr("serving.worker.worker.LazyProfiles", Store)
    return Store


@pytest.fixture
def worker(
    store: type[Store], settings_for: Callable[..., Any], published_home: Home, quick_smoke: None
) -> Iterator[Callable[..., Api]]:  # fmt: skip
    """Starts a worker over the state folder, as often as it is called."""
    with ExitStack() as running:

        def start(**changes: Any) -> Api:
            app = create_app(settings_for(published_home, **{"cache_deadline_ms": 60_000, **changes}))
            client = running.enter_context(TestClient(app, raise_server_exceptions=False))
            return Api(client, app.state.worker, published_home)

        yield start


def tell(api: Api, answer: dict[str, Any], kind: str) -> None:
    of_ad = {"decision_id": answer["decision_id"], "creative_id": answer["ads"][0]["creative_id"], "kind": kind}
    api.send({**of_ad, "event_id": f"{kind}-{answer['decision_id']}", "ts": datetime.now(UTC).isoformat()})


def figures(api: Api, name: str) -> dict[tuple[str, ...], float]:
    """A metric's values by its labels: the level and the kind, or the store."""
    families = text_string_to_metric_families(api.client.get("/metrics").text)
    found = [s for f in families for s in f.samples if s.name == name]
    return {tuple(s.labels[label] for label in sorted(s.labels, reverse=True)): s.value for s in found}


def test_a_row_is_read_once_and_then_from_memory(worker: Callable[..., Api], store: type[Store]) -> None:
    api = worker()
    hits, misses = (figures(api, f"placard_cache_{outcome}_total")["l1", "user"] for outcome in ("hits", "misses"))
    assert [api.ask()["flags"] for _ in range(3)] == [[], [], []]
    assert store.asked == ["u1"]
    assert figures(api, "placard_cache_hits_total")["l1", "user"] == hits + 2
    assert figures(api, "placard_cache_misses_total")["l1", "user"] == misses + 1
    assert 0 < figures(api, "placard_cache_bytes")["l1",] <= 64 * 1024 * 1024


def test_what_is_read_from_the_cache_is_what_was_stored() -> None:
    now = datetime.now(UTC)
    row = row_of(now)
    again = USER.decode(USER.encode(row))
    assert again == row
    seen, before = again.seen(now), row.seen(now)
    assert seen.flags == before.flags == ()
    for name, column in before.columns.items():
        assert seen.columns[name].dtype == column.dtype and seen.columns[name].tolist() == column.tolist()
    with pytest.raises(ValueError):
        USER.decode(USER.encode(StoredRow(row.tables[:1])))


def test_whether_a_row_is_too_old_is_asked_each_time(store: type[Store], hand: Hand) -> None:
    """An hour before it is, it is cached; two hours later it is stale, though it was not when it was read."""
    now, least = datetime.now(UTC), min(table.max_age for table in USER_TABLES)
    store.rows["u1"] = row_of(now - least + timedelta(hours=1))
    cache = TieredCache((CacheLevel("l1", MemoryLevel(10_000, hand), 300),), MemoryGenerations(600, hand), CacheTerms(60, 30, 0))
    people = CachedProfiles(store(None), cache, lambda: "s1")
    assert people.read("u1", now).flags == ()
    assert people.read("u1", now + timedelta(hours=2)).flags == tuple(f"{t.name}_stale" for t in USER_TABLES if t.max_age == least)
    assert store.asked == ["u1"]


@pytest.mark.parametrize("kind", ["click", "hide", "report", "like"])
def test_what_a_user_did_is_seen_by_their_next_request_on_every_worker(
    worker: Callable[..., Api], store: type[Store], kind: str
) -> None:  # fmt: skip
    one, other = worker(), worker()
    answer = one.ask()
    assert one.ask()["flags"] == other.ask()["flags"] == [] and store.asked == ["u1", "u1"]
    tell(one, answer, "impression")
    assert one.ask()["flags"] == [] and len(store.asked) == 2, "what was shown changes nothing that is cached"
    store.rows["u1"] = NO_ROW
    tell(one, answer, kind)
    unknown = [f"{table.name}_unknown" for table in USER_TABLES]
    assert other.ask()["flags"] == one.ask()["flags"] == unknown


@pytest.mark.redis
def test_so_it_is_where_machines_share_redis(worker: Callable[..., Api], store: type[Store], request: pytest.FixtureRequest) -> None:
    url = redis_url(request)
    shared = {"profile": "cluster", "redis_url": url, "redis_may_forget": True, "cache_l2_url": url.removesuffix("/0") + "/1"}
    one, other = worker(**shared), worker(**shared)
    answer = one.ask()
    for api in (one, other):
        api.worker.cache.writes.settle()
        assert api.ask()["flags"] == []
    assert store.asked == ["u1"]
    store.rows["u1"] = NO_ROW
    tell(other, answer, "click")
    unknown = [f"{table.name}_unknown" for table in USER_TABLES]
    assert one.ask()["flags"] == other.ask()["flags"] == unknown


def test_a_hidden_ad_is_gone_from_the_next_page_of_every_worker(worker: Callable[..., Api], store: type[Store]) -> None:
    one, other = worker(), worker()
    for api in (one, other):
        api.ask()
    answer = one.ask()
    tell(one, answer, "hide")
    for api in (one, other):
        assert answer["ads"][0]["creative_id"] not in {ad["creative_id"] for ad in api.ask()["ads"]}


def test_another_snapshot_or_another_publication_ends_it(
    worker: Callable[..., Api], store: type[Store], published_home: Home, settings_for: Callable[..., Any]
) -> None:
    api = worker()
    api.ask()
    snapshot = open_current(published_home.snapshots)
    arrays = dict(snapshot.arrays) | {"bid_micros": snapshot.arrays["bid_micros"] + 1}
    set_current(published_home.snapshots, write_columns(published_home.snapshots, snapshot.as_of, arrays, len(snapshot)))
    api.worker.reloader.refresh()
    api.ask()
    assert store.asked == ["u1"] * 2, "it is of another snapshot"
    with closing(open_generations(settings_for(published_home))) as generations:
        generations.advance(EVERYBODY)
    api.ask()
    api.ask()
    assert store.asked == ["u1"] * 3, "users' rows were published again, of the same catalogue"


def test_nobody_is_remembered_without_consent(worker: Callable[..., Api], store: type[Store], published_home: Home) -> None:
    api = worker()
    bytes_before = figures(api, "placard_cache_bytes")["l1",]
    answers = [api.ask(consent=False), api.ask(user_id="")]
    for answer in answers:
        tell(api, answer, "impression")
        tell(api, answer, "click")
    assert store.asked == []
    assert figures(api, "placard_cache_bytes")["l1",] == bytes_before
    with closing(sqlite3.connect(published_home.state / "generations.db")) as database:
        assert database.execute("select count(*) from generations").fetchone() == (0,)


def test_with_consent_no_name_stands_in_what_is_kept(worker: Callable[..., Api], store: type[Store], published_home: Home) -> None:
    store.rows["somebody-by-name"] = store.rows["u1"]
    api = worker()
    tell(api, api.ask(user_id="somebody-by-name"), "click")
    with closing(sqlite3.connect(published_home.state / "generations.db")) as database:
        (owner,) = database.execute("select owner from generations").fetchone()
    assert owner and "somebody" not in owner


def test_an_unknown_user_is_remembered_shortly(worker: Callable[..., Api], store: type[Store]) -> None:
    api = worker()
    unknown = [f"{table.name}_unknown" for table in USER_TABLES]
    assert [api.ask(user_id="new")["flags"] for _ in range(2)] == [unknown, unknown]
    assert store.asked == ["new"]


def test_without_a_size_or_an_address_nothing_is_cached(worker: Callable[..., Api], store: type[Store]) -> None:
    api = worker(cache_l1_bytes=0)
    for _ in range(2):
        api.ask()
    assert store.asked == ["u1", "u1"]


@pytest.mark.redis
def test_workers_share_redis_and_a_region_is_asked_after_it(
    worker: Callable[..., Api], store: type[Store], request: pytest.FixtureRequest
) -> None:
    near = redis_url(request)
    far = near.removesuffix("/0") + "/1"
    one = worker(cache_l2_url=near, cache_regional_url=far)
    one.ask()
    one.worker.cache.writes.settle()
    other = worker(cache_l2_url=near, cache_regional_url=far)
    assert other.ask()["flags"] == [] and store.asked == ["u1"], "the other worker had it from Redis"
    with Redis.from_url(near) as client:
        client.flushdb()
    third = worker(cache_l2_url=near, cache_regional_url=far)
    assert third.ask()["flags"] == [] and store.asked == ["u1"], "and this one from the region's"
    third.worker.cache.writes.settle()
    with Redis.from_url(near) as client:
        keys = [key.decode() for key in client.scan_iter(match=f"{PREFIX}user:*")]
        assert keys and not any("u1" in key for key in keys), "the nearer one has it again, under no name"
    near_hits, far_hits = ([figures(api, "placard_cache_hits_total").get((level, "user"), 0) for api in (other, third)] for level in LEVELS)
    assert near_hits[0] >= 1 and far_hits == [0, 2], "`warm` and u1, once they were gone from the nearer one"
    tell(third, third.ask(), "click")
    store.rows["u1"] = NO_ROW
    assert {tuple(api.ask()["flags"]) for api in (one, other, third)} == {tuple(f"{t.name}_unknown" for t in USER_TABLES)}


@pytest.mark.redis
def test_a_cache_that_hangs_or_is_gone_is_named_and_costs_no_page_its_ads(
    worker: Callable[..., Api], store: type[Store], tmp_path: Path
) -> None:
    with redis_server(tmp_path, "--appendonly", "no") as (process, port):
        api = worker(cache_l1_bytes=0, cache_l2_url=f"redis://127.0.0.1:{port}/0", cache_deadline_ms=20)
        assert api.ask()["rung"] == "full"
        process.send_signal(signal.SIGSTOP)
        answers = [api.ask() for _ in range(30)]
        assert {(a["rung"], tuple(a["flags"])) for a in answers} == {("full", ())}
        state = api.client.get("/readyz").json()
        assert state["ready"] and set(state["broken"]) <= {"cache l2", "cache generations"} and "cache l2" in state["broken"]
        assert figures(api, "placard_store_broken")["cache l2",] == 1
        assert figures(api, "placard_cache_failures_total")["l2", "user"] >= 30
        process.send_signal(signal.SIGCONT)
        eventually(lambda: not api.worker.breakers["cache l2"].trouble or not api.ask())
    assert {api.ask()["rung"] for _ in range(10)} == {"full"}, "gone altogether"

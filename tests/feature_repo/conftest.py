"""Small random worlds of events, written as any log is, and a slow oracle in plain Python of what may be known of them at a moment."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.table import FeatureTable
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, GENDERS, SURFACES
from feature_repo.text import hash_codes, stem
from pipelines.features.inputs import inputs
from pipelines.warehouse.as_of import SCHEMAS, connect

Row = dict[str, Any]
TOPICS = CATEGORIES[:6]
KINDS = ("click", "click", "click", "conversion", "like", "share", "hide", "report", "comment", "video_25")
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=45)
"""Longer than the window, so that events leave it as well as lie ahead."""


@dataclass
class World:
    """Rows by table; each has ts (when it happened) and created_ts (when it became known)."""

    as_of: datetime
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def write(self, root: Path) -> Home:
        """As a log on disk: partitions by the day a row became known."""
        home = Home(root)
        for name, rows in self.tables.items():
            days: dict[date, list[Row]] = {}
            for row in rows:
                days.setdefault(row["created_ts"].date(), []).append(row)
            for day, some in days.items():
                write_partition(pa.Table.from_pylist(some, schema=SCHEMAS[name]), home.partition(name, day) / "test.parquet")
        return home

    def known(self, name: str, window: int | None = None, leak: bool = False) -> list[Row]:
        """What the oracle may look at; with `leak`, also what became known later."""
        first = (self.as_of - timedelta(microseconds=1)).date() - timedelta(days=(window or 10_000) - 1)
        return [r for r in self.tables[name] if r["created_ts"].date() >= first and (leak or r["created_ts"] < self.as_of)]

    def state(self, name: str, key: str, leak: bool = False) -> dict[str, Row]:
        """The newest row of each key."""
        rows = sorted(self.known(name, leak=leak), key=lambda r: r["created_ts"])
        return {r[key]: r for r in rows}


def make_world(seed: int, users: int = 25, ads: int = 25, events: int = 14) -> World:
    """Each user and each ad has a timeline of its own; some events lie on the boundary itself, to the microsecond."""
    rng = random.Random(seed)
    as_of = FIRST + timedelta(days=rng.randint(10, 40), seconds=rng.randint(0, 86_399))
    world = World(as_of, {"users": [], "creatives": [], "queries": [], "impressions": [], "engagements": [], "activity": []})

    def told() -> tuple[datetime, datetime]:
        ts = FIRST + timedelta(microseconds=rng.randrange(int(SPAN / timedelta(microseconds=1))))
        lag = rng.choice([timedelta(0), timedelta(seconds=3), timedelta(hours=rng.random() * 30), timedelta(days=rng.random() * 9)])
        created = ts + lag
        if rng.random() < 0.1:
            created = as_of + rng.choice([timedelta(microseconds=-1), timedelta(0), timedelta(microseconds=1)])
            ts = min(ts, created)
        return ts, created

    def rows(name: str, n: int, make: Callable[[], Row]) -> None:
        for _ in range(n):
            ts, created = told()
            row = {"ts": ts, "created_ts": created, "source": "test", **make()}
            world.tables[name].append({k: v for k, v in row.items() if k in SCHEMAS[name].names})

    user_ids, ad_ids = [f"u{i}" for i in range(users)], [f"c{i}" for i in range(ads)]
    place: dict[str, tuple[str, str, str]] = {}
    for i, ad in enumerate(ad_ids):
        place[ad] = (f"k{i % 9}", f"a{i % 9 // 2}", TOPICS[i % 9 // 2 % len(TOPICS)])
        for _ in range(rng.randint(1, 2)):  # an update keeps its place in the hierarchy
            _, created = told()
            created = FIRST + timedelta(days=1) if rng.random() < 0.7 else created
            campaign, advertiser, category = place[ad]
            world.tables["creatives"].append(
                {"creative_id": ad, "campaign_id": campaign, "advertiser_id": advertiser, "category": category, "created_ts": created}
            )
    for user in user_ids[: users - 3]:  # three are never registered
        for _ in range(rng.randint(0, 2)):
            rows("users", 1, lambda u=user: {  # type: ignore[misc]
                "user_id": u, "age_band": rng.choice(AGE_BANDS), "gender": rng.choice([*GENDERS, None]),
                "region": rng.choice(["north", "south", None]), "language": rng.choice(["en", "de"]),
            })  # fmt: skip

    newest = {(r["user_id"], r["created_ts"]): r for r in world.tables["users"]}
    world.tables["users"] = [*newest.values()]  # of two rows told at the same instant neither is the later

    texts = ["", "?!", *(f"{w} shoe{i % 60}{'s' * (i % 3 == 0)}" for i in range(users * 3) for w in ("Red", "running"))]
    for i in range(users * 8):
        rows("queries", 1, lambda i=i: {"query_id": f"q{i}", "user_id": rng.choice(user_ids), "text": rng.choice(texts)})  # type: ignore[misc]
        if rng.random() < 0.6:  # early enough that most of what was shown for it counts
            world.tables["queries"][-1] |= {"ts": as_of - timedelta(days=5), "created_ts": as_of - timedelta(days=5)}

    def shown() -> Row:
        return {
            "query_id": rng.choice([None, "gone", *(f"q{i}" for i in range(users * 8))]),
            "user_id": rng.choice(user_ids), "creative_id": rng.choice(ad_ids), "surface": rng.choice(SURFACES),
            "position": rng.randint(1, 3), "device": rng.choice(["mobile", "desktop"]),
        }  # fmt: skip

    items = [f"t{k}" for k in range(40)]
    for i in range(users * events):
        rows("impressions", 1, lambda i=i: {"impression_id": f"i{i}", **shown()})  # type: ignore[misc]
        rows("activity", 1, lambda i=i: {  # type: ignore[misc]
            "event_id": f"o{i}", "user_id": rng.choice(user_ids), "item_id": rng.choice([None, *items]),
            "action": rng.choice(["view", "view", "like", "share"]),
            "category": rng.choice(TOPICS), "dwell_ms": rng.choice([None, rng.randint(0, 60_000)]),
        })  # fmt: skip
    for i in range(users * events // 2):
        rows("engagements", 1, lambda i=i: {"event_id": f"e{i}", "kind": rng.choice(KINDS), **shown()})  # type: ignore[misc]
    return world


def built(home: Home, table: FeatureTable, as_of: datetime) -> dict[str, Row]:
    """What the table's expression says, by entity."""
    assert table.build is not None
    con = connect()
    try:
        rows = table.build(inputs(con, home, table, as_of), as_of).to_pyarrow().to_pylist()
    finally:
        con.disconnect()
    return {r.pop(table.entity): r for r in rows}


def _whole(moment: datetime) -> int:
    return math.floor(moment.timestamp())


def _rate(won: int, n: int, all_won: int, all_n: int, prior: float) -> float:
    return min((won + prior * min((all_won + 1) / (all_n + 100), 1)) / (n + prior), 1)


def _slots(shown: list[Row], clicks: list[Row]) -> dict[tuple[str, int], float]:
    """Expected clicks of an impression by surface and position."""
    n: dict[tuple[str, int], int] = {}
    won: dict[tuple[str, int], int] = {}
    for rows, into in ((shown, n), (clicks, won)):
        for r in rows:
            slot = (r["surface"], r["position"])
            into[slot] = into.get(slot, 0) + 1
    return {slot: (won.get(slot, 0) + 1) / (k + 100) for slot, k in n.items()}


def _coec(clicks: int, expected: float, lean: float) -> float:
    return min((clicks + 4 * lean) / (expected + 4), 20) if expected > 0 else lean


def expect_user_profile(world: World, leak: bool = False) -> dict[str, Row]:
    """Every feature of every user, from the definitions in words."""
    now = _whole(world.as_of)
    act, shown, did = (world.known(n, 30, leak) for n in ("activity", "impressions", "engagements"))
    users = world.state("users", "user_id", leak)
    expected = _slots(shown, [e for e in did if e["kind"] == "click"])

    def weight(r: Row) -> float:
        age = max(now - _whole(r["ts"]), 0) / 86_400
        return round((1 if r["action"] == "view" else 2) * math.exp(-0.693147 / 14 * age) * 1e6) / 1e6

    total = sum(map(weight, act))
    share = [(sum(weight(r) for r in act if r["category"] == c) + 1) / (total + len(CATEGORIES)) for c in CATEGORIES]

    def mix(mine: list[Row], mass: float, is_part: Callable[[Row], bool], prior: float, strength: float) -> float:
        return (sum(weight(r) for r in mine if is_part(r)) + strength * prior) / (mass + strength)

    def count(rows: list[Row], kind: str) -> int:
        return sum(r["kind"] == kind for r in rows)

    def since(moments: list[datetime]) -> float:
        return min(max(now - _whole(max(moments)), 0) / 86_400, 30) if moments else 30

    out = {}
    for user in {*users, *(r["user_id"] for rows in (act, shown, did) for r in rows)}:
        a, s, e = ([r for r in rows if r["user_id"] == user] for rows in (act, shown, did))
        mass = sum(map(weight, a))
        row = users.get(user, {})
        dwell = [r["dwell_ms"] for r in a if r["dwell_ms"] is not None]

        def rate(kind: str, e: list[Row] = e, s: list[Row] = s) -> float:
            return _rate(count(e, kind), len(s), count(did, kind), len(shown), 100)

        out[user] = {
            "interests": [mix(a, mass, lambda r, c=c: r["category"] == c, share[i], 8) for i, c in enumerate(CATEGORIES)],  # type: ignore[misc]
            "hour_rhythm": [mix(a, mass, lambda r, h=h: r["ts"].hour == h, 1 / 24, 12) for h in range(24)],  # type: ignore[misc]
            "weekday_rhythm": [mix(a, mass, lambda r, d=d: r["ts"].weekday() == d, 1 / 7, 7) for d in range(7)],  # type: ignore[misc]
            "user_ctr_30d": rate("click"),
            "user_coec_30d": _coec(count(e, "click"), sum(expected[r["surface"], r["position"]] for r in s), 1),
            "user_like_rate_30d": rate("like"),
            "user_share_rate_30d": rate("share"),
            "user_hide_rate_30d": rate("hide") + rate("report"),
            "user_cvr_30d": _rate(count(e, "conversion"), count(e, "click"), count(did, "conversion"), count(did, "click"), 20),
            "user_impressions_30d": len(s),
            "user_clicks_30d": count(e, "click"),
            "user_actions_30d": len(a),
            "user_active_days_30d": min(len({r["ts"].date() for r in a}), 31),
            "user_dwell_seconds": sum(dwell) / len(dwell) / 1000 if dwell else 0,
            "days_since_action": since([r["ts"] for r in (*a, *s, *e)]),
            "days_since_click": since([r["ts"] for r in e if r["kind"] == "click"]),
            "mobile_share_30d": (sum(r["device"] == "mobile" for r in s) + 1) / (len(s) + 2),
            "user_age_code": AGE_BANDS.index(row.get("age_band") or "unknown"),
            "user_gender_code": GENDERS.index(row.get("gender") or "unknown"),
            "user_region": row.get("region") or "",
            "user_language": row.get("language") or "",
            "user_tenure_days": (now - _whole(row["created_ts"])) / 86_400 if row else 0,
        }
    return out


def expect_ad_performance(world: World, leak: bool = False) -> dict[str, Row]:
    """Every feature of every ad, from the definitions in words."""
    now = _whole(world.as_of)
    ads = world.state("creatives", "creative_id", leak)
    shown, did = (world.known(n, 30, leak) for n in ("impressions", "engagements"))
    clicks = [e for e in did if e["kind"] == "click"]
    slots = _slots(shown, clicks)

    def within(rows: list[Row], days: int) -> list[Row]:
        return [r for r in rows if (now - _whole(r["ts"])) / 86_400 <= days]

    def of_known(rows: list[Row]) -> list[Row]:
        return [r for r in rows if r["creative_id"] in ads]

    def ctr(ad: str, s: list[Row], c: list[Row]) -> float:
        s, c = of_known(s), of_known(c)
        return _rate(sum(r["creative_id"] == ad for r in c), sum(r["creative_id"] == ad for r in s), len(c), len(s), 200)

    conversions = of_known([e for e in did if e["kind"] == "conversion"])
    hides = [e for e in did if e["kind"] in ("hide", "report")]
    recent = of_known(within(clicks, 30))
    out = {}
    for ad, row in ads.items():
        values: Row = {}
        for s in SURFACES:
            values[f"ctr_{s}_30d"] = ctr(ad, [r for r in shown if r["surface"] == s], [r for r in clicks if r["surface"] == s])
        for w in (1, 7, 30):
            values[f"ctr_{w}d"] = ctr(ad, within(shown, w), within(clicks, w))
        coec, cvr = 1.0, (len(conversions) + 1) / (len(recent) + 100)
        for level, name in (
            ("category", "category"), ("advertiser_id", "advertiser"), ("campaign_id", "campaign"), ("creative_id", "creative"),
        ):  # fmt: skip
            peers = {a for a, r in ads.items() if r[level] == row[level]}
            c = sum(r["creative_id"] in peers for r in recent)
            v = sum(r["creative_id"] in peers for r in conversions)
            coec = _coec(c, sum(slots[r["surface"], r["position"]] for r in shown if r["creative_id"] in peers), coec)
            cvr = (v + 30 * cvr) / (c + 30)
            values[f"{name}_coec_30d"], values[f"{name}_cvr_30d"] = coec, min(cvr, 1)
        values["ad_hide_rate_30d"] = ctr(ad, within(shown, 30), hides)
        values["ad_impressions_30d"] = sum(r["creative_id"] == ad for r in within(shown, 30))
        values["ad_clicks_30d"] = sum(r["creative_id"] == ad for r in within(clicks, 30))
        out[ad] = values
    return out


def expect_user_actions(world: World, leak: bool = False) -> dict[str, Row]:
    """The sixteen latest actions of every user, from the definition in words."""
    now, ads = _whole(world.as_of), world.state("creatives", "creative_id", leak)
    act, did = (world.known(n, 30, leak) for n in ("activity", "engagements"))
    kinds = ("none", "view", "like", "share", "comment", "click")
    done = [(r, r.get("item_id"), r["category"], r["action"]) for r in act]
    done += [(r, r["creative_id"], ads.get(r["creative_id"], {}).get("category"), "click") for r in did if r["kind"] == "click"]
    out = {}
    for user in {r["user_id"] for r, *_ in done}:
        mine = sorted((d for d in done if d[0]["user_id"] == user), key=lambda d: d[0]["event_id"])
        mine = sorted(mine, key=lambda d: d[0]["ts"], reverse=True)[:16]
        empty = [0.0] * (16 - len(mine))
        out[user] = {
            "action_codes": [float(hash_codes([thing])[0]) for _, thing, _, _ in mine] + empty,
            "action_categories": [float(CATEGORIES.index(c)) if c in CATEGORIES else 0.0 for _, _, c, _ in mine] + empty,
            "action_kinds": [float(kinds.index(k)) for *_, k in mine] + empty,
            "action_ages": [min(max(now - _whole(r["ts"]), 0) / 86_400, 31) for r, *_ in mine] + empty,
        }
    return out


def expect_query_performance(world: World, leak: bool = False) -> dict[str, Row]:
    """Every feature of every query that an ad was shown for, from the definitions in words."""
    shown, did, queries = (world.known(n, 30, leak) for n in ("impressions", "engagements", "queries"))
    clicks = [e for e in did if e["kind"] == "click"]
    slots = _slots(shown, clicks)
    about = {c: r["category"] for c, r in world.state("creatives", "creative_id", leak).items()}
    keys = {q["query_id"]: " ".join(stem(w) for w in re.findall(r"[a-z0-9]+", q["text"].lower())) for q in queries}
    out = {}
    for key in {keys[r["query_id"]] for r in shown if r["query_id"] in keys} - {""}:
        s, c = ([r for r in rows if keys.get(r["query_id"]) == key] for rows in (shown, clicks))
        earned = [(about.get(r["creative_id"]), slots[r["surface"], r["position"]]) for r in s]
        won = [about.get(r["creative_id"]) for r in c]
        over = min((len(c) + 2) / (sum(e for _, e in earned) + 2), 20)
        by_category = [min((won.count(k) + 2 * over) / (sum(e for a, e in earned if a == k) + 2), 20) for k in CATEGORIES]
        by_category = [rate if any(a == k for a, _ in earned) else over for k, rate in zip(CATEGORIES, by_category, strict=True)]
        out[key] = {"query_coec_30d": over, "query_impressions_30d": len(s), "query_category_coec_30d": by_category}
    return out


def differing(found: dict[str, Row], expected: dict[str, Row]) -> list[str]:
    """Every value that is not as expected, to five digits; entities that only one side knows count as one."""
    wrong = [f"{entity} is known to one side only" for entity in found.keys() ^ expected.keys()]
    for entity in found.keys() & expected.keys():
        assert found[entity].keys() == expected[entity].keys()
        for name, value in expected[entity].items():
            got = found[entity][name]
            pairs = zip(got, value, strict=True) if isinstance(value, list) else [(got, value)]
            for one, other in pairs:
                same = one == other if isinstance(other, str) else math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-7)
                if not same:
                    wrong.append(f"{entity}.{name}: {one}, expected {other}")
                    break
    return wrong


@dataclass(frozen=True)
class Timelines:
    """The kit of the leakage tests."""

    make: Callable[..., World] = make_world
    built: Callable[[Home, FeatureTable, datetime], dict[str, Row]] = built
    differing: Callable[[dict[str, Row], dict[str, Row]], list[str]] = differing
    oracles: tuple[tuple[str, Callable[..., dict[str, Row]]], ...] = (
        ("user_profile", expect_user_profile),
        ("user_actions", expect_user_actions),
        ("ad_performance", expect_ad_performance),
        ("query_performance", expect_query_performance),
    )


@pytest.fixture(scope="session")
def timelines() -> Timelines:
    return Timelines()

"""Open Bandit: fashion recommendations with their true propensities (Saito et al., 2021, "Open Bandit Dataset and Pipeline").

    DIR/<policy>/<campaign>/<campaign>.csv      policy: random, bts; campaign: all, men, women; whichever are there
    DIR/<policy>/<campaign>/item_context.csv    the campaign's items

Row: index, timestamp (UTC), item_id, position (1 to 3), click, propensity_score, user_feature_0..3 (hashed), and one
user-item_affinity_<i> per item.

impression     one a row, with a decision of its own: the log does not say which rows were one slate
propensity     P(item at that position) under the logging policy, as logged; explored where the policy is `random`
user_id        `ob-<hash of the four user features>`: users who share them cannot be told apart
creative_id    `ob-<campaign>-<item_id>`; campaign_id `ob-<campaign>`; the advertiser is the shop
surface        proactive: recommended unasked; placement_id `ob-<campaign>`
affinities     the non-zero user-item affinities, one row each in `events/affinities`, by impression and creative

The time of a click is not logged: it is the impression's. A row is itself by policy, campaign, time, item, position, user and
its ordinal among rows equal in these, clicked ones first. Items are known from the log's first day on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.events import TIME
from pipelines.ingest import neutral
from pipelines.ingest.event_rows import event_rows
from pipelines.ingest.fields import Checks
from pipelines.ingest.format import ROW, TS, IngestError, LogFile, Mapped, Parsed
from pipelines.ingest.ordinals import ordinals

SOURCE: Final = "open-bandit"
POLICIES: Final = ("random", "bts")
CAMPAIGNS: Final = ("all", "men", "women")
ITEM_FILE: Final = "item_context.csv"
ITEM_COLUMNS: Final = ("item_id", "item_feature_0", "item_feature_1", "item_feature_2", "item_feature_3")
ROW_COLUMNS: Final = ("timestamp", "item_id", "position", "click", "propensity_score")
USER_COLUMNS: Final = tuple(f"user_feature_{i}" for i in range(4))
AFFINITY: Final = "user-item_affinity_"
POSITIONS: Final = ("1", "2", "3")
KNOWN_FROM: Final = datetime(2019, 11, 24, tzinfo=UTC)
"""The first day of the published log."""
SHOP: Final = "ob-shop"
OBJECTIVE: Final = "cpc"


def _words(*parts: pa.Array | str, by: str = "") -> pa.Array:
    return pc.binary_join_element_wise(*parts, by)


class OpenBandit:
    """`placard ingest open-bandit DIR`."""

    name = SOURCE

    def files(self, path: Path) -> list[LogFile]:
        found = []
        for part in [f"{p}/{c}" for p in POLICIES for c in CAMPAIGNS]:
            log, items = path / part / f"{part.split('/')[1]}.csv", path / part / ITEM_FILE
            if log.is_file():
                if not items.is_file():
                    raise IngestError("open-bandit items", str(items), f"{log} needs its {ITEM_FILE} beside it.")
                found.append(LogFile(items, f"{part}/{items.name}", part, "catalogue"))
                found.append(LogFile(log, f"{part}/{log.name}", part))
        if not found:
            raise IngestError("open-bandit log", str(path), "Name the folder that holds random/ or bts/ with <campaign>/<campaign>.csv.")
        return sorted(found, key=lambda f: f.role)

    def columns(self, file: LogFile, header: Sequence[str]) -> tuple[str, ...]:
        if file.role == "catalogue":
            return ITEM_COLUMNS
        items = sum(name.startswith(AFFINITY) for name in header)
        if items == 0:
            raise IngestError("header", ",".join(header)[:200], f"{file.name} has no column {AFFINITY}0; one per item is needed.")
        return (*ROW_COLUMNS, *USER_COLUMNS, *(f"{AFFINITY}{i}" for i in range(items)))

    def parse(self, file: LogFile, cells: pa.Table) -> Parsed:
        checks = Checks(cells)
        item = checks.identity("item_id")
        if file.role == "catalogue":
            checks.demand(checks.matches("item_feature_0", r"[-+.\deE]+"), "item_feature_0", "is not a number")
            features = {name: checks.words(name) for name in ITEM_COLUMNS[1:]}
            return Parsed(pa.table({"item_id": item} | features), checks.reasons)
        items = sum(name.startswith(AFFINITY) for name in cells.column_names)
        known = pc.is_in(item, value_set=pa.array([str(i) for i in range(items)])).to_numpy()
        checks.demand(known, "item_id", f"is not one of the {items} items")
        ts = checks.time("timestamp")
        position = checks.choice("position", *POSITIONS)
        click = checks.choice("click", "0", "1")
        propensity = checks.number("propensity_score", np.nextafter(0, 1), 1.0, "is not a probability above 0")
        for name in USER_COLUMNS:
            checks.demand(pc.not_equal(checks.words(name), "").to_numpy(), name, "is empty")
        affinities = {
            f"{AFFINITY}{i}": checks.number(f"{AFFINITY}{i}", 0, float(np.finfo(np.float32).max), "is not a number of at least 0")
            for i in range(items)
        }
        user = pa.array([_user(*features) for features in zip(*(checks.text(c).to_pylist() for c in USER_COLUMNS), strict=True)])
        rows = {TS: ts, "item_id": item, "position": position, "click": click, "propensity": propensity, "user_id": user}
        return Parsed(pa.table(rows | affinities), checks.reasons)

    def map(self, file: LogFile, rows: pa.Table) -> Mapped:
        policy, campaign = file.part.split("/")
        return _catalogue(campaign, rows) if file.role == "catalogue" else _events(policy, campaign, rows)


def _user(*features: str) -> str:
    return "ob-" + hashlib.blake2b("|".join(features).encode(), digest_size=8).hexdigest()


def _events(policy: str, campaign: str, rows: pa.Table) -> Mapped:
    """Decisions, impressions, clicks, affinities and users of one day of one campaign under one policy."""
    ts, item, user = (rows[c].combine_chunks() for c in (TS, "item_id", "user_id"))
    position = rows["position"].combine_chunks()
    instant = pc.cast(pc.cast(ts, pa.int64()), pa.string())
    content = _words(f"ob-{policy}-{campaign}", instant, item, position, pc.utf8_slice_codeunits(user, 3, 11), by="-")
    affinity_names = [n for n in rows.column_names if n.startswith(AFFINITY)]
    clicked_first = pc.not_equal(rows["click"], "1").to_numpy()
    told = [
        clicked_first,
        rows["propensity"].to_numpy(),
        *(rows[n].to_numpy() for n in affinity_names),
        user.to_numpy(zero_copy_only=False),
    ]
    impression = _words(content, ordinals(content, told), by="-")
    everyone = np.arange(len(rows))
    known: dict[str, object] = {"ts": ts, "created_ts": ts, "source": SOURCE}
    asked = {**known, "user_id": user, "surface": neutral.SURFACE, "placement_id": f"ob-{campaign}"}
    decision = _words(impression, "-decision")
    decisions = event_rows("decisions", everyone, decision_id=decision, policy=policy, candidates=len(affinity_names), shown=1, **asked)
    ad = {"creative_id": _words(f"ob-{campaign}-", item), "campaign_id": f"ob-{campaign}", "advertiser_id": SHOP}
    impressions = event_rows(
        "impressions", everyone, impression_id=impression, decision_id=decision, position=position,
        propensity=rows["propensity"], explored=policy == "random", **asked, **ad,
    )  # fmt: skip
    hit = pc.equal(rows["click"], "1").combine_chunks()
    of_hit = {k: v.filter(hit) if isinstance(v, pa.Array) else v for k, v in (asked | ad).items()}
    clicks = event_rows(
        "engagements", everyone[hit.to_numpy(zero_copy_only=False)], event_id=_words(impression.filter(hit), "-click"),
        kind="click", impression_id=impression.filter(hit), cause_id=impression.filter(hit), position=position.filter(hit),
        **of_hit,
    )  # fmt: skip
    dense = np.stack([rows[n].to_numpy() for n in affinity_names], axis=1)
    at, other = np.nonzero(dense)
    take = pa.array(at, pa.int64())
    affinities = event_rows(
        "affinities", at, impression_id=impression.take(take), user_id=user.take(take), ts=ts.take(take),
        created_ts=ts.take(take), source=SOURCE, affinity=dense[at, other],
        creative_id=pa.array([f"ob-{campaign}-{i}" for i in other], pa.string()),
    )  # fmt: skip
    users = event_rows("users", everyone, user_id=user, **known)
    events = {"decisions": decisions, "impressions": impressions, "engagements": clicks, "affinities": affinities}
    return Mapped(events, {"users": users}, numbered=True)


def _catalogue(campaign: str, rows: pa.Table) -> Mapped:
    """The items as creatives; their four hashed features, as logged, stand in the description."""
    item = rows["item_id"].combine_chunks()
    n = len(item)
    created, one = pa.array([KNOWN_FROM] * n, TIME), pa.array([KNOWN_FROM], TIME)
    ids, groups = _words(f"ob-{campaign}-", item), pa.array([f"ob-{campaign}"] * n)
    label, campaign_id, shop = pa.array([f"ob-{campaign}"]), pa.array([f"ob-{campaign}"]), pa.array([SHOP])
    text = [" ".join(features) for features in zip(*(rows[c].to_pylist() for c in ITEM_COLUMNS[1:]), strict=True)]
    creatives = neutral.creatives(
        ids, groups, groups, pa.array([SHOP] * n, pa.string()), created, SOURCE,
        [f"{campaign.capitalize()} item {i}" for i in item.to_pylist()], text,
    )  # fmt: skip
    return Mapped(
        seen={
            "creatives": creatives.append_column(ROW, pa.array(np.arange(n))),
            "ad_groups": neutral.ad_groups(label, campaign_id, one, SOURCE, OBJECTIVE),
            "campaigns": neutral.campaigns(campaign_id, shop, one, SOURCE, OBJECTIVE),
            "advertisers": neutral.advertisers(shop, one, SOURCE, ["Fashion shop"]),
            "placements": neutral.placements([f"ob-{campaign}"], KNOWN_FROM, SOURCE),
        }
    )

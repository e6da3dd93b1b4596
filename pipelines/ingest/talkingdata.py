"""TalkingData: mobile ad clicks and the installs they led to (the AdTracking Fraud Detection log).

`ip,app,device,os,channel,click_time,attributed_time,is_attributed`, times in UTC, hours not always zero-padded.

user_id        `<ip>:<device>`, the nearest thing to a person
advertiser_id  `td-app-<app>`                   creative_id  `td-app-<app>-channel-<channel>`
campaign_id    `td-channel-<channel>`: a channel publishes many apps, so its catalogue row belongs to the house advertiser
               `td-channels`; the creative names the app as its advertiser
device, os     the log's own codes

A click is an engagement without an impression. An install is a conversion whose cause is the click; it becomes known at
attributed_time. A row is itself by its click columns and its ordinal among rows with the same ones, the earliest install first: equal
rows are genuine at minute resolution, and a longer copy of the log adds only what is new. Installs are what this log pays for: campaigns
are CPA.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.events import TIME
from pipelines.ingest import neutral
from pipelines.ingest.event_rows import event_rows
from pipelines.ingest.fields import Checks
from pipelines.ingest.format import TS, IngestError, LogFile, Mapped, Parsed
from pipelines.ingest.ordinals import ordinals

SOURCE: Final = "talkingdata"
CLICK_COLUMNS: Final = ("ip", "app", "device", "os", "channel")
COLUMNS: Final = (*CLICK_COLUMNS, "click_time", "attributed_time", "is_attributed")
HOUSE: Final = "td-channels"
OBJECTIVE: Final = "cpa"


def _joined(*parts: pa.Array | str, by: str = "") -> pa.Array:
    return pc.binary_join_element_wise(*parts, by)


def _moment(ts: pa.Array) -> pa.Array:
    """The second, and the microsecond where it is not 0: published copies of the log know minutes or seconds."""
    second = pc.floor_temporal(ts, unit="second")
    rest = pc.microsecond(ts).cast(pa.int64()).to_numpy() + 1000 * pc.millisecond(ts).to_numpy()
    fraction = pa.array(np.where(rest > 0, np.char.add(".", np.char.zfill(rest.astype(str), 6)), ""), pa.string())
    return _joined(pc.strftime(second.cast(pa.timestamp("s", tz="UTC")), format="%Y%m%dT%H%M%S"), fraction)


class TalkingData:
    """`placard ingest talkingdata FILE`."""

    name = SOURCE

    def files(self, path: Path) -> list[LogFile]:
        if not path.is_file():
            raise IngestError("talkingdata log", str(path), "Name the CSV file with the columns " + ",".join(COLUMNS) + ".")
        return [LogFile(path, path.name)]

    def columns(self, file: LogFile, header: Sequence[str]) -> tuple[str, ...]:
        return COLUMNS

    def parse(self, file: LogFile, cells: pa.Table) -> Parsed:
        checks = Checks(cells)
        ids = {name: checks.identity(name) for name in CLICK_COLUMNS}
        attributed = checks.choice("is_attributed", "0", "1")
        clicked = checks.time("click_time")
        installed = checks.time("attributed_time", required=False)
        has_time = installed.is_valid().to_numpy(zero_copy_only=False)
        says_so = pc.equal(attributed, "1").to_numpy()
        checks.demand(has_time == says_so, "attributed_time", "does not agree with is_attributed")
        before = pc.less(installed, clicked).fill_null(False).to_numpy(zero_copy_only=False)
        checks.demand(~before, "attributed_time", "is before click_time")
        return Parsed(pa.table(ids | {TS: clicked, "installed": installed}), checks.reasons)

    def map(self, file: LogFile, rows: pa.Table) -> Mapped:
        ip, app, device, os, channel = (rows[c].combine_chunks() for c in CLICK_COLUMNS)
        ts, installed = rows[TS].combine_chunks(), rows["installed"].combine_chunks()
        content = _joined("td", ip, app, device, os, channel, _moment(ts), by="-")
        never = np.iinfo(np.int64).max  # the earliest install comes first: a click that leads to one later keeps its number
        outcome = pc.fill_null(installed.cast(pa.int64()), never).to_numpy()
        click_id = _joined(content, ordinals(content, [outcome]), by="-")
        shared = {
            "user_id": _joined(ip, device, by=":"),
            "creative_id": _joined("td-app-", app, "-channel-", channel),
            "campaign_id": _joined("td-channel-", channel),
            "advertiser_id": _joined("td-app-", app),
            "device": device,
            "os": os,
        }
        everyone = np.arange(len(rows))
        clicks = event_rows("engagements", everyone, event_id=click_id, kind="click", ts=ts, created_ts=ts, source=SOURCE, **shared)
        converted = installed.is_valid()
        installs = event_rows(
            "engagements", everyone[converted.to_numpy(zero_copy_only=False)],
            event_id=_joined(click_id.filter(converted), "-install"), kind="conversion", cause_id=click_id.filter(converted),
            ts=installed.filter(converted), created_ts=installed.filter(converted), source=SOURCE,
            **{name: column.filter(converted) for name, column in shared.items()},
        )  # fmt: skip
        users = event_rows("users", everyone, user_id=shared["user_id"], ts=ts, created_ts=ts, source=SOURCE, device=device, os=os)
        return Mapped({"engagements": pa.concat_tables([clicks, installs])}, {"users": users, **_catalogue(rows, shared)}, numbered=True)


def _catalogue(rows: pa.Table, shared: dict[str, pa.Array]) -> dict[str, pa.Table]:
    """The ads that a day's clicks imply, known from the first click on each."""
    frame = pd.DataFrame({"app": rows["app"].to_pandas(), "channel": rows["channel"].to_pandas(), TS: rows[TS].to_pandas()})
    first = frame.sort_values(TS, kind="stable")

    def times(column: pd.Series) -> pa.Array:
        return pa.array(column, TIME)

    def words(values: Sequence[str]) -> pa.Array:
        return pa.array(values, pa.string())

    apps, channels, ads = (first.drop_duplicates(keys) for keys in (["app"], ["channel"], ["app", "channel"]))
    start = first[TS].iloc[:1]
    ad_ids = words([f"td-app-{a}-channel-{c}" for a, c in zip(ads["app"], ads["channel"], strict=True)])
    of_channel = words([f"td-channel-{c}" for c in ads["channel"]])
    house = neutral.advertisers(words([HOUSE]), times(start), SOURCE, ["TalkingData channels"])
    named = neutral.advertisers(words([f"td-app-{a}" for a in apps["app"]]), times(apps[TS]), SOURCE, [f"App {a}" for a in apps["app"]])
    return {
        "advertisers": pa.concat_tables([house, named]),
        "campaigns": neutral.campaigns(
            words([f"td-channel-{c}" for c in channels["channel"]]), words([HOUSE] * len(channels)), times(channels[TS]),
            SOURCE, OBJECTIVE,
        ),
        "ad_groups": neutral.ad_groups(ad_ids, of_channel, times(ads[TS]), SOURCE, OBJECTIVE),
        "creatives": neutral.creatives(
            ad_ids, ad_ids, of_channel, words([f"td-app-{a}" for a in ads["app"]]), times(ads[TS]), SOURCE,
            [f"Get app {a}" for a in ads["app"]], [f"As shown on channel {c}" for c in ads["channel"]],
        ),
        "placements": neutral.placements([f"{SOURCE}-proactive"], start.iloc[0].to_pydatetime(), SOURCE),
    }  # fmt: skip

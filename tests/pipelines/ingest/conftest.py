from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_repo.home import Home
from pipelines.ingest.table.mapped_table import MappedTable
from pipelines.ingest.table.mapping import mapping_of

TALKINGDATA = """ip,app,device,os,channel,click_time,attributed_time,is_attributed
1,3,1,13,379,2017-11-07 9:30,,0
1,3,1,13,379,2017-11-07 9:30,,0
2,3,1,19,379,2017-11-07 9:31,2017-11-08 0:02,1
3,12,2,13,265,2017-11-07 23:59,,0
4,12,1,17,265,2017-11-08 00:00,,0
"""


def open_bandit(folder: Path, policy: str = "random", campaign: str = "men") -> Path:
    """Three items, four impressions, one click, two non-zero affinities."""
    part = folder / policy / campaign
    part.mkdir(parents=True)
    (part / "item_context.csv").write_text(
        ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n"
        + "".join(f"{i},{i},{-0.5 + i},a{i},b{i},c{i}\n" for i in range(3))
    )
    affinities = ",".join(f"user-item_affinity_{i}" for i in range(3))
    rows = [
        "0,2019-11-24 00:03:13.442536+00:00,0,3,0,0.3333333333333333,w,x,y,z,0.0,0.0,0.0",
        "1,2019-11-24 00:03:36.705207+00:00,1,1,1,0.3333333333333333,w,x,y,z,0.0,2.0,0.0",
        "2,2019-11-24 23:59:59.999999+00:00,2,2,0,0.3333333333333333,w,x,y,q,0.0,0.0,1.0",
        "3,2019-11-25 00:00:00+00:00,2,1,0,0.3333333333333333,w,x,y,q,0.0,0.0,0.0",
    ]
    (part / f"{campaign}.csv").write_text(
        ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,user_feature_3,"
        + affinities
        + "\n"
        + "\n".join(rows)
        + "\n"
    )
    return folder


def _talkingdata(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "clicks.csv"
    path.write_text(TALKINGDATA)
    return path


def _landing_pages(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pages.tsv"
    path.write_text(
        "landing_url\tfetched_at\ttitle\ttext\n"
        "https://shop.example/shoes\t2026-01-05 10:00\tRunning shoes\tLight shoes, for road and trail.\n"
        "https://shop.example/hoses\t2026-01-05 10:01\tGarden hoses\t\n"
        "https://shop.example/shoes\t2026-01-07 09:00\tRunning shoes\tAll shoes are half price.\n"
    )
    return path


SAMPLES: dict[str, Callable[[Path], Path]] = {"talkingdata": _talkingdata, "open-bandit": open_bandit, "landing-pages": _landing_pages}
"""A small well-formed log of each format, made in a folder; a new format adds its own here."""
SHOP = MappedTable(
    mapping_of(
        {
            "as": "impressions",
            "source": "shop",
            "columns": {"ts": "at", "user": "who", "item": "sku", "position": "slot", "clicked": "hit", "converted_at": "bought"},
        },
        "of tests",
    )
)
"""A table that a mapping reads keeps what every format keeps."""


def _shop(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.csv"
    path.write_text(
        "at,who,sku,slot,hit,bought\n"
        "2026-01-05T10:00Z,ana,s1,1,yes,2026-01-06T09:00+02:00\n"
        "2026-01-05T10:00Z,ana,s1,1,yes,\n"
        "2026-01-05T10:00Z,ana,s2,2,no,\n"
        "2026-01-05T23:59:59.999Z,bob,s2,1,no,\n"
        "2026-01-06T00:00Z,b-7:x,s3,1,,\n"
    )
    return path


SAMPLES["shop"] = _shop


def digests(home: Home, *folders: str) -> dict[str, str]:
    """sha256 of every file below some folders of the state folder."""
    return {
        str(p.relative_to(home.root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for folder in folders or ("events", "catalog", "quarantine", "raw")
        for p in sorted((home.root / folder).rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="session")
def samples() -> dict[str, Callable[[Path], Path]]:
    return SAMPLES


@pytest.fixture
def content(home: Home) -> Callable[..., dict[str, str]]:
    """content() gives the digests of everything that an ingest writes."""
    return lambda *folders: digests(home, *folders)

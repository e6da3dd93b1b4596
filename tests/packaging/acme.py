"""A distribution of somebody else's, written into a folder as an installer would leave it."""

from __future__ import annotations

from pathlib import Path

NAME = "acme-ads 1.0"
MODULE = '''
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipelines.ingest.fields import Checks
from pipelines.ingest.format import ROW, TS, IngestError, LogFile, Mapped, Parsed
from pipelines.rankers.logistic import Logistic
from serving.engine.candidates import Candidates

RANKER = replace(Logistic(), name="acme_line", penalty=30.0)


class Pages:
    """`placard ingest acme-pages FILE`: url,read,words."""

    name = "acme-pages"

    def files(self, path):
        if not path.is_file():
            raise IngestError("acme pages", str(path), "Name the CSV file with the columns url,read,words.")
        return [LogFile(path, path.name)]

    def columns(self, file, header):
        return ("url", "read", "words")

    def parse(self, file, cells):
        checks = Checks(cells)
        checks.demand(checks.matches("url", "https?://.+"), "url", "is not an address")
        return Parsed(pa.table({TS: checks.time("read"), "url": cells["url"], "words": cells["words"]}), checks.reasons)

    def map(self, file, rows):
        n = len(rows)
        return Mapped({"landing_pages": pa.table({
            "landing_url": rows["url"], "created_ts": rows[TS], "source": pa.array([self.name] * n, pa.string()),
            "title": pa.array([""] * n, pa.string()), "text": rows["words"], ROW: pa.array(np.arange(n), pa.int64()),
        })})


PAGES = Pages()


class EvenCampaigns:
    """Keeps ads of campaigns whose row is even."""

    def __init__(self, settings):
        self.odd = settings.seed % 2 * 0

    def admit(self, request, context, candidates):
        return candidates.campaigns % 2 == self.odd


class FirstAds:
    """Names the first ads of the catalogue."""

    def __init__(self, settings):
        self.most = 10

    def source(self, request, context, live, found):
        return Candidates(live.snapshot, np.arange(min(self.most, len(live.snapshot))))


class Policy(EvenCampaigns):
    """Counts its drops under the name of a built-in rule."""


def failing(settings):
    raise RuntimeError("the licence server is down")


class Verbless:
    def __init__(self, settings):
        pass
'''
ENTRY_POINTS = """
[placard.rankers]
acme_line = acme_ads:RANKER

[placard.log_formats]
acme-pages = acme_ads:PAGES

[placard.rules]
even = acme_ads:EvenCampaigns
policy = acme_ads:Policy
failing = acme_ads:failing
absent = acme_ads_that_nobody_has:Rule
verbless = acme_ads:Verbless

[placard.sources]
first = acme_ads:FirstAds
"""


def install(folder: Path, entry_points: str = ENTRY_POINTS, name: str = NAME) -> Path:
    """Writes the distribution; `folder`, on the path, is then an installation that has it."""
    distribution, version = name.split()
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)
    (folder / "acme_ads.py").write_text(MODULE)
    return folder

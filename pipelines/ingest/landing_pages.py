"""Landing pages as a crawler read them: what an ad's page says, for its part of the quality score.

`landing_url<TAB>fetched_at<TAB>title<TAB>text`, times in UTC; the text is the page's own words, without markup, tabs and line ends.
landing_url is a creative's, letter for letter. The latest reading of a page counts, from the day it was fetched on.
An empty text is a page that was read and said nothing: it counts as neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.ingest.fields import Checks
from pipelines.ingest.format import ROW, TS, IngestError, LogFile, Mapped, Parsed

SOURCE: Final = "landing-pages"
COLUMNS: Final = ("landing_url", "fetched_at", "title", "text")
LONGEST_ADDRESS: Final = 2_048
LONGEST_PAGE: Final = 200_000
"""Characters of a page's words."""


class LandingPages:
    """`placard ingest landing-pages FILE`."""

    name = SOURCE

    def files(self, path: Path) -> list[LogFile]:
        if not path.is_file():
            raise IngestError("landing pages", str(path), f"Name the tab-separated file with the columns {', '.join(COLUMNS)}.")
        return [LogFile(path, path.name, separator="\t")]

    def columns(self, file: LogFile, header: Sequence[str]) -> tuple[str, ...]:
        return COLUMNS

    def parse(self, file: LogFile, cells: pa.Table) -> Parsed:
        checks = Checks(cells)
        checks.demand(checks.matches("landing_url", r"https?://\S+"), "landing_url", "is not an address that begins with http")
        fetched = checks.time("fetched_at")
        said = {
            "landing_url": checks.words("landing_url", LONGEST_ADDRESS),
            "title": checks.words("title"),
            "text": checks.words("text", LONGEST_PAGE),
        }
        return Parsed(pa.table({TS: fetched, **said}), checks.reasons)

    def map(self, file: LogFile, rows: pa.Table) -> Mapped:
        pages = pa.table({
            "landing_url": rows["landing_url"], "created_ts": rows[TS], "source": pa.array([SOURCE] * len(rows), pa.string()),
            "title": rows["title"], "text": rows["text"], ROW: pa.array(np.arange(len(rows)), pa.int64()),
        })  # fmt: skip
        return Mapped({"landing_pages": pages})

"""Where everything lives: one fresh folder is one fresh platform. Names and renames happen here, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from feature_repo.errors import FeatureError
from feature_repo.table_names import CATALOG_TABLES, EVENT_TABLES


@dataclass(frozen=True)
class Home:
    """The platform's state folder (PLACARD_HOME)."""

    root: Path

    def table(self, name: str) -> Path:
        """The folder of an event or catalogue table, holding day=YYYY-MM-DD partitions."""
        if name in EVENT_TABLES:
            return self.root / "events" / name
        if name in CATALOG_TABLES:
            return self.root / "catalog" / name
        raise FeatureError("table", name, f"Known tables: {', '.join([*EVENT_TABLES, *CATALOG_TABLES])}.")

    def partition(self, name: str, day: date) -> Path:
        return self.table(name) / f"day={day.isoformat()}"

    def days(self, name: str, first: date | None = None, last: date | None = None) -> list[date]:
        """The days for which a table has a partition, ascending."""
        found = (date.fromisoformat(p.name[4:]) for p in self.table(name).glob("day=*"))
        return sorted(d for d in found if (first is None or d >= first) and (last is None or d <= last))

    def files(self, name: str, first: date | None = None, last: date | None = None) -> list[Path]:
        """Every Parquet file of a table over a range of days, in a stable order."""
        return [f for d in self.days(name, first, last) for f in sorted(self.partition(name, d).glob("*.parquet"))]

    @property
    def truth(self) -> Path:
        """What only the simulator knows and only evaluation may read."""
        return self.root / "truth"

    @property
    def images(self) -> Path:
        return self.root / "catalog" / "images"

    @property
    def raw(self) -> Path:
        """Immutable copies of ingested logs, by content hash."""
        return self.root / "raw"

    @property
    def quarantine(self) -> Path:
        """Rows that were set aside, with their reasons: ingest/<format>/..., features/<table>/day=..."""
        return self.root / "quarantine"

    def replaced(self, table: str, day: date) -> Path:
        """Rows of an event table that a correction has taken out of a day's partition."""
        return self.root / "replaced" / table / f"day={day.isoformat()}"

    def staged(self, table: str, day: date) -> Path:
        """A built feature partition that no check has passed yet."""
        return self.root / "staging" / table / f"day={day.isoformat()}" / "part.parquet"

    def features(self, table: str) -> Path:
        """The published partitions of a feature table: Feast's offline source."""
        return self.root / "features" / table

    def feature_partition(self, table: str, day: date) -> Path:
        return self.features(table) / f"day={day.isoformat()}" / "part.parquet"

    @property
    def feast(self) -> Path:
        """registry.db and online.db."""
        return self.root / "feast"

    @property
    def snapshots(self) -> Path:
        """Catalogue snapshots by version, and the file CURRENT that names the live one."""
        return self.root / "snapshots"

    @property
    def bundles(self) -> Path:
        """Model bundles by name and version, and aliases.json; what serving reads."""
        return self.root / "bundles"

    @property
    def mlflow(self) -> Path:
        """mlflow.db and artifacts/."""
        return self.root / "mlflow"

    @property
    def state(self) -> Path:
        """Budgets, frequency caps and the ledger."""
        return self.root / "state"

    @property
    def eventlog(self) -> Path:
        """Decisions and events as served."""
        return self.root / "eventlog"

    def exported_log(self, day: date) -> Path:
        """A day of the event log as JSON lines, written before it is removed from the log."""
        return self.root / "eventlog_exports" / f"day={day.isoformat()}"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def plans(self) -> Path:
        """Capacity plans by name."""
        return self.root / "plans"

    @property
    def data_docs(self) -> Path:
        return self.root / "data_docs"

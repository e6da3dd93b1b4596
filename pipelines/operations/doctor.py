"""What could be wrong with this installation, one check a function, each with its fix."""

from __future__ import annotations

import platform
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

from feature_repo.errors import PlacardError
from pipelines.operations.feast_registry import registered_views
from serving.settings import Settings
from serving.snapshot.manifest import current_version, read_manifest

PINNED: Final = ("feast", "mlflow", "xgboost-cpu", "great-expectations", "ibis-framework", "duckdb", "pandas", "faiss-cpu")
LEAST_FREE_GIB: Final = 5
STALE_DAYS: Final = 2


@dataclass(frozen=True)
class Check:
    """One line of `placard doctor`. verdict: ok; warn (works, but look); bad (something will fail)."""

    name: str
    verdict: Literal["ok", "warn", "bad"]
    seen: str
    fix: str = ""


def python(_: Settings) -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("python", "ok" if ok else "bad", platform.python_version(), "" if ok else "Use Python 3.11 or later.")


def _locked() -> dict[str, str]:
    lock = Path(__file__).resolve().parents[2] / "requirements" / "platform.txt"
    if not lock.exists():
        return {}
    lines = (line.split(";")[0].strip() for line in lock.read_text().splitlines())
    return dict(line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))


def packages(_: Settings) -> Check:
    locked, wrong = _locked(), []
    for name in PINNED:
        try:
            have = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is absent")
            continue
        if name in locked and have != locked[name]:
            wrong.append(f"{name} {have}, the lock says {locked[name]}")
    if wrong:
        return Check("packages", "bad", "; ".join(wrong), "Run `make install`.")
    return Check("packages", "ok", ", ".join(f"{n} {version(n)}" for n in PINNED))


def airflow(_: Settings) -> Check:
    program = Path(__file__).resolve().parents[2] / ".venv-airflow" / "bin" / "airflow"
    if program.exists():
        return Check("airflow", "ok", str(program))
    return Check("airflow", "warn", "no .venv-airflow", "Run `make install`; only the DAGs need it.")


def state_folder(settings: Settings) -> Check:
    root = settings.home.root
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / ".doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        return Check("state folder", "bad", f"{root}: {error.strerror}", "Set PLACARD_HOME to a folder you may write to.")
    return Check("state folder", "ok", str(root))


def disk(settings: Settings) -> Check:
    place = next(p for p in [settings.home.root, *settings.home.root.parents] if p.exists())
    free = shutil.disk_usage(place).free / 2**30
    if free < LEAST_FREE_GIB:
        return Check("disk", "warn", f"{free:.1f} GiB free", f"Free some: {LEAST_FREE_GIB} GiB are comfortable.")
    return Check("disk", "ok", f"{free:.0f} GiB free")


def port(settings: Settings) -> Check:
    with socket.socket() as probe:
        if settings.port and probe.connect_ex((settings.host, settings.port)) == 0:
            return Check("port", "warn", f"{settings.port} is taken", "Set PLACARD_PORT to another, or 0 for a free one.")
    return Check("port", "ok", f"{settings.port} is free")


def mlflow(settings: Settings) -> Check:
    database = settings.home.mlflow / "mlflow.db"
    if not database.exists():
        return Check("mlflow", "warn", "no registry yet", "Run `placard train --partition DAY`.")
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            models = connection.execute("select count(*) from model_versions").fetchone()[0]
    except sqlite3.Error as error:
        return Check("mlflow", "bad", f"{database}: {error}", "Restore it from a backup, or remove it and train again.")
    return Check("mlflow", "ok", f"{models} model versions")


def feast(settings: Settings) -> Check:
    if not (settings.home.feast / "registry.db").exists():
        return Check("feast", "warn", "no registry yet", "Run `placard features publish --partition DAY`.")
    try:
        views = registered_views(settings.home)
    except (OSError, ValueError) as error:
        return Check("feast", "bad", str(error), "Run `placard features publish --partition DAY` again.")
    return Check("feast", "ok", f"{views} feature views")


def redis(settings: Settings) -> Check:
    if settings.profile != "cluster":
        return Check("redis", "ok", "not used by the embedded profile")
    from redis import Redis, RedisError

    try:
        Redis.from_url(settings.redis_url).ping()
    except (RedisError, ValueError) as error:
        return Check("redis", "bad", str(error), "Start it, or set PLACARD_REDIS_URL.")
    return Check("redis", "ok", "answers")


def features(settings: Settings) -> Check:
    try:
        snapshot = read_manifest(settings.home.snapshots / current_version(settings.home.snapshots))
    except PlacardError:
        return Check("features", "warn", "nothing published yet", "Run `placard features history --from DAY --to DAY`.")
    newest = max(settings.home.days("impressions"), default=None) or max(settings.home.days("engagements"), default=date.min)
    behind = max((datetime(newest.year, newest.month, newest.day, tzinfo=UTC) - snapshot.as_of).days + 1, 0)
    if behind >= STALE_DAYS:
        return Check("features", "warn", f"{behind} days behind the events", f"Run `placard features publish --partition {newest}`.")
    return Check("features", "ok", f"published as of {snapshot.as_of:%Y-%m-%d}")


CHECKS: Final[tuple[Callable[[Settings], Check], ...]] = (
    python, packages, airflow, state_folder, disk, port, mlflow, feast, redis, features,
)  # fmt: skip


def examine(settings: Settings) -> Iterable[Check]:
    """Every check, in order, as it finishes."""
    for check in CHECKS:
        yield check(settings)

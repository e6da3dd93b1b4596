"""What could be wrong with this installation, one check a function, each with its fix. doctor_stores.py looks at what is stored."""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

from feature_repo.literal_path import read_only_database
from feature_repo.private_files import open_to_others
from pipelines.operations.extras import absent, install
from serving.settings import Settings

PINNED: Final = ("feast", "mlflow", "xgboost-cpu", "great-expectations", "ibis-framework", "duckdb", "pandas", "faiss-cpu")
LEAST_FREE_GIB: Final = 5
NAMED: Final = 3
"""Most files that a check names."""


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
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


def packages(_: Settings) -> Check:
    """In a checkout every pinned package is there as locked; a wheel may be installed with fewer extras, on purpose."""
    locked, wrong, have = _locked(), [], {}
    for name in PINNED:
        try:
            have[name] = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is absent")
            continue
        if name in locked and have[name] != locked[name]:
            wrong.append(f"{name} {have[name]}, the lock says {locked[name]}")
    if wrong and locked:
        return Check("packages", "bad", "; ".join(wrong), "Run `make install`.")
    return Check("packages", "ok", ", ".join(f"{n} {v}" for n, v in have.items()) or "none but those that `placard` starts with")


def extra_packages(_: Settings) -> Check:
    """What the verbs of the factory and of serving need; deep rankers are trained in an environment of their own."""
    lacking = {extra: lacks for extra in ("serving", "platform") if (lacks := absent(extra))}
    if not lacking:
        return Check("extras", "ok", "serving and platform are installed")
    seen = "; ".join(f"{extra} lacks {', '.join(lacks)}" for extra, lacks in lacking.items())
    return Check("extras", "warn", seen, " ".join(map(install, lacking)))


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


def private_files(settings: Settings) -> Check:
    """Versions before this one made files that everybody could read."""
    found = list(open_to_others(settings.home.root)) if settings.home.root.exists() else []
    if not found:
        return Check("private files", "ok", "others can read nothing of the state folder")
    named = ", ".join(str(path.relative_to(settings.home.root.parent)) for path in found[:NAMED])
    more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    return Check("private files", "warn", f"open to others: {named}{more}", f"Run `chmod -R go= {shlex.quote(str(settings.home.root))}`.")


def disk(settings: Settings) -> Check:
    place = next(p for p in [settings.home.root, *settings.home.root.parents] if p.exists())
    free = shutil.disk_usage(place).free / 2**30
    if free < LEAST_FREE_GIB:
        return Check("disk", "warn", f"{free:.1f} GiB free", f"Free some: {LEAST_FREE_GIB} GiB are comfortable.")
    return Check("disk", "ok", f"{free:.0f} GiB free")


def port(settings: Settings) -> Check:
    with socket.socket() as probe:
        if settings.http.port and probe.connect_ex((settings.http.host, settings.http.port)) == 0:
            return Check("port", "warn", f"{settings.http.port} is taken", "Set PLACARD_PORT to another, or 0 for a free one.")
    return Check("port", "ok", f"{settings.http.port} is free")


def mlflow(settings: Settings) -> Check:
    database = settings.home.mlflow / "mlflow.db"
    if not database.exists():
        return Check("mlflow", "warn", "no registry yet", "Run `placard train --partition DAY`.")
    try:
        with closing(sqlite3.connect(read_only_database(database), uri=True)) as connection:
            models = connection.execute("select count(*) from model_versions").fetchone()[0]
    except sqlite3.Error as error:
        return Check("mlflow", "bad", f"{database}: {error}", "Restore it from a backup, or remove it and train again.")
    return Check("mlflow", "ok", f"{models} model versions")


CHECKS: Final[tuple[Callable[[Settings], Check], ...]] = (
    python,
    packages,
    extra_packages,
    airflow,
    state_folder,
    private_files,
    disk,
    port,
    mlflow,
)


def examine(settings: Settings) -> Iterable[Check]:
    """Every check that needs no more than a bare installation has, in order, as it finishes."""
    for check in CHECKS:
        yield check(settings)

"""What could be wrong with what serving reads, one check a function, each with its fix. Needs the extra `serving`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Final

from feature_repo.errors import FeatureError, PlacardError
from feature_repo.rows_address import rows_address
from pipelines.operations.doctor import Check
from pipelines.operations.feast_registry import registered_views
from serving.errors import ServingError
from serving.settings import Settings
from serving.snapshot.manifest import current_version, read_manifest
from serving.stores.redis_server import forgets

STALE_DAYS: Final = 2


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
    from redis import RedisError

    try:
        why = forgets(settings.stores.redis_url)
    except (RedisError, ServingError) as error:
        return Check("redis", "bad", str(error), "Start it, or set PLACARD_REDIS_URL.")
    if why:
        return Check("redis", "warn" if settings.stores.redis_may_forget else "bad", "forgets what it acknowledges", why)
    return Check("redis", "ok", "answers, and keeps what it acknowledges")


def rows(settings: Settings) -> Check:
    if settings.profile != "cluster":
        return Check("users' rows", "ok", "in the state folder")
    from redis import RedisError

    try:
        address = rows_address(settings.stores.rows_url)
        with closing(address.client()) as client:
            client.ping()
    except (RedisError, FeatureError) as error:
        return Check("users' rows", "bad", str(error), "Start it, or set PLACARD_PROFILES_REDIS_URL.")
    return Check("users' rows", "ok", "the cluster answers" if address.cluster else "the server answers")


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


CHECKS: Final[tuple[Callable[[Settings], Check], ...]] = (feast, redis, rows, features)


def examine_stores(settings: Settings) -> Iterable[Check]:
    """Every check, in order, as it finishes."""
    for check in CHECKS:
        yield check(settings)

"""A Redis server that holds money: how it is reached, and whether it keeps what it acknowledges."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError
from redis.retry import Retry

from feature_repo.addresses import SOCKET_SECONDS, without_password
from serving.errors import ServingError

OR: Final = "Or set PLACARD_REDIS_MAY_FORGET=true, where spend and events may be lost."


def connect(url: str) -> Any:
    """A client. It tries once more on a fresh connection, at once: the server may have been restarted since the last call. Raises
    ServingError for an address that is none, and for a cluster: what is counted together lies in one server."""
    if urlsplit(url).scheme.endswith("+cluster"):
        fix = "Money, caps and events lie in one server: name it with PLACARD_REDIS_URL, and the cluster with PLACARD_PROFILES_REDIS_URL."
        raise ServingError("redis", without_password(url), fix)
    once_more = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))  # who did not answer in time may have done what was asked
    try:
        return Redis.from_url(url, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=SOCKET_SECONDS, retry=once_more)
    except ValueError as error:
        raise ServingError(
            "redis", without_password(url), f"It is no address ({error}); set PLACARD_REDIS_URL, as `redis://host:6379/0`."
        ) from None


def forgets(url: str) -> str:
    """Why the server would lose what it acknowledged, with the fix; "" where it would not. Raises RedisError where it does not answer.

    Without an append-only file a restart brings back the last snapshot, or nothing. A server that evicts keys for want of memory forgets
    spend while it runs. What `appendfsync everysec` may lose, one second at a power cut, is accepted.
    """
    with connect(url) as client:
        persistence, memory = client.info("persistence"), client.info("memory")
    if not int(persistence.get("aof_enabled", 0)):
        return f"It keeps no append-only file: a restart loses spend and events. Run `redis-cli config set appendonly yes`. {OR}"
    if persistence.get("aof_last_write_status", "ok") != "ok":
        return f"It cannot write its append-only file: see its log, and make room on its disk. {OR}"
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if int(memory.get("maxmemory", 0)) and policy != "noeviction":
        return f"It evicts keys ({policy}) for want of memory. Run `redis-cli config set maxmemory-policy noeviction`. {OR}"
    return ""


def refuse_forgetful(url: str) -> None:
    """Raises ServingError for a server that would lose what it acknowledged, or that does not answer."""
    said = without_password(url)
    try:
        why = forgets(url)
    except RedisError as error:
        raise ServingError("redis", said, f"It does not answer ({error}); start it, or set PLACARD_REDIS_URL.") from None
    if why:
        raise ServingError("redis", said, why)

"""Where the online store keeps users' rows when clustered: one Redis server, or a Redis Cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from feature_repo.addresses import SOCKET_SECONDS, without_password
from feature_repo.errors import FeatureError

SCHEMES: Final = {"redis": (False, False), "rediss": (False, True), "redis+cluster": (True, False), "rediss+cluster": (True, True)}
"""Whether it is a cluster, and whether the connection is encrypted."""
FORM: Final = "Write redis://[USER:PASSWORD@]HOST:PORT/DATABASE, or redis+cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT; rediss encrypts."
PORT: Final = 6379


@dataclass(frozen=True)
class RowsAddress:
    """nodes: of a cluster some are enough, since they name the others. options: of redis-py's clients, by name."""

    nodes: tuple[tuple[str, int], ...]
    cluster: bool
    options: dict[str, Any] = field(default_factory=dict)

    def feast(self) -> dict[str, Any]:
        """The online store's part of Feast's configuration."""
        options = [f"{name}={json.dumps(value)}" for name, value in self.options.items()]
        return {
            "type": "redis",
            "redis_type": "redis_cluster" if self.cluster else "redis",
            "connection_string": ",".join([*(f"{host}:{port}" for host, port in self.nodes), *options]),
            # Feast leaves out what has the moment of what is there: a day that is published again would not change.
            "skip_dedup": True,
        }

    def client(self) -> Any:
        """A client of redis-py."""
        from redis import Redis
        from redis.cluster import ClusterNode, RedisCluster

        if self.cluster:
            nodes = [ClusterNode(host, port) for host, port in self.nodes]  # type: ignore[no-untyped-call]
            return RedisCluster(startup_nodes=nodes, **self.options)
        [(host, port)] = self.nodes
        return Redis(host=host, port=port, **self.options)


def rows_address(url: str) -> RowsAddress:
    """Reads an address; raises FeatureError for one that is none, without its password."""
    try:
        return _read(url)
    except ValueError as error:
        raise FeatureError("address of users' rows", without_password(url), f"{error}. {FORM}") from None


def _read(url: str) -> RowsAddress:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"The scheme is none of {', '.join(SCHEMES)}")
    cluster, encrypted = SCHEMES[parts.scheme]
    opened, _, named = parts.netloc.rpartition("@")
    nodes = tuple(_node(one) for one in named.split(","))
    if len(nodes) > 1 and not cluster:
        raise ValueError("Several servers are a cluster")
    options: dict[str, Any] = {name: _value(value) for name, value in parse_qsl(parts.query, strict_parsing=bool(parts.query))}
    options.setdefault("socket_timeout", SOCKET_SECONDS)
    user, _, password = opened.partition(":")
    options |= {name: unquote(said) for name, said in (("username", user), ("password", password)) if said}
    if encrypted:
        options["ssl"] = True
    if database := parts.path.strip("/"):
        if cluster:
            raise ValueError("A cluster has no databases")
        options["db"] = int(database)
    if any("," in str(value) for value in options.values()):
        raise ValueError("Feast separates options by commas, so that none may hold one")
    return RowsAddress(nodes, cluster, options)


def _node(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(PORT)
    if not host or ":" in host:
        raise ValueError("HOST:PORT is needed, with a host that has a name or an IPv4 address")
    return host, int(port)


def _value(text: str) -> Any:
    """A number or a truth value as such, as Feast reads options."""
    try:
        return json.loads(text)
    except ValueError:
        return text

"""Addresses of users' rows: what a person writes, and what Feast and redis-py are told."""

from __future__ import annotations

import pytest

from feature_repo.errors import FeatureError
from feature_repo.rows_address import rows_address

ONE = (("host", 6379),)


@pytest.mark.parametrize(
    ("url", "nodes", "cluster", "options"),
    [
        ("redis://host", ONE, False, {}),
        ("redis://host:6380/2", (("host", 6380),), False, {"db": 2}),
        ("redis://host/0?socket_timeout=2", ONE, False, {"db": 0, "socket_timeout": 2}),
        ("rediss://host", ONE, False, {"ssl": True}),
        ("redis://:p%40ss@host", ONE, False, {"password": "p@ss"}),
        ("redis://me:1234@host", ONE, False, {"username": "me", "password": "1234"}),
        ("redis+cluster://host:1,other:2,third", (("host", 1), ("other", 2), ("third", 6379)), True, {}),
        ("rediss+cluster://u:p@host", ONE, True, {"ssl": True, "username": "u", "password": "p"}),
    ],
)
def test_what_an_address_says(url: str, nodes: object, cluster: bool, options: dict[str, object]) -> None:
    found = rows_address(url)
    assert (found.nodes, found.cluster) == (nodes, cluster)
    assert found.options == {"socket_timeout": 1.0, **options}


@pytest.mark.parametrize(
    "url",
    [
        "redis://host:6380/2", "redis+cluster://a:1,b:2", "redis://:true@host", "redis://:1234@host/1?socket_timeout=0.5",
        "redis://:a=b@host", 'redis://:"quoted"@host',
    ],
)  # fmt: skip
def test_feast_reads_the_same(url: str) -> None:
    from feast.infra.online_stores.redis import RedisOnlineStore

    address = rows_address(url)
    told = address.feast()
    nodes, options = RedisOnlineStore._parse_connection_string(told["connection_string"])
    assert [(node["host"], int(node["port"])) for node in nodes] == [*address.nodes]
    assert options == address.options and told["redis_type"] == ("redis_cluster" if address.cluster else "redis")


@pytest.mark.parametrize(
    "url",
    [
        "", "host:6379", "http://host", "redis://", "redis://a,b", "redis://host:port", "redis://host/first", "redis+cluster://a:1/0",
        "redis://:secret,pass@host", "redis://:secret@[::1]:6379", "redis://host?socket_timeout", "redis+cluster://a:1,,b:2",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(FeatureError, match=r"redis\+cluster://") as error:
        rows_address(url)
    assert "secret" not in str(error.value)

"""A new champion under load: served by every worker within ten seconds, with no failed request; a corrupt one never."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from feature_repo.home import Home
from serving.bundles import aliases

SWAP_SECONDS = 300
WORKERS = 2


def figure(server: Any, name: str) -> float:
    lines = server.call("GET", "/metrics")[1].decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


@pytest.mark.slow
def test_a_champion_is_swapped_under_load_and_a_corrupt_one_refused(
    published_home: Home,
    running: Callable[..., Any],
    loaded: Callable[..., Any],
    usual: dict[str, Any],
    registered: Callable[..., None],
    record_property: Callable[[str, object], None],
) -> None:
    server = running(published_home, WORKERS)
    load = loaded(server, usual)
    assert load.until(lambda: len(load.served) > 50, 300)
    assert {policy for _, policy in load.served} == {"click@1"}
    swaps = figure(server, "placard_swaps_total")

    promoted = time.monotonic()
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "2", "previous": "1"}})
    assert load.until(lambda: figure(server, "placard_swaps_total") == swaps + WORKERS, SWAP_SECONDS), "every worker took it up"
    seconds = time.monotonic() - promoted
    settled, more = time.monotonic(), len(load.served)
    assert load.until(lambda: len(load.served) > more + 60, 300)
    assert {policy for at, policy in load.served if at > settled} == {"click@2"}, "no worker serves the old one any more"

    registered(published_home, "3")
    weights = published_home.bundles / "click" / "3" / "model.ubj"
    damaged = bytearray(weights.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    weights.write_bytes(damaged)
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "3", "previous": "1"}})
    assert load.until(lambda: figure(server, "placard_refused") == WORKERS, SWAP_SECONDS), "every worker refused it"
    refused, more = time.monotonic(), len(load.served)
    assert load.until(lambda: len(load.served) > more + 50, 300)
    assert "sha256" in server.get("/readyz")["refused"]["click@champion"]
    load.end()
    assert {policy for at, policy in load.served if at > refused} == {"click@2"}, "the old one goes on serving"
    assert load.failed == []
    total = len(load.served)
    assert figure(server, "placard_decisions_total") == pytest.approx(total, abs=4), "the figures are of both workers"
    record_property("swap_seconds", seconds)
    record_property("requests", total)
    print(f"swapped in {seconds:.2f} s; {total} requests, {len(load.failed)} failed")

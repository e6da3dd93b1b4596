"""The first reads of a fresh process, made by many threads at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROCESSES, THREADS = 6, 8
READ = """
import sys, threading
from {module} import {decoder}

sys.setswitchinterval(1e-6)  # the threads take turns at every step
together = threading.Barrier({threads})

def read():
    together.wait()
    for _ in range(20):
        {decoder}.decode({record!r})

readers = [threading.Thread(target=read) for _ in range({threads})]
for reader in readers: reader.start()
for reader in readers: reader.join()
"""
EVENT = b'{"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": "2026-01-01T00:00:00Z"}'
HIDE = b'{"creative_id": "c", "advertiser_id": "a", "reported": false, "until": "2026-01-01T00:00:00Z"}'


@pytest.mark.parametrize(
    ("module", "decoder", "record"),
    [
        ("serving.eventlog.log", "AS_EVENT", EVENT),
        ("serving.ledger.redis", "AS_HIDE", HIDE),
        ("serving.worker.metrics_board", "AS_PAGE", b'{"at_ns": 1, "families": [["n", "m", "counter", [["n", {}, 1.0]]]]}'),
    ],
)
def test_many_threads_read_the_first_record_at_once(module: str, decoder: str, record: bytes) -> None:
    program = READ.format(module=module, decoder=decoder, record=record, threads=THREADS)
    for _ in range(PROCESSES):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

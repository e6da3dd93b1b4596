"""`bench overload`, in its short form: every figure is there, and whatever the machine's speed, nothing crashes and nothing fails."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from pipelines.bench.serving.overload import Reply, open_loop, recovery, run


@pytest.mark.slow
def test_every_figure_is_there_and_nothing_crashes() -> None:
    figures = {f["name"]: f for f in run(2_000, 0.5)["figures"]}
    assert {n for n, f in figures.items() if f["target"]} == {"goodput_over_rated", "recovery_s", "crashes", "failed"}
    assert figures["crashes"]["value"] == 0 and figures["failed"]["value"] == pytest.approx(0)
    assert figures["asked_per_s"]["value"] > 0 and figures["alone_p50_ms"]["value"] > 0
    assert sum(figures[n]["value"] for n in ("answered_200", "turned_away_503", "no_answer")) == pytest.approx(1)


class Scripted:
    """Askers whose answers are known."""

    def __init__(self, *answers: Reply) -> None:
        self.answers, self.due = list(answers), list[float]()

    async def ask(self, due: float) -> Reply:
        self.due.append(due)
        return self.answers.pop(0)


def test_the_open_loop_asks_on_time_whatever_the_answers_do() -> None:
    connections: Any = Scripted(*[Reply(9.0, 503, False)] * 50)
    began = time.perf_counter()
    assert len(asyncio.run(open_loop(connections, 100.0, 0.5))) == 50
    first = connections.due[0]
    assert first >= began and [due - first for due in connections.due] == pytest.approx([n / 100 for n in range(50)])


def test_a_worker_has_recovered_once_ten_answers_in_a_row_are_as_before() -> None:
    good, slow, none = Reply(0.01, 200, True), Reply(0.5, 200, True), Reply(0.01, 503, False)
    connections: Any = Scripted(*[good] * 9, slow, *[good] * 9, none, *[good] * 10)
    took = asyncio.run(recovery(connections, 0.02))
    assert took is not None and took > 0 and connections.answers == []

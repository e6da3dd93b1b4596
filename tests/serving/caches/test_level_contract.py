"""What every level of the cache promises."""

from __future__ import annotations

import threading
from typing import Any


def test_what_is_put_is_got_until_it_is_over(opened: Any) -> None:
    level = opened.level
    assert level.get("a") is None
    level.put("a", b"one", 3600)
    level.put("b", b"", 3600)
    assert (level.get("a"), level.get("b"), level.get("c")) == (b"one", b"", None), "no bytes are a value too"
    opened.expire("a")
    assert level.get("a") is None


def test_the_last_value_stands(opened: Any) -> None:
    level = opened.level
    level.put("a", b"one", 3600)
    level.put("a", b"\x00\xff two", 3600)
    assert level.get("a") == b"\x00\xff two"


def test_what_is_over_before_it_is_put_is_not_kept(opened: Any) -> None:
    opened.level.put("a", b"one", 0)
    opened.level.put("b", b"one", -1)
    assert (opened.level.get("a"), opened.level.get("b")) == (None, None)


def test_threads_share_it(opened: Any) -> None:
    level, wrong = opened.level, list[object]()

    def use(me: int) -> None:
        for n in range(100):
            level.put(f"{me}-{n}", f"{me}-{n}".encode(), 3600)
            if level.get(f"{me}-{n}") != f"{me}-{n}".encode():
                wrong.append((me, n))

    threads = [threading.Thread(target=use, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []

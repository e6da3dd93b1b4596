"""What every store of generations promises."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from serving.caches.generations import EVERYBODY, Generations
from serving.caches.redis_generations import PREFIX, RedisGenerations
from serving.caches.sqlite_generations import SqliteGenerations
from tests.serving.caches.conftest import LASTS
from tests.serving.every_store import redis_url


def test_an_event_begins_a_new_generation_of_its_user_alone(generations: Generations) -> None:
    mine, theirs = [generations.of("u1")], generations.of("u2")
    for _ in range(5):
        assert generations.of("u1") == mine[-1], "it stays until something happens"
        generations.advance("u1")
        mine.append(generations.of("u1"))
    assert len(set(mine)) == 6, "no generation comes again"
    assert generations.of("u2") == theirs


def test_a_publication_begins_one_of_everybody(generations: Generations) -> None:
    generations.advance("u1")
    before = [generations.of(user) for user in ("u1", "u2")]
    generations.advance(EVERYBODY)
    after = [generations.of(user) for user in ("u1", "u2")]
    assert not set(before) & set(after)


def test_marks_are_forgotten_once_nothing_of_before_is_cached(generations: Generations, hand: Any) -> None:
    if isinstance(generations, RedisGenerations):
        return  # below
    generations.advance(EVERYBODY)
    everybody = generations.of("u1")
    generations.advance("u1")
    generations.advance("u2")
    marked = generations.of("u1")
    hand.now += LASTS - 1
    assert generations.forget() == 0 and generations.of("u1") == marked
    generations.advance("u2")
    again = generations.of("u2")
    hand.now += 2
    assert generations.forget() == 1
    assert (generations.of("u1"), generations.of("u2")) == (everybody, again)


@pytest.mark.redis
def test_in_redis_marks_of_users_go_by_themselves(request: pytest.FixtureRequest) -> None:
    url = redis_url(request)
    generations = RedisGenerations(url, LASTS)
    generations.advance("u1")
    generations.advance(EVERYBODY)
    with Redis.from_url(url) as client:
        user, all_of_them = client.pttl(f"{PREFIX}u1"), client.pttl(PREFIX + EVERYBODY)
    assert isinstance(user, int) and LASTS * 1000 - 10_000 < user <= LASTS * 1000 + 1 and all_of_them == -1
    generations.close()


def test_the_workers_of_a_machine_share_them(tmp_path: Any) -> None:
    one, other = (SqliteGenerations(tmp_path / "generations.db", LASTS) for _ in range(2))
    before = other.of("u1")
    one.advance("u1")
    assert one.of("u1") == other.of("u1") != before
    one.close()
    other.close()

"""Money and caps: the same in every store."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from redis import Redis

from serving.ledger.ledger import KEEP, KEEP_MONEY, AskerState, Hide, Ledger, LedgerEmptied
from serving.ledger.redis import RedisLedger
from tests.serving.every_store import NOON, a_promise, a_sale

DAY = date(2026, 3, 9)


def test_nothing_is_spent_at_first(ledger: Ledger) -> None:
    assert list(ledger.spent(["k1", "k2"], DAY)) == [0, 0]
    assert list(ledger.spent([], DAY)) == []
    assert ledger.past("u1", DAY, NOON) == AskerState()


def test_a_charge_is_kept_by_campaign_and_day(ledger: Ledger) -> None:
    assert ledger.charge(a_sale("e1", 300, 1_000, "k1"), DAY, NOON) == 300
    assert ledger.charge(a_sale("e2", 50, 1_000, "k2"), DAY, NOON) == 50
    assert ledger.charge(a_sale("e3", 70, 1_000, "k1"), DAY + timedelta(days=1), NOON) == 70
    assert list(ledger.spent(["k2", "k1", "k3"], DAY)) == [50, 300, 0]
    assert list(ledger.spent(["k1"], DAY + timedelta(days=1))) == [70]


def test_a_charge_that_is_repeated_changes_nothing_and_says_what_it_was(ledger: Ledger) -> None:
    assert ledger.charge(a_sale("e1", 300, 1_000, "k1"), DAY, NOON) == 300
    assert ledger.charge(a_sale("e1", 999, 1_000, "k1"), DAY, NOON) == 300
    assert ledger.charge(a_sale("e1", 999, 1_000, "k2"), DAY + timedelta(days=1), NOON) == 300
    assert list(ledger.spent(["k1", "k2"], DAY)) == [300, 0]


def test_the_last_charge_takes_what_is_left_and_the_next_nothing(ledger: Ledger) -> None:
    assert [ledger.charge(a_sale(f"e{n}", 400, 1_000, "k1"), DAY, NOON) for n in range(4)] == [400, 400, 200, 0]
    assert list(ledger.spent(["k1"], DAY)) == [1_000]


def test_a_budget_that_was_lowered_below_what_is_spent_gives_nothing_back(ledger: Ledger) -> None:
    ledger.charge(a_sale("e1", 400, 1_000, "k1"), DAY, NOON)
    assert ledger.charge(a_sale("e2", 400, 100, "k1"), DAY, NOON) == 0
    assert list(ledger.spent(["k1"], DAY)) == [400]


def test_large_money_is_exact(ledger: Ledger) -> None:
    """Micros of a hundred thousand a day do not fit into 32 bits; a script that computes in doubles has 53."""
    assert ledger.charge(a_sale("e1", 10**14 + 1, 10**15, "k1"), DAY, NOON) == 10**14 + 1
    assert ledger.charge(a_sale("e2", 1, 10**15, "k1"), DAY, NOON) == 1
    assert list(ledger.spent(["k1"], DAY)) == [10**14 + 2]


def test_charges_at_once_exceed_no_budget_and_lose_none(ledger: Ledger) -> None:
    with ThreadPoolExecutor(16) as pool:
        charged = list(pool.map(lambda n: ledger.charge(a_sale(f"e{n % 100}", 30, 2_000, "k1"), DAY, NOON), range(200)))
    assert list(ledger.spent(["k1"], DAY)) == [2_000]
    assert sum(charged[:100]) == sum(charged[100:]) == 2_000, "each event is charged once, and both its answers say the same"


def exposures(ledger: Ledger, user: str, now: datetime = NOON, day: date = DAY) -> Mapping[str, int]:
    return ledger.past(user, day, now).exposures


def counted(ledger: Ledger, user: str, now: datetime = NOON, day: date = DAY) -> dict[str, tuple[int, int]]:
    """Impressions by campaign that were seen, and that are promised."""
    past = ledger.past(user, day, now)
    return {k: (past.exposures.get(k, 0), past.promised.get(k, 0)) for k in {*past.exposures, *past.promised}}


def test_an_impression_counts_once_by_its_place(ledger: Ledger) -> None:
    for campaign, place, day in (("k1", "d1|a", DAY), ("k2", "d1|b", DAY), ("k1", "d2|a", DAY), ("k1", "d3|a", DAY + timedelta(days=1))):
        for _ in range(3):
            ledger.expose("u1", campaign, place, day)
    ledger.expose("u2", "k3", "d4|a", DAY)
    assert exposures(ledger, "u1") == {"k1": 2, "k2": 1} and exposures(ledger, "u2") == {"k3": 1}


def test_impressions_at_once_are_all_counted(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.expose("u1", "k1", f"d{n % 40}|a", DAY), range(80)))
    assert exposures(ledger, "u1") == {"k1": 40}


def test_what_is_promised_counts_until_it_is_given_back_or_seen(ledger: Ledger) -> None:
    assert ledger.promise("u1", DAY, NOON, [a_promise("d1|a", cap=2), a_promise("d1|b", cap=2)]) == [True, True]
    assert counted(ledger, "u1") == {"k1": (0, 2)}
    assert ledger.promise("u1", DAY, NOON, [a_promise("d2|a", campaign="k2"), a_promise("d2|b", cap=2)]) == [True, False]
    assert counted(ledger, "u1") == {"k1": (0, 2)}, "of a page that is refused, nothing is held"
    ledger.expose("u1", "k1", "d1|a", DAY)
    assert counted(ledger, "u1") == {"k1": (1, 1)}
    later = NOON + timedelta(hours=1)
    assert counted(ledger, "u1", later) == {"k1": (1, 0)}, "one was seen, one never came"
    ledger.expose("u1", "k1", "d1|b", DAY)
    assert counted(ledger, "u1", later) == {"k1": (2, 0)}, "it came after all"


def test_two_ads_of_a_campaign_on_a_page_count_twice_against_its_cap(ledger: Ledger) -> None:
    assert ledger.promise("u1", DAY, NOON, [a_promise("d1|a", cap=1), a_promise("d1|b", cap=1)]) == [True, False]
    assert ledger.promise("", DAY, NOON, [a_promise("d1|a", cap=1), a_promise("d1|b", cap=1)]) == [True, True], "nobody is counted for"
    assert counted(ledger, "u1") == {}


def test_pages_asked_for_at_once_never_pass_a_cap(ledger: Ledger) -> None:
    with ThreadPoolExecutor(16) as pool:
        granted = list(pool.map(lambda n: ledger.promise("u1", DAY, NOON, [a_promise(f"d{n}|a", cap=5)]), range(60)))
    assert sum(ok for (ok,) in granted) == 5 and counted(ledger, "u1") == {"k1": (0, 5)}


def test_what_is_promised_is_left_for_nobody_else(ledger: Ledger) -> None:
    assert ledger.promise("u1", DAY, NOON, [a_promise("d1|a", 600, 1_000)]) == [True]
    assert ledger.promise("u2", DAY, NOON, [a_promise("d2|a", 600, 1_000)]) == [False]
    assert ledger.promise("u2", DAY, NOON, [a_promise("d2|a", 400, 1_000)]) == [True]
    assert ledger.charge(a_sale("d1|a", 600, 1_000, chance=1.0), DAY, NOON) == 600
    assert ledger.charge(a_sale("d2|a", 400, 1_000, chance=1.0), DAY, NOON) == 400
    assert ledger.promise("u3", DAY, NOON, [a_promise("d3|a", 1, 1_000)]) == [False], "all of it is spent"
    assert ledger.promise("u3", DAY, NOON, [a_promise("d3|a", 0, 1_000)]) == [True], "what is free needs no budget"
    assert ledger.promise("u3", DAY + timedelta(days=1), NOON, [a_promise("d4|a", 1_000, 1_000)]) == [True], "a new day, a new budget"


def test_a_campaign_that_is_charged_has_its_claim_back(ledger: Ledger) -> None:
    assert ledger.promise("u1", DAY, NOON, [a_promise("d1|a", 300, 1_000)]) == [True]
    assert ledger.charge(a_sale("d1|a", 300, 1_000, chance=1.0), DAY, NOON) == 300
    assert ledger.promise("u1", DAY, NOON, [a_promise("d2|a", 700, 1_000)]) == [True], "not counted twice, as a claim and as spent"


def test_promises_at_once_never_pass_a_budget(ledger: Ledger) -> None:
    with ThreadPoolExecutor(16) as pool:
        granted = list(pool.map(lambda n: ledger.promise(f"u{n}", DAY, NOON, [a_promise(f"d{n}|a", 70, 1_000)]), range(60)))
    assert sum(ok for (ok,) in granted) == 14


def test_claims_that_may_come_to_nothing_fade(ledger: Ledger) -> None:
    unsure = replace(a_promise("d1|a", 400_000, 500_000, chance=0.02), fade=1_800.0)
    assert ledger.promise("u1", DAY, NOON, [unsure]) == [True]
    assert ledger.promise("u2", DAY, NOON, [replace(unsure, place="d2|a")]) == [False], (
        "176,000 of 500,000 may be claimed: 400,000 are not there"
    )
    later = NOON + timedelta(hours=2)
    assert ledger.promise("u2", DAY, later, [replace(unsure, place="d2|a")]) == [True]


def test_clicks_of_a_user_within_a_minute_are_counted_by_place(ledger: Ledger) -> None:
    assert [ledger.clicks("u1", place, NOON) for place in ("d1|a", "d1|b", "d1|a", "d2|a")] == [1, 2, 2, 3]
    assert ledger.clicks("u2", "d1|a", NOON) == 1
    assert ledger.clicks("u1", "d3|a", NOON + timedelta(seconds=61)) == 1


def test_hides_last_as_long_as_they_say(ledger: Ledger) -> None:
    until = NOON + timedelta(days=30)
    first, second = Hide("a1", "adv", False, until), Hide("a2", "adv", False, until + timedelta(days=1))
    for hide in (second, first, replace(first, until=until + timedelta(days=9))):
        ledger.hide("u1", hide)
    assert ledger.past("u1", DAY, NOON) == AskerState(hidden=(first, second)), "of one ad the first hide stays"
    assert ledger.past("u1", DAY, until).hidden == (second,) and ledger.past("u2", DAY, NOON) == AskerState()
    reported = replace(first, reported=True, until=until + timedelta(days=9))
    ledger.hide("u1", reported)
    assert ledger.past("u1", DAY, until).hidden == (reported, second)


def test_a_campaign_is_paused_until_it_is_resumed(ledger: Ledger) -> None:
    assert ledger.paused() == frozenset()
    for campaign in ("k1", "k2", "k1"):
        ledger.pause(campaign, True)
    assert ledger.paused() == {"k1", "k2"}
    ledger.pause("k1", False)
    ledger.pause("k9", False)
    assert ledger.paused() == {"k2"}


def test_changes_tell_what_is_new_since_a_mark_and_leave_none_out(ledger: Ledger) -> None:
    assert ledger.changes(DAY, 0) == ([], 0)
    ledger.charge(a_sale("e1", 300, 1_000, "k1"), DAY, NOON)
    ledger.charge(a_sale("e2", 50, 1_000, "k2"), DAY, NOON)
    ledger.charge(a_sale("e3", 70, 1_000, "k3"), DAY + timedelta(days=1), NOON)
    changed, mark = ledger.changes(DAY, 0)
    assert dict(changed) == {"k1": 300, "k2": 50}
    assert ledger.changes(DAY, mark) == ([], mark)
    ledger.charge(a_sale("e4", 25, 1_000, "k2"), DAY, NOON)
    changed, later = ledger.changes(DAY, mark)
    assert dict(changed) == {"k2": 75} and later > mark
    assert dict(ledger.changes(DAY, 0)[0]) == {"k1": 300, "k2": 75}


def test_changes_asked_in_the_middle_of_charges_add_up_to_what_is_spent(ledger: Ledger) -> None:
    seen: dict[str, int] = {}
    mark = 0
    with ThreadPoolExecutor(8) as pool:
        charges = [pool.submit(ledger.charge, a_sale(f"e{n}", n, 10**9, f"k{n % 7}"), DAY, NOON) for n in range(150)]
        while not all(c.done() for c in charges):
            changed, mark = ledger.changes(DAY, mark)
            seen |= dict(changed)
    seen |= dict(ledger.changes(DAY, mark)[0])
    assert seen == {f"k{i}": sum(range(i, 150, 7)) for i in range(7)}


def test_a_ledger_has_the_name_that_it_was_given_first(ledger: Ledger) -> None:
    assert ledger.identity() == ""
    name = ledger.christen()
    assert name and ledger.identity() == name == ledger.christen()


def test_a_ledger_that_is_not_the_expected_one_promises_nothing(ledger: Ledger) -> None:
    asked = [a_promise("d1|a1", micros=10)]
    assert ledger.promise("u1", DAY, NOON, asked) == [True], "as long as nothing is expected"
    ledger.expect("another")
    for name in ("", ledger.christen()):
        with pytest.raises(LedgerEmptied, match="another"):
            ledger.promise("u2", DAY, NOON, asked)
        assert ledger.past("u2", DAY, NOON) == AskerState(), name
    ledger.expect(ledger.identity())
    assert ledger.promise("u2", DAY, NOON, asked) == [True]


def test_what_is_old_is_forgotten_and_the_rest_stays(ledger: Ledger) -> None:
    def fill(shown: datetime, user: str) -> None:
        day = shown.date()
        ledger.charge(a_sale(f"sale of {day}", 30, 1_000, "k1", shown), day, shown)
        ledger.promise(user, day, shown, [a_promise(f"{day}|a1", micros=10)])
        ledger.expose(user, "k1", f"{day}|a2", day)
        ledger.clicks(user, f"{day}|a2", shown)
        ledger.hide(user, Hide("a1", "adv", False, shown + timedelta(days=1)))

    long_ago = NOON - KEEP_MONEY - timedelta(days=2)
    for shown in (long_ago, NOON - KEEP - timedelta(days=1), NOON):
        fill(shown, f"of {shown.date()}")
    removed = ledger.forget(NOON)
    assert ledger.forget(NOON) == 0, "once"
    days_ago = NOON - KEEP - timedelta(days=1)
    assert list(ledger.spent(["k1"], DAY)) == list(ledger.spent(["k1"], days_ago.date())) == [30]
    known = a_sale(f"sale of {days_ago.date()}", 99, 1_000, "k1", days_ago)
    assert ledger.charge(known, DAY, NOON) == 30, "it is known that it was charged"
    late = a_sale("comes days late", 2_000, 1_000, "k1", days_ago)
    assert ledger.charge(late, days_ago.date(), NOON) == 970, "and how much of that day's budget is left"
    assert ledger.past(f"of {DAY}", DAY, NOON).exposures == {"k1": 1}
    assert len(ledger.past(f"of {DAY}", DAY, NOON).hidden) == 1
    if removed:  # Redis' own clock removes what is old there
        assert list(ledger.spent(["k1"], long_ago.date())) == [0]
        assert ledger.past(f"of {long_ago.date()}", long_ago.date(), long_ago) == AskerState()
        # spend, claim, two impressions, charge, click and hide of the oldest; claim, impressions, click and hide of the next
        assert removed == 7 + 5


@pytest.mark.redis
def test_nothing_is_kept_in_redis_for_ever(redis_port: int) -> None:
    """But for campaigns that are paused, and the ledger's name."""
    ledger = RedisLedger(f"redis://127.0.0.1:{redis_port}/1")
    with Redis.from_url(f"redis://127.0.0.1:{redis_port}/1") as client:
        client.flushdb()
        ledger.charge(a_sale("s", 30, 1_000), DAY, NOON)
        ledger.promise("u1", DAY, NOON, [a_promise("d|a1", micros=10)])
        ledger.expose("u1", "k1", "d|a2", DAY)
        ledger.clicks("u1", "d|a2", NOON)
        ledger.hide("u1", Hide("a1", "adv", False, NOON + timedelta(days=1)))
        ledger.pause("k1", True)
        ledger.christen()
        assert {key for key in client.scan_iter() if client.ttl(key) < 0} == {b"placard:paused", b"placard:identity"}
        client.flushdb()
    ledger.close()

"""Money and caps: the same in every store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from serving.ledger.ledger import Ledger

DAY = date(2026, 3, 9)


def test_nothing_is_spent_at_first(ledger: Ledger) -> None:
    assert list(ledger.spent(["k1", "k2"], DAY)) == [0, 0]
    assert list(ledger.spent([], DAY)) == []
    assert ledger.exposures("u1", DAY) == {}


def test_a_charge_is_kept_by_campaign_and_day(ledger: Ledger) -> None:
    assert ledger.charge("e1", "k1", DAY, 300, 1_000) == 300
    assert ledger.charge("e2", "k2", DAY, 50, 1_000) == 50
    assert ledger.charge("e3", "k1", DAY + timedelta(days=1), 70, 1_000) == 70
    assert list(ledger.spent(["k2", "k1", "k3"], DAY)) == [50, 300, 0]
    assert list(ledger.spent(["k1"], DAY + timedelta(days=1))) == [70]


def test_a_charge_that_is_repeated_changes_nothing_and_says_what_it_was(ledger: Ledger) -> None:
    assert ledger.charge("e1", "k1", DAY, 300, 1_000) == 300
    assert ledger.charge("e1", "k1", DAY, 999, 1_000) == 300
    assert ledger.charge("e1", "k2", DAY + timedelta(days=1), 999, 1_000) == 300
    assert list(ledger.spent(["k1", "k2"], DAY)) == [300, 0]


def test_the_last_charge_takes_what_is_left_and_the_next_nothing(ledger: Ledger) -> None:
    assert [ledger.charge(f"e{n}", "k1", DAY, 400, 1_000) for n in range(4)] == [400, 400, 200, 0]
    assert list(ledger.spent(["k1"], DAY)) == [1_000]


def test_a_budget_that_was_lowered_below_what_is_spent_gives_nothing_back(ledger: Ledger) -> None:
    ledger.charge("e1", "k1", DAY, 400, 1_000)
    assert ledger.charge("e2", "k1", DAY, 400, 100) == 0
    assert list(ledger.spent(["k1"], DAY)) == [400]


def test_large_money_is_exact(ledger: Ledger) -> None:
    """Micros of a hundred thousand a day do not fit into 32 bits; a script that computes in doubles has 53."""
    assert ledger.charge("e1", "k1", DAY, 10**14 + 1, 10**15) == 10**14 + 1
    assert ledger.charge("e2", "k1", DAY, 1, 10**15) == 1
    assert list(ledger.spent(["k1"], DAY)) == [10**14 + 2]


def test_charges_at_once_exceed_no_budget_and_lose_none(ledger: Ledger) -> None:
    with ThreadPoolExecutor(16) as pool:
        charged = list(pool.map(lambda n: ledger.charge(f"e{n % 100}", "k1", DAY, 30, 2_000), range(200)))
    assert list(ledger.spent(["k1"], DAY)) == [2_000]
    assert sum(charged[:100]) == sum(charged[100:]) == 2_000, "each event is charged once, and both its answers say the same"


def test_exposures_add_up_by_user_day_and_campaign(ledger: Ledger) -> None:
    ledger.expose("u1", ["k1", "k2"], DAY)
    ledger.expose("u1", ["k1"], DAY)
    ledger.expose("u1", ["k1"], DAY + timedelta(days=1))
    ledger.expose("u2", ["k3"], DAY)
    assert ledger.exposures("u1", DAY) == {"k1": 2, "k2": 1}
    assert ledger.exposures("u2", DAY) == {"k3": 1}


def test_exposures_at_once_are_all_counted(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ledger.expose("u1", ["k1"], DAY), range(80)))
    assert ledger.exposures("u1", DAY) == {"k1": 80}


def test_changes_tell_what_is_new_since_a_mark_and_leave_none_out(ledger: Ledger) -> None:
    assert ledger.changes(DAY, 0) == ([], 0)
    ledger.charge("e1", "k1", DAY, 300, 1_000)
    ledger.charge("e2", "k2", DAY, 50, 1_000)
    ledger.charge("e3", "k3", DAY + timedelta(days=1), 70, 1_000)
    changed, mark = ledger.changes(DAY, 0)
    assert dict(changed) == {"k1": 300, "k2": 50}
    assert ledger.changes(DAY, mark) == ([], mark)
    ledger.charge("e4", "k2", DAY, 25, 1_000)
    changed, later = ledger.changes(DAY, mark)
    assert dict(changed) == {"k2": 75} and later > mark
    assert dict(ledger.changes(DAY, 0)[0]) == {"k1": 300, "k2": 75}


def test_changes_asked_in_the_middle_of_charges_add_up_to_what_is_spent(ledger: Ledger) -> None:
    seen: dict[str, int] = {}
    mark = 0
    with ThreadPoolExecutor(8) as pool:
        charges = [pool.submit(ledger.charge, f"e{n}", f"k{n % 7}", DAY, n, 10**9) for n in range(150)]
        while not all(c.done() for c in charges):
            changed, mark = ledger.changes(DAY, mark)
            seen |= dict(changed)
    seen |= dict(ledger.changes(DAY, mark)[0])
    assert seen == {f"k{i}": sum(range(i, 150, 7)) for i in range(7)}

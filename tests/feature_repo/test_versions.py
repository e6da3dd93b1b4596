"""What rankers read has versions: names, retirement, and what a later version keeps of an earlier one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feature_repo import services
from feature_repo.model_input import Column
from feature_repo.services import CLICK, CONVERSION, FAMILIES, HEADS, INPUTS, NEWEST, OLDEST, inputs_at, inputs_of, successor_of


def test_a_column_is_held_from_its_version_on_and_until_another() -> None:
    column = Column("x", "ad", since=2, until=4)
    assert [column.held_by(version) for version in range(1, 6)] == [False, True, True, False, False]
    assert all(Column("y", "ad").held_by(version) for version in range(1, 9))


def test_the_newest_inputs_are_trained_and_every_version_that_serves_is_known() -> None:
    assert {m.name for inputs in HEADS.values() for m in inputs} == {f"{name}_v{NEWEST}" for name in FAMILIES}
    assert {*INPUTS} == {f"{name}_v{version}" for name in FAMILIES for version in range(OLDEST, NEWEST + 1)}
    for head, inputs in HEADS.items():
        assert inputs_at(head, NEWEST) == inputs and {m.name for m in inputs} <= {*inputs_of(head)}


def test_no_feature_is_left_that_no_version_holds() -> None:
    for columns in FAMILIES.values():
        for column in columns:
            assert any(column.held_by(version) for version in range(OLDEST, NEWEST + 1)), f"{column.name} may go: no version holds it"


def test_who_serves_a_version_is_told_before_it_goes_and_when_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert services.version_of("click_history_v12") == 12 and services.version_of("click") == services.version_of("likes_v1") == 0
    monkeypatch.setattr(services, "OLDEST", 2)
    monkeypatch.setattr(services, "RETIRING", 2)
    names = ("click_v1", "click_v2", "click_v3", "click")
    assert [services.is_retired(name) for name in names] == [True, False, False, False]
    assert [services.is_retiring(name) for name in names] == [False, True, False, False]


def test_a_later_version_follows_an_earlier_one_where_it_holds_all_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    more = replace(CLICK, name="click_v9", columns=(*CLICK.columns[:3], Column("new", "ad"), *CLICK.columns[3:]), version=9)
    fewer = replace(CLICK, name="click_v8", columns=CLICK.columns[1:], version=8)
    for model in (more, fewer):
        monkeypatch.setitem(services.INPUTS, model.name, model)
    assert successor_of(CLICK, more) and not successor_of(CLICK, fewer) and not successor_of(more, CLICK)
    assert not successor_of(CONVERSION, more), "another input"
    places = services.places_in(more.name, CLICK.names)
    assert places is not None and [more.names[i] for i in places] == [*CLICK.names] and 3 not in places

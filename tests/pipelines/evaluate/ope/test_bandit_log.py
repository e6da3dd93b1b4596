"""Off-policy evaluation of an Open Bandit log: exact where it can be checked by counting, and a clear word for every broken log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.errors import PipelineError
from pipelines.evaluate.ope.bandit_log import BanditLog, read_bandit_log
from pipelines.evaluate.ope.bandit_targets import bandit_target
from pipelines.evaluate.ope.inverse_propensity import InversePropensity
from pipelines.evaluate.ope.self_normalised import SelfNormalised
from pipelines.evaluate.ope.target import Target

ITEMS, ROWS = 3, 600


def write_log(folder: Path, seed: int = 3) -> Path:
    """A uniform-random log of three items; the third is clicked most, and a little more by who has an affinity to it."""
    part = folder / "random" / "men"
    part.mkdir(parents=True)
    (part / "item_context.csv").write_text(
        ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n"
        + "".join(f"{i},{i},{-0.5 + i},a{i},b{i},c{i}\n" for i in range(ITEMS))
    )
    rng = np.random.default_rng(seed)
    item, position = rng.integers(0, ITEMS, ROWS), rng.integers(1, 4, ROWS)
    click = rng.random(ROWS) < np.array([0.1, 0.2, 0.6])[item] / position**0.3
    seconds = pd.date_range("2019-11-24", periods=ROWS, freq="min", tz="UTC")
    rows = [
        f"{i},{seconds[i]},{item[i]},{position[i]},{int(click[i])},{1 / ITEMS},w,x,y,z,0.0,1.0,0.0" for i in rng.permutation(ROWS)
    ]  # fmt: skip
    head = ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,user_feature_3,"
    (part / "men.csv").write_text(head + ",".join(f"user-item_affinity_{i}" for i in range(ITEMS)) + "\n" + "\n".join(rows) + "\n")
    return part


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path / "placard"))
    return lambda *words: CliRunner().invoke(app, ["ope", *map(str, words)])


def test_a_deterministic_policy_earns_the_mean_of_the_matching_rows(log: Path) -> None:
    frame = pd.read_csv(log / "men.csv")
    read = read_bandit_log(log)
    assert (len(read), read.items, read.part) == (ROWS, ITEMS, "random/men")
    for item in range(ITEMS):
        judged, target = bandit_target(read, f"deterministic:{item}", 0.5, 7)
        mine = frame[frame.item_id == item]
        assert SelfNormalised().moments(judged.feedback, target).value == pytest.approx(mine.click.mean(), abs=1e-12)
        expected = mine.click.sum() * ITEMS / ROWS
        assert InversePropensity().moments(judged.feedback, target).value == pytest.approx(expected, abs=1e-12)


def test_learned_policies_are_judged_on_later_rows_only(log: Path) -> None:
    read = read_bandit_log(log)
    for name in ("best-item", "proportional", "ranked"):
        judged, target = bandit_target(read, name, 0.25, 7)
        assert len(judged) == ROWS * 3 // 4 and np.array_equal(judged.action, read.action[ROWS // 4 :])
        by_row = np.bincount(target.option_slot, weights=target.option_probability)
        assert by_row == pytest.approx(1), "its chances in a round sum to one"
    assert (bandit_target(read, "best-item", 0.25, 7)[1].probability == (read.action[ROWS // 4 :] == 2)).all()
    uniform = bandit_target(read, "uniform", 0.25, 7)
    assert len(uniform[0]) == ROWS and uniform[1].probability == pytest.approx(1 / ITEMS)


def test_the_verb_tells_each_estimator_and_a_verdict(call: Callable[..., Any], log: Path) -> None:
    done = call(log, "--target", "best-item", "--learn-share", "0.3", "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    figures = {f["name"]: f for f in result["figures"]}
    assert result["name"] == "ope" and result["setup"]["conclusive"] is True and result["setup"]["rows"] == ROWS
    assert "better than the policy that logged" in result["setup"]["verdict"]
    for name in ("ips", "snips", "doubly_robust"):
        assert figures[f"{name}_low"]["value"] < figures[name]["value"] < figures[f"{name}_high"]["value"]
        assert figures[f"{name}_effective_sample_size"]["target"] == "≥ 100"
    assert {f"position_{k}_snips" for k in (1, 2, 3)} <= set(figures)
    assert result["setup"]["silent"] == ["slate_snips"]
    clipped = json.loads(call(log, "--target", "deterministic:2", "--clip", "1.5", "--json").stdout)
    assert {f["name"]: f["value"] for f in clipped["figures"]}["ips_clipped"] > 0.2
    read = call(log, "--target", "uniform").stdout
    assert "position 2" in read and "doubly_robust" in read


def test_the_verb_refuses_to_conclude_from_too_little(call: Callable[..., Any], log: Path) -> None:
    lines = (log / "men.csv").read_text().splitlines()
    (log / "men.csv").write_text("\n".join(lines[:90]) + "\n")
    done = call(log, "--target", "deterministic:0", "--json")
    assert done.exit_code == 3
    result = json.loads(done.stdout)
    assert result["setup"]["conclusive"] is False and "effective sample size" in result["setup"]["verdict"]
    assert "effective sample size" in " ".join(done.stderr.split())


def of_items(read: BanditLog, target: Target) -> pd.DataFrame:
    """A target as a user would write it down: a row an item that it may show, in the order of the file."""
    item = np.tile(np.arange(read.items), len(read)) if len(target.option_slot) > len(read) else np.full(len(read), 2)
    table = {"row": read.row[target.option_slot], "item_id": item, "probability": target.option_probability}
    return pd.DataFrame(table).sample(frac=1, random_state=1)


@pytest.mark.parametrize("name", ["uniform", "deterministic:2"])
def test_a_policy_in_a_file_is_valued_as_the_target_that_it_was_written_from(
    call: Callable[..., Any], log: Path, tmp_path: Path, name: str
) -> None:
    read = read_bandit_log(log)
    of_items(read, bandit_target(read, name, 0.5, 7)[1]).to_csv(tmp_path / "mine.csv", index=False)
    mine = json.loads(call(log, "--target-file", tmp_path / "mine.csv", "--json").stdout)
    named = json.loads(call(log, "--target", name, "--json").stdout)
    told = {f["name"]: f["value"] for f in mine["figures"]}
    assert {f["name"]: pytest.approx(f["value"]) for f in named["figures"]} == told
    assert mine["setup"]["target"] == "mine.csv" and mine["setup"]["conclusive"] is True


def test_a_column_of_the_log_tells_of_its_rows(call: Callable[..., Any], log: Path, tmp_path: Path) -> None:
    lines = (log / "men.csv").read_text().splitlines()
    item = [line.split(",")[2] for line in lines[1:]]
    (log / "men.csv").write_text("\n".join([lines[0] + ",mine", *(f"{r},{float(i == '2')}" for r, i in zip(lines[1:], item, strict=True))]))
    done = call(log, "--target-column", "mine", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    figures = {f["name"]: f["value"] for f in told["figures"]}
    frame = pd.read_csv(log / "men.csv")
    assert figures["snips"] == pytest.approx(frame[frame.item_id == 2].click.mean())
    assert told["setup"]["silent"] == ["doubly_robust", "slate_snips"], "it does not tell what else might be shown"
    assert "'theirs'" in call(log, "--target-column", "theirs").stderr


WRONG: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "above 1": (lambda t: t.assign(probability=t["probability"].where(t.index != 4, 1.5)), "probability in row"),
    "below 0": (lambda t: t.assign(probability=t["probability"].where(t.index != 4, -0.1)), "-0.1"),
    "no number": (lambda t: t.assign(probability=t["probability"].astype(object).where(t.index != 4, "often")), "'often'"),
    "absent": (lambda t: t.assign(probability=t["probability"].where(t.index != 4)), "a number in every row"),
    "twice": (lambda t: pd.concat([t, t.iloc[[7]]]), "stands there twice"),
    "more than certain": (lambda t: t.assign(probability=0.4), "add up to at most 1"),
    "a row left out": (lambda t: t[t["row"] != 11], "11. The log has it; 1 of its 600 rows"),
    "a row too many": (lambda t: pd.concat([t, t.iloc[[7]].assign(row=999)]), "rows are 0 to 599"),
    "half a row": (lambda t: t.assign(row=t["row"] + 0.5), "row in row 0"),
    "an unknown item": (lambda t: t.assign(item_id=t["item_id"].where(t.index != 4, 9)), "items 0 to 2"),
    "no column": (lambda t: t.drop(columns="probability"), "it needs row, probability"),
    "nothing": (lambda t: t.iloc[:0], "600 of its 600 rows"),
}


@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_a_policy_that_is_none_is_refused_by_name(call: Callable[..., Any], log: Path, tmp_path: Path, wrong: str) -> None:
    read = read_bandit_log(log)
    act, says = WRONG[wrong]
    act(of_items(read, bandit_target(read, "uniform", 0.5, 7)[1])).to_csv(tmp_path / "mine.csv", index=False)
    done = call(log, "--target-file", tmp_path / "mine.csv")
    assert done.exit_code == 2 and says in " ".join(done.stderr.split()), done.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--target", "uniform", "--target-file"), "not both"),
        (("--target-file",), "Write the chances as .parquet or .csv"),
        ((), "Name a target"),
    ],
)
def test_a_policy_stands_alone_and_in_a_file_that_can_be_read(
    call: Callable[..., Any], log: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "mine.txt").write_text("row,probability\n")
    done = call(log, *words, *([tmp_path / "mine.txt"] if words else []))
    assert done.exit_code == 2 and says in " ".join(done.stderr.split())
    (tmp_path / "mine.parquet").write_text("no parquet")
    broken = call(log, "--target-file", tmp_path / "mine.parquet")
    assert broken.exit_code == 2 and "cannot be read" in broken.stderr


def _line(log: Path, number: int, old: str, new: str) -> None:
    lines = (log / "men.csv").read_text().splitlines()
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new)
    (log / "men.csv").write_text("\n".join(lines) + "\n")


BREAK: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no items": (lambda log: (log / "item_context.csv").unlink(), "item_context.csv"),
    "no log": (lambda log: (log / "men.csv").unlink(), "men.csv"),
    "no column": (lambda log: _line(log, 0, "propensity_score", "chance"), "'propensity_score'"),
    "propensity 0": (lambda log: _line(log, 7, ",0.3333333333333333,", ",0,"), "line 8"),
    "propensity above 1": (lambda log: _line(log, 7, ",0.3333333333333333,", ",1.01,"), "'1.01'"),
    "propensity missing": (lambda log: _line(log, 7, ",0.3333333333333333,", ",,"), "propensity_score"),
    "half a line": (lambda log: _line(log, 9, ",w,x,y,z", ""), "9 columns instead of 13"),
    "an unknown item": (lambda log: _line(log, 5, "+00:00,", "+00:00,9"), "item_id"),
    "empty": (lambda log: (log / "men.csv").write_text(""), "It is empty"),
    "a header alone": (lambda log: (log / "men.csv").write_text((log / "men.csv").read_text().splitlines()[0] + "\n"), "no rows"),
    "an item undescribed": (lambda log: (log / "item_context.csv").write_text(
        "".join((log / "item_context.csv").read_text().splitlines(keepends=True)[:-1])), "has no row for it"),
}  # fmt: skip


@pytest.mark.parametrize("broken", sorted(BREAK))
def test_a_broken_log_is_refused_by_name(call: Callable[..., Any], log: Path, broken: str) -> None:
    act, says = BREAK[broken]
    act(log)
    done = call(log, "--target", "uniform", "--json")
    assert done.exit_code == 2 and done.stdout == "", done.output
    assert says in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--target", "clever"), "uniform, deterministic:ITEM, best-item, proportional, ranked"),
        (("--target", "deterministic:7"), "items 0 to 2"),
        (("--target", "deterministic:first"), "items 0 to 2"),
        (("--target", "best-item", "--learn-share", "1.5"), "between 0 and 1"),
        (("--target", "uniform", "--partition", "2026-01-01"), "--served"),
    ],
)
def test_a_wrong_wish_is_refused_by_name(call: Callable[..., Any], log: Path, words: tuple[str, ...], says: str) -> None:
    done = call(log, *words)
    assert done.exit_code == 2 and says in " ".join(done.stderr.split())


def test_a_folder_that_is_none_or_holds_several_logs(call: Callable[..., Any], log: Path, tmp_path: Path) -> None:
    assert call(tmp_path / "nowhere", "--target", "uniform").exit_code == 2
    assert call("--target", "uniform").exit_code == 2
    assert len(read_bandit_log(tmp_path)) == ROWS, "a folder above one log means that one"
    (tmp_path / "bts").symlink_to(tmp_path / "random")
    with pytest.raises(PipelineError, match="several"):
        read_bandit_log(tmp_path)


@pytest.mark.real
@pytest.mark.parametrize("campaign", ["men", "women"])
def test_on_the_real_log_a_deterministic_policy_earns_the_mean_of_its_rows(
    real_logs: Path, call: Callable[..., Any], campaign: str
) -> None:
    folder = real_logs / "open_bandit" / "random" / campaign
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    frame = pd.read_csv(folder / f"{campaign}.csv", usecols=["item_id", "click", "position"])
    read = read_bandit_log(folder)
    assert len(read) == len(frame) == 10_000 and read.items == frame.item_id.nunique()
    for item in (0, 11, 30, read.items - 1):
        judged, target = bandit_target(read, f"deterministic:{item}", 0.5, 7)
        mine = frame[frame.item_id == item].click
        assert SelfNormalised().moments(judged.feedback, target).value == pytest.approx(mine.mean(), abs=1e-12)
        assert InversePropensity().moments(judged.feedback, target).value == pytest.approx(mine.sum() * read.items / len(frame), abs=1e-12)
    told = call(folder, "--target", "uniform", "--json")
    figures = {f["name"]: f["value"] for f in json.loads(told.stdout)["figures"]}
    assert told.exit_code == 0 and figures["ips"] == pytest.approx(frame.click.mean()) == pytest.approx(figures["snips"])
    for k in (1, 2, 3):
        assert figures[f"position_{k}_snips"] == pytest.approx(frame[frame.position == k].click.mean())
    assert call(folder, "--target", "deterministic:30").exit_code == 3, "a few clicks tell nothing"

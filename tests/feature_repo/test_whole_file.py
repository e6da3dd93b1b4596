"""A file or folder that is replaced whole is old or new, whatever happens in between."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from feature_repo.whole_file import move_in, remove_abandoned, whole_file, whole_folder, write_whole

OLD, NEW = b"old" * 100_000, b"new" * 100_000

KILLED = """
import os, signal, sys
from pathlib import Path
from feature_repo.whole_file import whole_file, whole_folder
what, moment, place = sys.argv[1], sys.argv[2], Path(sys.argv[3])
def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "before the sync":
    os.fsync = die
if moment == "before the rename":
    os.replace = die
with (whole_file if what == "file" else whole_folder)(place) as part:
    file = part if what == "file" else part / "content"
    file.write_bytes(b"half")
    if moment == "half-way":
        die()
"""


@pytest.mark.parametrize("moment", ["half-way", "before the sync", "before the rename"])
def test_killed_in_between_the_old_file_stands_and_the_left_part_harms_nobody(tmp_path: Path, moment: str) -> None:
    place = tmp_path / "content"
    write_whole(place, OLD)
    done = subprocess.run([sys.executable, "-c", KILLED, "file", moment, str(place)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.read_bytes() == OLD
    left = [path for path in tmp_path.iterdir() if path != place]
    assert len(left) == 1 and left[0].name.startswith("."), "the part lies beside the file, hidden"
    write_whole(place, NEW)
    assert place.read_bytes() == NEW and left[0].read_bytes() == b"half"


@pytest.mark.parametrize("moment", ["half-way", "before the sync"])
def test_killed_in_between_the_old_folder_stands(tmp_path: Path, moment: str) -> None:
    place = tmp_path / "folder"
    with whole_folder(place) as part:
        (part / "content").write_bytes(OLD)
    done = subprocess.run([sys.executable, "-c", KILLED, "folder", moment, str(place)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (place / "content").read_bytes() == OLD
    with whole_folder(place) as part:
        (part / "other").write_bytes(NEW)
    assert [path.name for path in place.iterdir()] == ["other"], "nothing of the old folder is left in the new"


def test_an_error_leaves_the_old_content_and_no_part(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    write_whole(file, "old")
    folder.mkdir()
    (folder / "old").touch()
    for whole in (whole_file(file), whole_folder(folder)):
        with pytest.raises(ValueError, match="half-way"), whole as part:
            (part / "new" if part.is_dir() else part).write_text("new")
            raise ValueError("half-way")
    assert file.read_text() == "old" and (folder / "old").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_writers_at_the_same_time_never_tear_a_file(tmp_path: Path) -> None:
    """Four writers of contents of different lengths; a reader sees one of them whole each time."""
    place, contents = tmp_path / "content", [bytes([65 + i]) * (50_000 * (i + 1)) for i in range(4)]
    write_whole(place, contents[0])

    def write(content: bytes) -> None:
        for _ in range(50):
            write_whole(place, content, synced=False)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert place.read_bytes() in contents
    for writer in writers:
        writer.join()
    assert place.read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["content"]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def seen_sync(handle: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync file")
        sync(handle)

    def seen_replace(part: Path, path: Path) -> None:
        steps.append("rename")
        replace(part, path)

    monkeypatch.setattr(os, "fsync", seen_sync)
    monkeypatch.setattr(os, "replace", seen_replace)
    write_whole(tmp_path / "file", "text")
    assert steps == ["sync file", "rename", "sync folder"]
    steps.clear()
    write_whole(tmp_path / "passing", "text", synced=False)
    assert steps == ["rename"]
    steps.clear()
    with whole_folder(tmp_path / "folder") as part:
        (part / "file").touch()
    assert steps == ["sync file", "sync folder", "rename", "sync folder"]


def test_the_folders_above_are_made_text_is_utf8_and_a_finished_file_moves_in(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "file"
    write_whole(place, "grün")
    assert place.read_bytes() == "grün".encode()
    (tmp_path / "finished").write_text("new")
    move_in(tmp_path / "finished", place)
    assert place.read_text() == "new" and not (tmp_path / "finished").exists()


def test_what_killed_writers_left_a_day_ago_goes_and_nothing_else(tmp_path: Path) -> None:
    day = tmp_path / "features" / "day=2026-01-18"
    for name in ("rows.parquet", ".rows.parquet.0123456789ab", ".young.0123456789ab", ".hidden", ".not-hex.0123456789zz"):
        write_whole(day / name, "rows")
    half = tmp_path / "features" / ".day=2026-01-19.ba9876543210"
    write_whole(half / "deep" / "rows.parquet", "rows")
    at_work = tmp_path / "features" / ".day=2026-01-20.ba9876543210"
    write_whole(at_work / "rows.parquet", "rows")
    for path in tmp_path.rglob("*"):
        if ".young." not in path.name and path != at_work / "rows.parquet":
            os.utime(path, (1000, 1000))
    assert remove_abandoned(tmp_path, before=2000) == [half, day / ".rows.parquet.0123456789ab"]
    assert {path.name for path in day.iterdir()} == {"rows.parquet", ".young.0123456789ab", ".hidden", ".not-hex.0123456789zz"}
    assert (at_work / "rows.parquet").exists(), "a writer whose newest file is young is at work"
    assert remove_abandoned(tmp_path, before=2000) == []

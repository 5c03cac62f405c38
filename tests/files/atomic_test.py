"""What is written beside and moved into place: whole or not at all, and nothing is left of those who were killed."""

import fcntl
import os
import signal
import stat
import subprocess
import sys

import pytest

from tf_transfer.files import atomic

WRITER = """
import pathlib, sys
from tf_transfer.files import atomic

write = {"file": atomic.replace_file, "directory": atomic.write_directory}[sys.argv[2]]
with write(pathlib.Path(sys.argv[1])) as temporary:
    (temporary if sys.argv[2] == "file" else temporary / "inside").write_text("whole")
    print(temporary.parent.name, flush=True)
    input()
"""


def start(path, kind="file"):
    """Starts a process that is writing `path`, and returns it with the name of what it writes beside."""
    command = [sys.executable, "-c", WRITER, str(path), kind]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def names(directory):
    return sorted(entry.name for entry in directory.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    file = tmp_path / "table"
    file.write_text("old")
    with pytest.raises(RuntimeError, match="torn"), atomic.replace_file(file) as temporary:
        temporary.write_text("half of the new")
        raise RuntimeError("torn")
    assert file.read_text() == "old" and names(tmp_path) == ["table"]
    with atomic.replace_file(file) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new" and names(tmp_path) == ["table"]


def test_a_directory_is_replaced_only_where_that_is_asked_for(tmp_path):
    path = tmp_path / "parent" / "made"
    with atomic.write_directory(path) as temporary:
        (temporary / "first").touch()
    with pytest.raises(OSError, match="not empty"), atomic.write_directory(path) as temporary:
        (temporary / "second").touch()
    assert names(path) == ["first"] and names(path.parent) == ["made"]
    with atomic.write_directory(path, overwrite=True) as temporary:
        (temporary / "second").touch()
    assert names(path) == ["second"] and names(path.parent) == ["made"]


def test_others_may_read_what_is_written_as_the_umask_says(tmp_path):
    umask = os.umask(0o027)
    try:
        with atomic.replace_file(tmp_path / "file") as temporary:
            temporary.touch()
        with atomic.write_directory(tmp_path / "directory"):
            pass
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "directory").stat().st_mode) == 0o750


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_the_killed_left_is_removed_and_what_others_write_is_not(kind, tmp_path):
    path = tmp_path / "made"
    others = [".made.swp", ".made.tmp", f".made.{0:016x}.tmp", "made.1", ".made.1"]  # files that are nobody's business
    for name in others:
        (tmp_path / name).touch()
    (killed, left), (living, written) = start(path, kind), start(path, kind)
    with killed, living:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert {left, written} < set(names(tmp_path))
        with atomic.replace_file(tmp_path / "another") as temporary:
            temporary.touch()
            assert names(tmp_path) == sorted([*others, written, temporary.parent.name])
        living.communicate("\n")
        assert living.returncode == 0
    assert names(tmp_path) == sorted([*others, "another", "made"])
    assert (path if kind == "file" else path / "inside").read_text() == "whole"


def test_what_looks_like_a_temporary_but_leads_elsewhere_is_left_alone(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f".made.{1:016x}.tmp").symlink_to(tmp_path / "elsewhere")
    pipe = tmp_path / f".made.{2:016x}.tmp"
    pipe.mkdir()
    os.mkfifo(pipe / ".lock")  # is not waited for
    with atomic.replace_file(tmp_path / "made") as temporary:
        temporary.touch()
    assert {"elsewhere", f".made.{1:016x}.tmp", "made"} <= set(names(tmp_path))


def test_two_writers_of_the_same_process_id_do_not_share_a_temporary(tmp_path):
    # On two machines with a common file system, two processes may have the same id; here they are one process.
    with atomic.replace_file(tmp_path / "made") as one:
        one.write_text("one")
        with atomic.replace_file(tmp_path / "made") as other:
            other.write_text("other")
        assert one.read_text() == "one" and (tmp_path / "made").read_text() == "other"
    assert (tmp_path / "made").read_text() == "one" and names(tmp_path) == ["made"]


@pytest.mark.parametrize("moment", ["before the lock", "at the lock"])
def test_a_temporary_removed_before_it_was_locked_is_made_anew(moment, tmp_path, monkeypatch):
    flock, others = fcntl.flock, []

    def flock_while_another_process_starts(handle, operation):
        if not others:
            others.append(None)
            if moment == "at the lock":  # the other one has locked it, and is about to remove it
                [beside] = tmp_path.glob(".made.*.tmp")
                blocking = os.open(beside / ".lock", os.O_RDWR)
                flock(blocking, operation)
            others.append(start(tmp_path / "made"))
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", flock_while_another_process_starts)
    with atomic.replace_file(tmp_path / "made") as temporary:
        temporary.write_text("mine")
        other, _ = others[1]
        other.communicate("\n")
        third, _ = start(tmp_path / "made")  # looks for what dead writers left
        third.communicate("\n")
        assert temporary.read_text() == "mine"
    assert (tmp_path / "made").read_text() == "mine"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_all_is_on_the_disk_before_it_is_moved_into_place_and_the_move_is_too(kind, tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace

    def fsync_seen(handle):
        done.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    def replace_seen(source, target):
        done.append("moved")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync_seen)
    monkeypatch.setattr(os, "replace", replace_seen)
    if kind == "file":
        with atomic.replace_file(tmp_path / "made") as temporary:
            temporary.write_text("whole")
        written = [str(temporary)]
    else:
        with atomic.write_directory(tmp_path / "made") as temporary:
            (temporary / "below").mkdir()
            (temporary / "below" / "file").touch()
        written = [str(temporary / "below" / "file"), str(temporary / "below"), str(temporary)]
    assert done == [*written, "moved", str(tmp_path)]


def test_an_error_names_what_could_not_be_written(tmp_path):
    (tmp_path / "made").mkdir()
    with pytest.raises(OSError, match=r"Is a directory; .*/made could not be written"):
        with atomic.replace_file(tmp_path / "made") as temporary:
            temporary.write_text("a file")
    assert names(tmp_path) == ["made"]

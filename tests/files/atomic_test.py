"""What is written beside and moved into place: whole or not at all, and nothing is left of those who were killed."""

import os
import signal
import subprocess
import sys

import pytest

from tf_transfer.files import atomic

WRITER = """
import pathlib, sys
from tf_transfer.files import atomic

path = pathlib.Path(sys.argv[1])
make = {"file": lambda path: path.touch(), "directory": lambda path: path.mkdir()}[sys.argv[2]]
with atomic.claimed(path, make) as temporary:
    print(temporary.name, flush=True)
    input()
    temporary.rename(path)
"""


def start(path, kind):
    """Starts a process that is writing `path`, and returns it with the name that it writes it under."""
    command = [sys.executable, "-c", WRITER, str(path), kind]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def names(directory):
    return sorted(entry.name for entry in directory.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    file = tmp_path / "table"
    file.write_text("old")
    with pytest.raises(RuntimeError, match="torn"), atomic.replacing(file) as temporary:
        temporary.write_text("half of the new")
        raise RuntimeError("torn")
    assert file.read_text() == "old" and names(tmp_path) == ["table"]
    with atomic.replacing(file) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new" and names(tmp_path) == ["table"]


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_the_killed_left_is_removed_and_what_others_write_is_not(kind, tmp_path):
    path = tmp_path / "made"
    others = [".made.swp", ".made.txt.1", "made.1", ".made"]  # of nobody's business
    for name in others:
        (tmp_path / name).touch()
    (killed, left), (living, written) = start(path, kind), start(path, kind)
    with killed, living:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert {left, written} < set(names(tmp_path))
        with atomic.replacing(tmp_path / "made") as temporary:
            assert names(tmp_path) == sorted([*others, written, temporary.name])
        path.unlink()
        living.communicate("\n")
        assert living.returncode == 0
    assert names(tmp_path) == sorted([*others, "made"])


def test_what_a_dead_process_of_the_same_id_left_is_begun_anew(tmp_path):
    left = tmp_path / f".made.{os.getpid()}"
    left.mkdir()
    (left / "torn").touch()
    os.mkfifo(tmp_path / ".made.7")
    with atomic.claimed(tmp_path / "made", lambda path: path.mkdir()) as temporary:
        assert temporary == left and names(left) == []
    assert names(tmp_path) == []


def test_an_error_names_what_could_not_be_written(tmp_path):
    (tmp_path / "made").mkdir()
    with pytest.raises(OSError, match=r"Is a directory; .*/made could not be written"):
        with atomic.replacing(tmp_path / "made") as temporary:
            temporary.write_text("a file")
    assert names(tmp_path) == ["made"]

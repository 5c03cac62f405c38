"""A journal in which anything was damaged: an error that names it, or the very same store in the end."""

import pathlib
import random
import shutil

import pytest

from tests.helpers.files import read_files
from tests.helpers.images import one_colour_source
from tf_transfer.data import image_store, store_writer
from tf_transfer.data.store_journal import JOURNAL, Journal, Record
from tf_transfer.data.store_writer import prepare_store

MAKING = {"source": "invented", "image_size": 2}
RECORDS = [
    Record(number % 3, bytes([number] * 12), "", (number,) * 3, (number**2,) * 3)
    if number != 5
    else Record(2, set_aside="train\t5\ttorn")
    for number in range(12)
]


def write(directory, most=100):
    """Writes chunks of two, at most so many, of what is not written yet; returns the files and the progress."""
    journal = Journal(directory, MAKING, "raw")
    for number, _ in enumerate(journal.write("train", RECORDS[journal.progress["train"].examples :], 2), start=1):
        if number == most:
            break
    journal.close()
    return read_files(directory), journal.progress


def test_a_byte_damaged_anywhere_is_an_error_or_makes_no_difference(tmp_path):
    rng, outcomes = random.Random(2), {"error": 0, "same": 0}
    whole = write(tmp_path / "whole")
    write(tmp_path / "begun", most=4)
    sound = (tmp_path / "begun" / JOURNAL).read_bytes()
    assert whole[0][JOURNAL].startswith(sound) and len(sound) < len(whole[0][JOURNAL])
    for place in {*rng.sample(range(len(sound)), 100), 0, len(sound) - 1}:
        damaged = shutil.copytree(tmp_path / "begun", tmp_path / str(place))
        content = bytearray(sound)
        content[place] ^= rng.randrange(1, 256)
        (damaged / JOURNAL).write_bytes(content)
        try:
            assert write(damaged) == whole, place
        except ValueError as error:
            assert str(error).startswith(f"{damaged / JOURNAL} is damaged (") and place <= sound.index(b"\n")
            assert str(error).endswith(f"); remove {damaged} and begin again")
            outcomes["error"] += 1
        else:
            outcomes["same"] += 1
    assert min(outcomes.values()) > 5


def test_a_journal_cut_off_anywhere_makes_no_difference(tmp_path):
    whole = write(tmp_path / "whole")
    write(tmp_path / "begun", most=4)
    sound = (tmp_path / "begun" / JOURNAL).read_bytes()
    for size in range(0, len(sound), 97):
        cut = shutil.copytree(tmp_path / "begun", tmp_path / str(size))
        (cut / JOURNAL).write_bytes(sound[:size])
        assert write(cut) == whole, size


def test_a_digit_of_a_label_is_not_sealed_into_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "_CHUNK", 10)
    prepare_store(one_colour_source(300), str(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        prepare_store(one_colour_source(300, stop=299), str(tmp_path / "store"))
    journal = pathlib.Path(tmp_path / "store.partial" / JOURNAL)
    first, one, two, *rest = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([first, one, two.replace('"labels": [0, 1, 0,', '"labels": [0, 1, 1,'), *rest]))
    steps = []
    prepare_store(one_colour_source(300), str(tmp_path / "store"), on_progress=steps.append)
    assert steps[0] == 10  # what follows that line was done again
    assert read_files(tmp_path / "store") == read_files(tmp_path / "whole")
    assert image_store.ImageStore(str(tmp_path / "store")).labels("train").tolist() == [0, 1] * 150

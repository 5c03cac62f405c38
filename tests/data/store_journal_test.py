"""A journal in which anything was damaged: an error that names it, or the very same store in the end."""

import json
import pathlib
import random
import shutil

import pytest

from tests.helpers.files import read_files
from tests.helpers.images import one_colour_source
from tf_transfer.data import image_store, store_writer
from tf_transfer.data.store_journal import JOURNAL, Journal, Record
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.files.checksums import seal_json

MAKING = {"source": "invented", "image_size": 2}
RECORDS = [
    Record(number % 3, bytes([number] * 12), "", (number,) * 3, (number**2,) * 3, f"image {number}")
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
    for place in {*rng.sample(range(len(sound)), 60), 0, len(sound) - 1}:
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
    assert min(outcomes.values()) >= 5


def test_a_journal_cut_off_anywhere_makes_no_difference(tmp_path):
    whole = write(tmp_path / "whole")
    write(tmp_path / "begun", most=4)
    sound = (tmp_path / "begun" / JOURNAL).read_bytes()
    for size in range(0, len(sound), 97):
        cut = shutil.copytree(tmp_path / "begun", tmp_path / str(size))
        (cut / JOURNAL).write_bytes(sound[:size])
        assert write(cut) == whole, size


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"labels": [-1, 0]}, r"labels\[0\]: expected int >= 0"),
        ({"labels": [0]}, "labels, names, lengths and sums do not belong to the same images"),
        ({"sums": [0, 2**64]}, "labels, names, lengths and sums do not belong to the same images"),
        ({"lengths": [0, 24]}, r"lengths\[0\]: expected int >= 1"),
        ({"channel_sum": [1, 2]}, "channel_sum: expected array of length >= 3"),
        ({"split": "validation"}, "split: invalid enum value 'validation'"),
        ({"names": ["\x1b", "1"]}, "a name holds characters that cannot be printed"),
        ({"split": "val"}, "there are no val images"),
        ({"colour": "red"}, "object contains unknown field colour"),
    ],
)
def test_a_line_that_is_sealed_but_makes_no_sense(changes, message, tmp_path):
    write(tmp_path / "begun", most=1)
    journal = tmp_path / "begun" / JOURNAL
    first, chunk = journal.read_text().splitlines(keepends=True)
    line = json.loads(chunk) | changes
    del line["sha256"]
    journal.write_text(first + json.dumps(seal_json(line)) + "\n")
    with pytest.raises(ValueError, match=f"(?i)journal.jsonl is damaged [(]{message}"):
        write(tmp_path / "begun")


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

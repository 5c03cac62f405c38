import dataclasses
import json
import os
import subprocess

import pytest

from tf_transfer.files import checksums
from tf_transfer.files.checksums import DamagedError


@dataclasses.dataclass(frozen=True)
class Pair:
    one: int
    other: tuple[str, ...] = ()


@pytest.fixture
def sealed(tmp_path):
    """A sealed directory of two files."""
    with checksums.sealed_directory(tmp_path / "made") as partial:
        (partial / "one").write_bytes(b"first")
        (partial / "other").write_bytes(bytes(1000))
    return tmp_path / "made"


def test_a_hash_of_json_is_that_of_its_values_and_not_of_their_layout():
    assert checksums.hash_json({"b": [1.5, None], "a": {}}) == checksums.hash_json({"a": {}, "b": (1.5, None)})
    # Known from outside, since hashes of settings and stores are kept: printf '{"a": 1}' | sha256sum
    assert checksums.hash_json({"a": 1}) == "f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310"
    assert len({checksums.hash_json(values) for values in (1, 1.0, "1", [1], {"1": 1})}) == 5
    with pytest.raises(ValueError):
        checksums.hash_json(float("nan"))


def test_sealed_json_is_read_back_however_it_is_laid_out():
    fields = checksums.seal_json({"one": 1, "other": ["x"]})
    for text in (json.dumps(fields), json.dumps(fields, indent=3), json.dumps(dict(reversed(fields.items())))):
        assert checksums.unseal_json(text.encode(), Pair) == Pair(1, ("x",))


@pytest.mark.parametrize(
    "changes, message",
    [({"one": 2}, "has changed since it was written"), ({"more": 1}, "has changed"), ({"sha256": None}, "has changed")],
)
def test_sealed_json_that_was_changed(changes, message):
    sealed = checksums.seal_json({"one": 1}) | changes
    with pytest.raises(ValueError, match=message):
        checksums.unseal_json(json.dumps(sealed).encode(), Pair)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"one": 1}', b'{"one"', b"\xff"])
def test_json_that_was_never_sealed(content):
    with pytest.raises(ValueError):
        checksums.unseal_json(content, Pair)


def test_sealed_json_must_fit_its_type():
    with pytest.raises(ValueError, match="one: expected int, got str"):
        checksums.unseal_json(json.dumps(checksums.seal_json({"one": "1"})).encode(), Pair)


def test_a_sealed_directory_is_read_back_and_can_be_checked_from_a_shell(sealed):
    assert checksums.read_bytes(sealed, "one") == b"first"
    checksums.check(sealed, ["one", "other"])
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", checksums.SUMS], cwd=sealed, check=True)


def test_it_takes_the_place_of_another_one_whole_or_not_at_all(sealed):
    with pytest.raises(RuntimeError), checksums.sealed_directory(sealed) as partial:
        (partial / "one").write_text("second")
        raise RuntimeError
    assert checksums.read_bytes(sealed, "one") == b"first"
    with checksums.sealed_directory(sealed) as partial:
        (partial / "one").write_text("second")
    assert checksums.read_bytes(sealed, "one") == b"second"
    assert sorted(entry.name for entry in sealed.iterdir()) == [checksums.SUMS, "one"]
    assert [entry.name for entry in sealed.parent.iterdir()] == ["made"]


def damaged(directory):
    (directory / "one").write_bytes(b"First")


def cut_off(directory):
    (directory / "one").write_bytes(b"firs")


def removed(directory):
    (directory / "one").unlink()


def a_pipe(directory):
    (directory / "one").unlink()
    os.mkfifo(directory / "one")


def without_sums(directory):
    (directory / checksums.SUMS).unlink()


def pipe_of_sums(directory):
    (directory / checksums.SUMS).unlink()
    os.mkfifo(directory / checksums.SUMS)


def damaged_sums(directory):
    (directory / checksums.SUMS).write_text((directory / checksums.SUMS).read_text()[:-1])


def sums_of_others(directory):
    lines = (directory / checksums.SUMS).read_text().splitlines(keepends=True)
    (directory / checksums.SUMS).write_text("".join(line for line in lines if not line.endswith("one\n")))


@pytest.mark.parametrize(
    "change, message",
    [
        (damaged, "made/one is damaged .its SHA-256 is not the one in SHA256SUMS"),
        (cut_off, "made/one is damaged .its SHA-256 is not the one in SHA256SUMS"),
        (removed, "made/one is missing"),
        (a_pipe, "made/one is damaged .not a file, but a pipe"),
        (without_sums, "made/SHA256SUMS is missing"),
        (pipe_of_sums, "made/SHA256SUMS is damaged .not a file, but a pipe"),
        (damaged_sums, "made/SHA256SUMS is damaged .it is not as it was written"),
        (sums_of_others, "made/SHA256SUMS is damaged .it does not list one"),
    ],
)
def test_whatever_is_damaged_is_named(change, message, sealed):
    change(sealed)
    for read in (lambda: checksums.read_bytes(sealed, "one"), lambda: checksums.check(sealed, ["one"])):
        with pytest.raises(DamagedError, match=message):
            read()

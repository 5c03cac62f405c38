import dataclasses
import io
import json
import os
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.files import safe_load


@dataclasses.dataclass(frozen=True)
class Inner:
    share: float = 0.5

    def __post_init__(self):
        if self.share > 1:
            raise ValueError(f"share must be at most 1, got {self.share}")


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str
    counts: dict[str, tuple[int, ...]]
    inner: Inner = Inner()


GOOD = {"name": "x", "counts": {"train": [1, 2]}, "inner": {"share": 1}}


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(save=np.savez, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def test_a_file_as_it_is(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert safe_load.read_bytes(tmp_path / "x") == safe_load.read_bytes(tmp_path / "x", most=3) == b"abc"
    with pytest.raises(ValueError, match="^3 bytes; at most 2 are read$"):
        safe_load.read_bytes(tmp_path / "x", most=2)
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), ("/dev/zero", "a device"), (tmp_path, "a directory")):
        with pytest.raises((ValueError, IsADirectoryError), match=f"^not a file, but {kind}$|Is a directory"):
            safe_load.read_bytes(path)
    with pytest.raises(FileNotFoundError):
        safe_load.read_bytes(tmp_path / "nowhere")


def test_json_becomes_a_dataclass():
    read = safe_load.parse_json(json.dumps(GOOD | {"unknown": 1}).encode(), Outer)
    assert read == safe_load.convert(GOOD, Outer) == Outer("x", {"train": (1, 2)}, Inner(1.0))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"name": 1}, "name: expected str, got int"),
        ({"counts": {"train": [1, "2"]}}, "counts[...][1]: expected int, got str"),
        ({"counts": {"train": [True]}}, "counts[...][0]: expected int, got bool"),
        ({"inner": {"share": 2}}, "share must be at most 1, got 2.0"),
        ({"inner": None}, "inner: expected object, got null"),
    ],
)
def test_types_that_do_not_fit(changes, message):
    with pytest.raises(ValueError) as error:
        safe_load.parse_json(json.dumps(GOOD | changes).encode(), Outer)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"name": "x"}', b"\xff", b"[" * 10**6, b'{"name": "x", "counts": NaN}']
)
def test_what_is_no_such_json(content):
    with pytest.raises(ValueError):
        safe_load.parse_json(content, Outer)
    with pytest.raises(ValueError):
        safe_load.parse_json(b'{"a":' * 10**5 + b"1", dict[str, object])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_value_error(content):
    header = npy(np.arange(3))[:60]
    for parse in (safe_load.parse_array, safe_load.parse_arrays, lambda data: safe_load.parse_json(data, Outer)):
        for data in (content, header + content):
            try:
                parse(data)
            except ValueError:
                pass


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(True),
        np.zeros((0, 3), np.int32),
        np.arange(3, dtype=">u2"),
        np.full(2, np.nan, np.float16),
    ],
)
def test_arrays_are_read_as_numpy_reads_them(array):
    for read in (safe_load.parse_array(npy(array)), safe_load.parse_arrays(npz(**{"layer1/0": array}))["layer1/0"]):
        np.testing.assert_array_equal(read, array, strict=True)
        assert read.flags.writeable


def test_no_pickle_and_no_objects():
    for array in (np.array([{}]), np.array(["a"]), np.array([(1, 2)], "i,i"), np.array(["2020"], "M8[Y]")):
        with pytest.raises(ValueError, match="^expected an array of numbers, got "):
            safe_load.parse_array(npy(array, allow_pickle=True))


def test_sizes_that_the_header_makes_up():
    honest = npy(np.zeros((100, 100)))
    for shape in ("(900, 900)", "(99, 100)"):
        with pytest.raises(ValueError, match=r"^an array of shape .* and float64 in 80,000 bytes$"):
            safe_load.parse_array(honest.replace(b"(100, 100)", shape.encode().ljust(10)))
    with pytest.raises(ValueError):
        safe_load.parse_array(honest.replace(b"(100, 100)", b"(-10,-900)"))
    with pytest.raises(ValueError, match="^an array of shape"):
        safe_load.parse_array(honest[:-1])


def test_archives_that_unpack_to_more_than_there_is():
    with pytest.raises(ValueError, match="^compressed, as np.savez does not write it$"):
        safe_load.parse_arrays(npz(np.savez_compressed, x=np.zeros(10**6)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", npy(np.zeros(10)))
    bomb = bytearray(file.getvalue())
    directory = bomb.index(b"PK\x01\x02")
    bomb[directory + 24 : directory + 28] = struct.pack("<I", 2**31)  # the size that it says it has
    with pytest.raises(ValueError, match="^more in it than there are bytes$"):
        safe_load.parse_arrays(bytes(bomb))
    with pytest.raises(ValueError, match="^no archive of arrays"):
        safe_load.parse_arrays(file.getvalue()[:-5])
    bomb = bytearray(file.getvalue())
    bomb[100] ^= 1
    with pytest.raises(ValueError, match="^no archive of arrays .*CRC|^no NumPy array"):
        safe_load.parse_arrays(bytes(bomb))

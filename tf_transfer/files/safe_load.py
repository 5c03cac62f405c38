"""Reading files that somebody else may have written: none can run code, or take more memory than its size suggests.

Stores and workdirs are passed around. So JSON is read with its types checked, arrays are read without pickle and only
if their size is that of the file, and pipes and devices are not waited for.
"""

from __future__ import annotations

import io
import math
import os
import stat
import zipfile
from typing import TypeVar

import msgspec
import numpy as np

from tf_transfer.files.printable import printable

_FILE_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a directory"}
_NUMBER_KINDS = "biuf"  # kinds of NumPy types: bool, integers, floating point

T = TypeVar("T")


def open_file(path: str | os.PathLike) -> io.BufferedReader:
    """Opens a file for reading, without waiting for whatever is no ordinary one.

    Raises:
      ValueError: It is a pipe, a device or the like; the message does not name it.
      OSError: It cannot be read.
    """
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    mode = os.fstat(file.fileno()).st_mode
    if not stat.S_ISREG(mode):
        file.close()
        raise ValueError(f"not a file, but {_FILE_KINDS.get(stat.S_IFMT(mode), 'a device')}")
    return file


def read_bytes(path: str | os.PathLike, most: int = 1 << 32) -> bytes:
    """Reads a file, without waiting for whatever is no ordinary one.

    Args:
      path: The file.
      most: Number of bytes that it may have at most.

    Raises:
      ValueError: It is not a file or too large; the message does not name it.
      OSError: It cannot be read.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ValueError(f"{size:,} bytes; at most {most:,} are read")
        return file.read(most)


def refuse_links(directory: str | os.PathLike) -> None:
    """Checks that there are no links in a directory, so that what is written into it is written nowhere else.

    Raises:
      ValueError: There is a link in it.
    """
    for parent, directories, files in os.walk(os.fspath(directory)):
        for path in (os.path.join(parent, name) for name in (*directories, *files)):
            if os.path.islink(path):
                inside = printable(os.path.relpath(path, directory))
                raise ValueError(f"{str(directory)!r} has a link in it, {inside}, which might lead anywhere; remove it")


def parse_json(content: bytes, kind: type[T]) -> T:
    """Reads JSON into a dataclass, or any other type that msgspec knows, whose types and constraints must hold.

    Fields that the type does not have are ignored, unless it is a `msgspec.Struct` that forbids them; numbers are
    finite.

    Args:
      content: What the file holds.
      kind: For example `Result` or `dict[str, tuple[int, ...]]`.

    Raises:
      ValueError: It is not JSON, or of other types; the message says where.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except msgspec.MsgspecError as error:
        raise ValueError(_explain(error)) from error


def convert(values: object, kind: type[T], name: str = "") -> T:
    """Builds a dataclass from nested dicts and sequences, as `parse_json` does.

    Args:
      values: What it is built from.
      kind: A dataclass, or any other type that msgspec knows.
      name: What the values are called in messages, for example the name of a field.

    Raises:
      ValueError: Types do not fit; the message says where.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.MsgspecError as error:
        raise ValueError(_explain(error, name)) from error


def _explain(error: msgspec.MsgspecError, name: str = "") -> str:
    if isinstance(error.__cause__, ValueError):  # what a class says of its own values
        return str(error.__cause__)
    what, _, where = printable(str(error)).replace("`", "").partition(" - at $")
    what = what.replace("Expected array,", "Expected a tuple such as (1, 2),")
    where = (name + where).lstrip(".")
    return f"{where}: {what[0].lower()}{what[1:]}" if where else what


def parse_array(content: bytes) -> np.ndarray:
    """Reads what `np.save` wrote, if it is an array of numbers.

    Raises:
      ValueError: It is anything else, or its size is not that of `content`.
    """
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("an unknown version of the format")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # NumPy's parser raises errors of many kinds
        raise ValueError(f"no NumPy array ({error})") from error
    if dtype.kind not in _NUMBER_KINDS or min(shape, default=0) < 0:
        raise ValueError(f"expected an array of numbers, got {dtype} of shape {shape}")
    start = stream.tell()
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError(f"an array of shape {shape} and {dtype} in {len(content) - start:,} bytes")
    array = np.frombuffer(content, dtype, offset=start) if len(content) > start else np.zeros(0, dtype)
    return array.reshape(shape, order="F" if fortran_order else "C").copy()


def parse_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Reads what `np.savez` wrote: arrays of numbers by name.

    Raises:
      ValueError: It is anything else. Compressed archives, which may unpack to any size, are refused.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("compressed, as np.savez does not write it")
            if sum(member.file_size for member in members) > len(content):
                raise ValueError("more in it than there are bytes")
            return {member.filename.removesuffix(".npy"): parse_array(archive.read(member)) for member in members}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"no archive of arrays ({error})") from error

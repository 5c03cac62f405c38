"""Checksums, so that what is read is what was written, or an error.

A sealed directory lists the SHA-256 of its files in `SHA256SUMS`, as the command `sha256sum -c SHA256SUMS` reads it. A
sealed JSON object has the SHA-256 of its other fields in the field `sha256`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from tf_transfer.files import atomic, safe_load

SUMS = "SHA256SUMS"
_SEAL = "sha256"
_MAX_SUMS_BYTES = 1 << 20

T = TypeVar("T")


class DamagedError(ValueError):
    """A file is missing, or is not what was written."""


def hash_json(values: object) -> str:
    """SHA-256 of JSON values, in hexadecimal, whatever the order of their fields and the layout of their file."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, allow_nan=False).encode()).hexdigest()


def hash_file(path: pathlib.Path) -> str:
    """SHA-256 of a file, in hexadecimal, without keeping it in memory.

    Raises:
      ValueError: It is a pipe, a device or the like.
      OSError: It cannot be read.
    """
    with safe_load.open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal_json(fields: Mapping[str, object]) -> dict[str, object]:
    """Adds the SHA-256 of some fields to them."""
    return {**fields, _SEAL: hash_json(fields)}


def unseal_json(content: bytes, kind: type[T]) -> T:
    """Reads a sealed JSON object.

    Args:
      content: What the file holds.
      kind: What its fields are read into, for example a dataclass or `dict[str, object]`.

    Raises:
      ValueError: It is not what was sealed, or does not fit `kind`; the message does not name the file.
    """
    fields = safe_load.parse_json(content, dict[str, object])
    if fields.pop(_SEAL, None) != hash_json(fields):
        raise ValueError("its SHA-256 does not fit: it has changed since it was written")
    return safe_load.convert(fields, kind)


@contextlib.contextmanager
def sealed_directory(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty directory for files, which takes the place of `path`, with their checksums, if all goes well.

    Raises:
      OSError: It could not be written, the disk being full for example; `path` is then as it was before.
    """
    with atomic.name_in_errors(path), atomic.write_directory(path, overwrite=True) as partial:
        yield partial
        sums = {file.name: hash_file(file) for file in sorted(partial.iterdir())}
        (partial / SUMS).write_text(_format_sums(sums))


def read_bytes(directory: pathlib.Path, name: str) -> bytes:
    """Reads a file of a sealed directory.

    Raises:
      DamagedError: The file or its checksum is missing, or they differ.
    """
    expected = _expected_hash(directory, name)
    with _damage_named(directory / name):
        content = safe_load.read_bytes(directory / name)
        _compare(hashlib.sha256(content).hexdigest(), expected)
        return content


def check(directory: pathlib.Path, names: Iterable[str]) -> None:
    """Checks some files of a sealed directory without keeping them in memory.

    Raises:
      DamagedError: As in `read_bytes`.
    """
    for name in names:
        expected = _expected_hash(directory, name)
        with _damage_named(directory / name):
            _compare(hash_file(directory / name), expected)


def _expected_hash(directory: pathlib.Path, name: str) -> str:
    path = directory / SUMS
    with _damage_named(path):
        text = safe_load.read_bytes(path, _MAX_SUMS_BYTES).decode(errors="replace")
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in text.split("\n")[:-1])}
        if _format_sums(sums) != text:
            raise ValueError("it is not as it was written")
        if name not in sums:
            raise ValueError(f"it does not list {name}")
        return sums[name]


def _format_sums(sums: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def _compare(found: str, expected: str) -> None:
    if found != expected:
        raise ValueError(f"its SHA-256 is not the one in {SUMS}")


@contextlib.contextmanager
def _damage_named(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DamagedError(f"{path} is missing") from None
    except ValueError as error:
        raise DamagedError(f"{path} is damaged ({error})") from error

"""Directories with checksums: written beside, moved into place whole, and checked whenever something is read.

`SHA256SUMS` in them is what the command `sha256sum -c SHA256SUMS` reads.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping

from tf_transfer.files import atomic, safe_load

SUMS = "SHA256SUMS"
PARTIAL = ".writing-{}"


class DamagedError(ValueError):
    """A file is missing, or is not what was written."""


@contextlib.contextmanager
def writing(final: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty directory that takes the place of `final`, with checksums, if all goes well.

    What a killed process left of the same directory is removed. Only one process may write it at a time.

    Raises:
      OSError: It could not be written, the disk being full for example; `final` is then as it was before.
    """
    partial = final.with_name(PARTIAL.format(final.name))
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with atomic.naming(final):
            yield partial
            files = sorted(partial.iterdir())
            sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
            (partial / SUMS).write_text(_lines(sums))
            for path in (*files, partial / SUMS, partial):
                _flush(path)  # a machine that goes down may not leave names without contents
            shutil.rmtree(final, ignore_errors=True)
            os.replace(partial, final)
            _flush(final.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _flush(path: pathlib.Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_bytes(directory: pathlib.Path, name: str) -> bytes:
    """Reads a file of such a directory.

    Raises:
      DamagedError: The file or its checksum is missing, or they differ.
    """
    expected = _read_sums(directory).get(name)
    if expected is None:
        raise DamagedError(f"{directory / SUMS} is damaged (it does not list {name})")
    try:
        content = safe_load.read_bytes(directory / name)
    except FileNotFoundError:
        raise DamagedError(f"{directory / name} is missing") from None
    except ValueError as error:
        raise DamagedError(f"{directory / name} is damaged ({error})") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise DamagedError(f"{directory / name} is damaged (its SHA-256 is not the one in {SUMS})")
    return content


def check(directory: pathlib.Path, names: Iterable[str]) -> None:
    """Reads some files of such a directory.

    Raises:
      DamagedError: As in `read_bytes`.
    """
    for name in names:
        read_bytes(directory, name)


def _read_sums(directory: pathlib.Path) -> dict[str, str]:
    try:
        text = (directory / SUMS).read_bytes().decode(errors="replace")
    except FileNotFoundError:
        raise DamagedError(f"{directory / SUMS} is missing") from None
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in text.split("\n")[:-1])}
    if _lines(sums) != text:
        raise DamagedError(f"{directory / SUMS} is damaged (it is not as it was written)")
    return sums


def _lines(sums: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())

"""Writing beside: what is to stand under a name is written under another one, and moved into place once it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the path of an empty file beside `path`, which takes its place if all goes well.

    Raises:
      OSError: It could not be written; what stood there is as it was.
    """
    with naming(path), claimed(path, lambda temporary: temporary.touch()) as temporary:
        yield temporary
        os.replace(temporary, path)


@contextlib.contextmanager
def claimed(path: pathlib.Path, make: Callable[[pathlib.Path], None]) -> Iterator[pathlib.Path]:
    """Yields a path beside `path` for this process alone, and removes what stands there in the end.

    What killed processes left beside the same path is removed too. That they are dead is told by a lock, which holds
    among machines that share a file system, and not by their ids.

    Args:
      path: What is to be written.
      make: Makes a file or a directory of the path that it is given.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    for other in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if other.name.removeprefix(f".{path.name}.").isdigit() and (lock := _lock(other)) is not None:
            _remove(other)
            os.close(lock)
    lock = None
    try:
        make(temporary)
        lock = _lock(temporary)
        yield temporary
    finally:
        _remove(temporary)
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def naming(path: pathlib.Path) -> Iterator[None]:
    """Lets errors of writing name `path`: that of a full disk does not say where."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}; {path} could not be written") from error


def _lock(path: pathlib.Path) -> int | None:
    """Locks a file or directory until what is returned is closed; None if it is locked, gone, or cannot be."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # no pipe is waited for
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle
    except OSError:
        os.close(handle)
        return None


def _remove(path: pathlib.Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()

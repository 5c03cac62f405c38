"""Atomic writes: a file or directory is written under another name and moved into place once it is whole."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import secrets
import shutil
from collections.abc import Iterator

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp", re.DOTALL)
_LOCK = ".lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def replace_file(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the path of a file to be written, which takes the place of `path` if all goes well.

    It has reached the disk before it appears under its name. Directories that lead to it are made if need be.

    Raises:
      OSError: It could not be written; the message names it, and what stood there is as it was.
    """
    with name_in_errors(path), _temporary(path) as temporary:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)


@contextlib.contextmanager
def write_directory(path: pathlib.Path, overwrite: bool = False) -> Iterator[pathlib.Path]:
    """Yields an empty directory, which becomes `path` with all that is written into it if all goes well.

    Args:
      path: The directory; those that lead to it are made if need be.
      overwrite: Whether it may take the place of another one. If not, a directory with anything in it is an error.

    Raises:
      OSError: It could not be written, and what stood there is as it was; the message does not name `path`.
    """
    with _temporary(path) as temporary:
        temporary.mkdir()
        yield temporary
        for directory, _, files in os.walk(temporary, topdown=False):
            for name in files:
                sync(pathlib.Path(directory, name))
            sync(pathlib.Path(directory))
        if overwrite:
            shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
        sync(path.parent)


@contextlib.contextmanager
def name_in_errors(path: pathlib.Path) -> Iterator[None]:
    """Lets errors of writing name `path`: that of a full disk does not say where."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}; {path} could not be written") from error


@contextlib.contextmanager
def _temporary(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a path that does not exist yet, in a new directory beside `path`, and removes that directory in the end.

    The directory holds a locked file, by which other processes tell that its writer lives: process ids would mean
    nothing to other machines that share the file system. So it also removes what dead writers left beside `path`.
    """
    _remove_abandoned(path.parent)
    directory, lock = _make_locked_directory(path)
    try:
        yield directory / path.name
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _make_locked_directory(path: pathlib.Path) -> tuple[pathlib.Path, int | None]:
    while True:
        # Not tempfile.mkdtemp, whose directories only their owner may read.
        directory = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        directory.mkdir(parents=True)
        try:
            return directory, _lock(directory)
        except (FileNotFoundError, BlockingIOError):
            continue  # another process took it for abandoned before it was locked
        except OSError as error:
            if error.errno in _NO_LOCKS:  # of such a file system, nothing is ever taken for abandoned
                return directory, None
            shutil.rmtree(directory, ignore_errors=True)
            raise


def _remove_abandoned(parent: pathlib.Path) -> None:
    if not parent.is_dir():
        return
    for entry in list(os.scandir(parent)):
        if _TEMPORARY.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            with contextlib.suppress(OSError):  # its writer lives, or it is gone already
                lock = _lock(pathlib.Path(entry))
                shutil.rmtree(entry, ignore_errors=True)
                os.close(lock)


def _lock(directory: pathlib.Path) -> int:
    """Locks a temporary directory until the handle that is returned is closed.

    Raises:
      BlockingIOError: It is locked.
      FileNotFoundError: It is gone.
      OSError: There are no locks here, or the directory cannot be written to.
    """
    file = directory / _LOCK
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)  # no pipe is waited for
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), os.stat(file)):  # removed between opening and locking
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    except BaseException:
        os.close(handle)
        raise
    return handle


def sync(path: pathlib.Path) -> None:
    """Waits until a file's content, or a directory's list of names, has reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

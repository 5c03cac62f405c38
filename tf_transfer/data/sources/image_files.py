"""The files of a folder: finding them, telling which may be read, and reading them, whatever lies there."""

from __future__ import annotations

import dataclasses
import os
import pathlib

from tf_transfer.data.sources.decoding import Unusable
from tf_transfer.files import safe_load

MAX_BYTES = 512 << 20  # of one file: as much as 89 million pixels take, not compressed, with 16 bits
_LEFT_BY_SYSTEMS = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini"}
_OUTSIDE = "link that leads outside the folder; copy the file itself (cp -L)"


@dataclasses.dataclass(frozen=True, order=True)
class FoundFile:
    """A file that should be an image.

    Attributes:
      path: Where it lies.
      problem: Why it is not to be read; empty if it is.
    """

    path: pathlib.Path
    problem: str = ""

    def read(self) -> bytes:
        """Reads the file, without waiting for whatever is no ordinary file.

        Raises:
          Unusable: It cannot or should not be read.
        """
        if self.problem:
            raise Unusable(self.problem)
        try:
            return safe_load.read_bytes(self.path, MAX_BYTES)
        except OSError as error:
            raise Unusable(f"cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise Unusable(str(error)) from error


def is_ignored(name: str) -> bool:
    """Whether a file or directory is hidden, or left there by an operating system, and so not part of the data."""
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def find_files(directory: pathlib.Path, root: pathlib.Path) -> list[FoundFile]:
    """Finds all files below a directory, sorted by path; a link is followed to a file within `root` alone.

    Args:
      directory: Searched with its subdirectories.
      root: The folder that files may not lie outside of.
    """
    found, waiting = [], [directory]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if is_ignored(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(pathlib.Path(entry.path))
                    else:
                        found.append(FoundFile(pathlib.Path(entry.path), _problem_of(entry, root)))
        except OSError as error:
            found.append(FoundFile(pathlib.Path(error.filename), f"cannot be searched ({error.strerror})"))
    return sorted(found)


def _problem_of(entry: os.DirEntry, root: pathlib.Path) -> str:
    if not entry.is_symlink():
        return ""
    try:
        target = pathlib.Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # before Python 3.13, a circle of links is a RuntimeError
        reason = getattr(error, "strerror", None) or "it leads in a circle"
        return f"link that leads nowhere ({reason})"
    if not target.is_relative_to(root.resolve()):
        return _OUTSIDE
    return "link to a directory; copy its images instead" if target.is_dir() else ""

"""Finding the image files of a folder and reading them, whatever else lies there."""

from __future__ import annotations

import dataclasses
import os
import pathlib

from tf_transfer.data.sources.decoding import UnusableImageError
from tf_transfer.files import safe_load

MAX_BYTES = 512 << 20  # of one file: 89 million pixels of 16 bits a channel, not compressed
_SYSTEM_FILES = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini"}


@dataclasses.dataclass(frozen=True, order=True)
class FoundFile:
    """A file that should be an image.

    Attributes:
      path: Where it lies.
      problem: Why it must not be read; empty if it may.
    """

    path: pathlib.Path
    problem: str = ""

    def read(self) -> bytes:
        """Reads the file, without waiting for whatever is no ordinary file.

        Raises:
          UnusableImageError: It cannot or should not be read.
        """
        if self.problem:
            raise UnusableImageError(self.problem)
        try:
            return safe_load.read_bytes(self.path, MAX_BYTES)
        except OSError as error:
            raise UnusableImageError(f"cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise UnusableImageError(str(error)) from error


def is_ignored(name: str) -> bool:
    """Whether a file or directory is hidden or an operating system's own, and so not part of the data."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def find_files(directory: pathlib.Path, root: pathlib.Path) -> list[FoundFile]:
    """Finds all files below a directory, sorted by path; links are followed only to files within `root`.

    Args:
      directory: Searched with its subdirectories.
      root: The folder that all files must lie in.
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
                        found.append(FoundFile(pathlib.Path(entry.path), _link_problem(entry, root)))
        except OSError as error:
            found.append(FoundFile(pathlib.Path(error.filename), f"cannot be searched ({error.strerror})"))
    return sorted(found)


def _link_problem(entry: os.DirEntry, root: pathlib.Path) -> str:
    if not entry.is_symlink():
        return ""
    try:
        target = pathlib.Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # before Python 3.13, links in a circle raise RuntimeError
        reason = getattr(error, "strerror", None) or "it leads in a circle"
        return f"link that leads nowhere ({reason})"
    if not target.is_relative_to(root.resolve()):
        return "link that leads outside the folder; copy the file itself (cp -L)"
    return "link to a directory; copy its images instead" if target.is_dir() else ""

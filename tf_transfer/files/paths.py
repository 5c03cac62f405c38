"""Paths as people write them: `~` is the home directory, and what names no place on this machine is refused."""

from __future__ import annotations

import os
import pathlib
import re

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_WINDOWS_DRIVE = re.compile(r"([a-z]):[\\/]", re.IGNORECASE)


def local_path(path: str | os.PathLike) -> pathlib.Path:
    """Expands `~` and `~user` at the beginning of a path.

    Raises:
      ValueError: It is an address such as `gs://bucket`, a path of Windows, or the home of a user who does not exist.
    """
    text = os.fspath(path)
    if _ADDRESS.match(text):
        raise ValueError(f"{text!r} is no path of this machine; copy or mount it, and give its directory here")
    if drive := _WINDOWS_DRIVE.match(text):
        inside_wsl = f"/mnt/{drive[1].lower()}/{text[3:]}".replace("\\", "/")
        raise ValueError(f"{text!r} is a path of Windows; in WSL it is {inside_wsl!r}")
    expanded = os.path.expanduser(text)
    if re.match(r"~[\w.-]*(/|$)", expanded):
        raise ValueError(f"{text!r}: there is no such user; write the whole path, or ./{text} if it is called so")
    return pathlib.Path(expanded)

"""Versions of what computes the numbers."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping

_PACKAGES = ("tensorflow", "keras", "numpy")


def installed() -> dict[str, str]:
    """Versions of Python and of the packages that compute, and the kind of machine; nothing is imported."""
    packages = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine(), **packages}


def that_compute(recorded: Mapping[str, str]) -> dict[str, str]:
    """Those of some versions that numbers may depend on: not Python's own."""
    return {name: version for name, version in recorded.items() if name != "python"}

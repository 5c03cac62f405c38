"""Seeds derived from names, so that every random choice of a run is its own and repeatable."""

from __future__ import annotations

import hashlib


def derive_seed(*parts: str | int) -> int:
    """Derives a seed from what it is for.

    Args:
      *parts: What the seed is for, for example `"init", "random-0", 0, "B3B", 4`.

    Returns:
      An integer in [0, 2**31), which depends on nothing but the parts.
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1

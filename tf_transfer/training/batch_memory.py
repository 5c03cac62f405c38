"""Memory for batches, used again and again."""

from __future__ import annotations

import collections
import ctypes
import weakref

import numpy as np

_free: dict[int, list[np.ndarray]] = collections.defaultdict(list)  # by size


def take(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An empty array for TensorFlow, in the memory of one that it has let go of, if there is one.

    TensorFlow copies an array that does not start at a multiple of 64 bytes; and memory that the system hands out anew
    has to be cleared first, which takes as long as filling it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        memory = _free[size].pop()
    except IndexError:
        memory = np.empty(size + 63, np.uint8)
    # Whatever is made of the array keeps this holder, since NumPy does not look behind it; it need not keep the array.
    holder = (ctypes.c_uint8 * len(memory)).from_buffer(memory)
    weakref.finalize(holder, _free[size].append, memory).atexit = False
    return np.ndarray(shape, dtype, holder, offset=-memory.ctypes.data % 64)

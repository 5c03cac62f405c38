"""Python functions in tf.data, and the end of the program.

When Python is taken down, threads that ask for its lock wait for ever, and TensorFlow, taking down an iterator that a
script still holds, waits for those threads. So before that, the reads under way are waited for: tf.data reads ahead as
far as its buffers reach, and then rests.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

_LONGEST_WAIT, _REST = 10.0, 0.05  # seconds
_lock = threading.Lock()
_under_way = 0
_last_end = 0.0


def numpy_function(function: Callable[..., np.ndarray], inputs: Sequence[tf.Tensor], dtype: tf.DType) -> tf.Tensor:
    """`tf.numpy_function`, which a script may leave while it is being called."""

    def counted(*arguments: np.ndarray) -> np.ndarray:
        _count(1)
        try:
            return function(*arguments)
        finally:
            _count(-1)

    return tf.numpy_function(counted, inputs, dtype)


def _count(change: int) -> None:
    global _under_way, _last_end
    with _lock:
        _under_way += change
        _last_end = time.monotonic()


@atexit.register
def _wait_until_at_rest() -> None:
    end = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < end and (_under_way or time.monotonic() - _last_end < _REST):
        time.sleep(_REST / 5)

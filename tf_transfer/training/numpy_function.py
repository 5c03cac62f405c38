"""Python functions in tf.data, and the end of the program.

When Python shuts down, threads that ask for its lock wait for ever; and TensorFlow, when it destroys an iterator that a
script still holds, waits for those threads. So the calls in progress are waited for before that: tf.data reads ahead
until its buffers are full, and then is idle.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

_MAX_WAIT_SECONDS, _POLL_SECONDS = 10.0, 0.01
_lock = threading.Lock()
_active_calls = 0
_last_change = 0.0
_idle_seconds = 0.0


def numpy_function(
    function: Callable[..., np.ndarray], inputs: Sequence[tf.Tensor], dtype: tf.DType, idle_seconds: float = 0.05
) -> tf.Tensor:
    """`tf.numpy_function` in a stream that a script may still hold when it ends.

    Args:
      function: Takes and returns arrays.
      inputs: Its arguments.
      dtype: The type of what it returns.
      idle_seconds: Seconds without a call after which the stream counts as idle.
    """
    global _idle_seconds
    _idle_seconds = max(_idle_seconds, idle_seconds)

    def counted(*arguments: np.ndarray) -> np.ndarray:
        _count(1)
        try:
            return function(*arguments)
        finally:
            _count(-1)

    return tf.numpy_function(counted, inputs, dtype)


def _count(change: int) -> None:
    global _active_calls, _last_change
    with _lock:
        _active_calls += change
        _last_change = time.monotonic()


@atexit.register
def _wait_until_idle() -> None:
    end = time.monotonic() + _MAX_WAIT_SECONDS
    while time.monotonic() < end and (_active_calls or time.monotonic() - _last_change < _idle_seconds):
        time.sleep(_POLL_SECONDS)

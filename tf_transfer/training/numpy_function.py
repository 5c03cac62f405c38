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

_LONGEST_WAIT, _POLL = 10.0, 0.01  # seconds
_lock = threading.Lock()
_under_way = 0
_last_change = 0.0
_rest = 0.0


def numpy_function(
    function: Callable[..., np.ndarray], inputs: Sequence[tf.Tensor], dtype: tf.DType, rest: float = 0.05
) -> tf.Tensor:
    """`tf.numpy_function`, which a script may leave while it is being called.

    Args:
      function: Takes and returns arrays.
      inputs: Its arguments.
      dtype: The type of what it returns.
      rest: Seconds without a call after which none is to come any more, unless somebody takes more of the stream.
    """
    global _rest
    _rest = max(_rest, rest)

    def counted(*arguments: np.ndarray) -> np.ndarray:
        _count(1)
        try:
            return function(*arguments)
        finally:
            _count(-1)

    return tf.numpy_function(counted, inputs, dtype)


def _count(change: int) -> None:
    global _under_way, _last_change
    with _lock:
        _under_way += change
        _last_change = time.monotonic()


@atexit.register
def _wait_until_at_rest() -> None:
    end = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < end and (_under_way or time.monotonic() - _last_change < _rest):
        time.sleep(_POLL)

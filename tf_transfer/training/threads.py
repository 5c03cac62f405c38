"""How TensorFlow shares a processor's cores between and within its operations."""

from __future__ import annotations

import tensorflow as tf

from tf_transfer.experiment.layer_tables import Architecture

# Operations of fewer floating-point operations are not worth sharing. With batches of 64, those of `convnet` have at
# most 85 million, those of CaffeNet 29 billion.
_WORTH_SHARING = 1e9


def use_threads(count: int, architecture: Architecture, batch_size: int) -> None:
    """Gives TensorFlow so many threads. To be called before its first operation.

    In a small network operations run side by side, each on one thread; in a large one all work at each operation.
    """
    largest = max(cost.flops for cost in architecture.costs()) * batch_size
    tf.config.threading.set_inter_op_parallelism_threads(count)
    tf.config.threading.set_intra_op_parallelism_threads(count if largest > _WORTH_SHARING else 1)

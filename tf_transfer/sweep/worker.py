"""A process that trains cohorts: `python -m tf_transfer.sweep.worker WORKDIR PARENT THREADS CONNECTION`.

A sweep sends it the names of a cohort's runs through a Unix socket, together with the open file for its output. It
answers once the cohort is done. Any failure ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import sys
import threading
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported

import keras
import tensorflow as tf

from tf_transfer.experiment.graph_networks import GraphNetwork
from tf_transfer.experiment.layer_tables import Architecture
from tf_transfer.experiment.machine import Machine
from tf_transfer.experiment.plan import Cohort, Plan, make_cohort, make_plan
from tf_transfer.results import workdir
from tf_transfer.sweep import preemption
from tf_transfer.sweep.local_executor import DONE
from tf_transfer.sweep.progress import Failure, ProgressReporter
from tf_transfer.training.checkpointing import Preempted
from tf_transfer.training.train import train_cohort

_MAX_MESSAGE_BYTES = 1 << 20

# Keras and TensorFlow keep something of every model that was trained: 10 MB of `convnet`, 500 MB of CaffeNet. A process
# whose memory has grown by this factor since the end of its first cohort is replaced.
_MAX_GROWTH = 1.25

# Operations of fewer floating-point operations are not worth sharing between threads. With batches of 64, those of
# `convnet` have at most 85 million, those of CaffeNet 29 billion.
_FLOPS_WORTH_SHARING = 1e9


def main(directory: str, parent: str, num_threads: str, connection: str) -> None:
    """Trains the cohorts that come through the socket `connection`, on `num_threads` threads, while `parent` lives."""
    stop = preemption.watch(int(parent))
    machine = Machine.detect()
    experiment = workdir.read_experiment(directory)
    if experiment.deterministic == "yes" or (experiment.deterministic == "auto" and not machine.has_gpu):
        tf.config.experimental.enable_op_determinism()
    plan = make_plan(experiment)
    runs = {run.name: run for run in plan.runs}
    use_threads(int(num_threads), plan.architecture(plan.runs[0]), experiment.recipe.batch_size)
    allowed_memory = 0.0
    with socket.socket(fileno=int(connection)) as sweep:
        for names in received_cohorts(sweep):
            _train(directory, plan, make_cohort([runs[name] for name in names]), stop, machine)
            keras.backend.clear_session()
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            allowed_memory = allowed_memory or _MAX_GROWTH * memory
            if memory > allowed_memory:
                break  # and the sweep starts a new process


def use_threads(count: int, architecture: Architecture | GraphNetwork, batch_size: int) -> None:
    """Sets the number of TensorFlow's threads. Call it before the first operation.

    In a small network, operations run side by side, each on one thread; in a large one, threads share each operation.
    """
    largest = max(cost.flops for cost in architecture.costs()) * batch_size
    tf.config.threading.set_inter_op_parallelism_threads(count)
    tf.config.threading.set_intra_op_parallelism_threads(count if largest > _FLOPS_WORTH_SHARING else 1)


def received_cohorts(connection: socket.socket) -> Iterator[tuple[str, ...]]:
    """Yields one cohort after another, as the names of its runs, until the sweep ends.

    While a cohort trains, this process writes to the file that came with it. When the next one is asked for, the file
    is released, and the sweep learns that the cohort is done.
    """
    while True:
        received, files, _, _ = socket.recv_fds(connection, _MAX_MESSAGE_BYTES, 1)
        while received and not received.endswith(b"\n"):
            more = connection.recv(_MAX_MESSAGE_BYTES)
            received = received + more if more else b""
        if not received:
            return
        _redirect_output(files[0])
        os.close(files[0])
        yield tuple(json.loads(received))
        with open(os.devnull, "wb") as nowhere:
            _redirect_output(nowhere.fileno())
        connection.sendall(DONE)


def _redirect_output(file: int) -> None:
    for output in (1, 2):
        os.dup2(file, output)


def _train(directory: str, plan: Plan, cohort: Cohort, stop: threading.Event, machine: Machine) -> None:
    reporter = ProgressReporter(directory, cohort, plan.num_steps(cohort.runs[0]))
    try:
        train_cohort(directory, plan, cohort, on_gpu=machine.has_gpu, stop=stop, on_step=reporter.on_step)
    except Preempted as stopped:
        print(stopped, flush=True)
        sys.exit(preemption.STOPPED)
    except Exception as error:
        out_of_memory = isinstance(error, MemoryError | tf.errors.ResourceExhaustedError)
        message = f"{type(error).__name__}: {' '.join(str(error).split())}"
        with contextlib.suppress(OSError):  # the disk may be full; the log has the error too
            reporter.on_failure(Failure("memory" if out_of_memory else "error", message))
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Measuring several ways to do one thing in turn, A B A B, so that whatever else the machine does hits all of them."""

from __future__ import annotations

import concurrent.futures
import datetime
import multiprocessing
import os
import pathlib
import platform
import re
import time
from collections.abc import Callable, Mapping

import numpy as np


def medians(ways: Mapping[str, Callable[[], float]], rounds: int, warm_up: bool = True) -> dict[str, np.ndarray]:
    """Measures each way once a round, in turn.

    Args:
      ways: By its name, what does the work once and returns what it took; several figures, if it returns a tuple.
      rounds: How often each is measured.
      warm_up: Whether each is done once before, unmeasured.

    Returns:
      By name, the median of each figure over the rounds.
    """
    if warm_up:
        for measure in ways.values():
            measure()
    taken: dict[str, list] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, measure in ways.items():
            taken[name].append(measure())
    return {name: np.median(values, axis=0) for name, values in taken.items()}


def stopwatch(do: Callable[..., object], *arguments) -> Callable[[], float]:
    """Returns a function that calls `do` and returns the wall time that it took, in seconds."""

    def measure() -> float:
        start = time.perf_counter()
        do(*arguments)
        return time.perf_counter() - start

    return measure


class Worker:
    """Does work in a process of its own, which is idle while others are measured; a context manager.

    In one process, the threads with which one library waits for work would slow the other down.

    Args:
      make: Called there once with `arguments`; what it returns does the work.
      *arguments: What `make` is called with.
    """

    def __init__(self, make: Callable[..., Callable], *arguments):
        context = multiprocessing.get_context("spawn")
        self._pool = concurrent.futures.ProcessPoolExecutor(1, context, _initialise_worker, (make, arguments))

    def __call__(self, *arguments):
        """Does the work once and returns its result."""
        return self._pool.submit(_call_worker, *arguments).result()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._pool.shutdown()


def _initialise_worker(make: Callable[..., Callable], arguments: tuple) -> None:
    global _worker_function
    _worker_function = make(*arguments)


def _call_worker(*arguments):
    return _worker_function(*arguments)


def machine() -> str:
    """Says what the figures hold for: processor, cores, date."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    name = re.search(r"model name\s*: (.*)", text)
    features = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {flag}" in text]
    return (
        f"{os.cpu_count()} cores of {name[1] if name else platform.processor()} ({' '.join(features)}), "
        f"{datetime.date.today()}"
    )


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Prints a table in Markdown, as it stands in bench/RESULTS.md, under its title and the machine."""
    print(f"\n{title}\n{machine()}\n")
    for cells in (columns, ["---"] * len(columns), *rows):
        print(f"| {' | '.join(cells)} |")

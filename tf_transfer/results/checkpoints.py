"""Checkpoints: all that a training needs to continue as if it had never stopped.

WORKDIR/checkpoints/COHORT/step-00001200/
  arrays.npz   variables of networks, optimizer and metrics; which test images were right
  state.json   what they belong to, the history so far
  SHA256SUMS
The last two are kept, so that a damaged one costs only the steps since the one before.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tf_transfer.files import checksums, safe_load

_ARRAYS, _STATE = "arrays.npz", "state.json"
_KEPT = 2


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two steps.

    Attributes:
      step: Steps done.
      identity: What is being trained: runs, settings, versions. Only the same training may continue from it.
      arrays: Arrays by name.
      state: Everything else, as JSON values.
    """

    step: int
    identity: Mapping
    arrays: Mapping[str, np.ndarray]
    state: Mapping


def directory_of(workdir: str | os.PathLike, cohort: str) -> pathlib.Path:
    """Where the checkpoints of a cohort lie."""
    return pathlib.Path(workdir) / "checkpoints" / cohort


def save(directory: pathlib.Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint and removes all but the last two. Only one process may do so at a time.

    Raises:
      OSError: It could not be written; the earlier ones are kept.
    """
    with checksums.sealed_directory(directory / f"step-{checkpoint.step:08d}") as partial:
        arrays: dict[str, Any] = dict(checkpoint.arrays)
        np.savez(partial / _ARRAYS, **arrays)
        state = {"step": checkpoint.step, "identity": checkpoint.identity, "state": checkpoint.state}
        (partial / _STATE).write_text(json.dumps(state, allow_nan=False))
    for old in _steps(directory)[:-_KEPT]:
        shutil.rmtree(old)


def load_newest(
    directory: pathlib.Path, identity: Mapping, on_skipped: Callable[[str], None] = print
) -> Checkpoint | None:
    """Reads the newest checkpoint that is undamaged and belongs to the same training.

    Args:
      directory: Where the checkpoints lie.
      identity: What is to be trained, as JSON values.
      on_skipped: Called with a sentence for each checkpoint that cannot be used.

    Returns:
      The checkpoint, or None if there is none to use.
    """
    for path in reversed(_steps(directory)):
        try:
            state = safe_load.parse_json(checksums.read_bytes(path, _STATE), dict)
            if state["identity"] != identity:
                differing = [name for name in identity if state["identity"].get(name) != identity[name]]
                on_skipped(f"the checkpoint {path} is of another training ({', '.join(differing)}) and is not used")
                continue
            arrays = safe_load.parse_arrays(checksums.read_bytes(path, _ARRAYS))
            return Checkpoint(state["step"], identity, arrays, state["state"])
        except (ValueError, KeyError) as error:  # KeyError: a field is missing, in a forged one
            on_skipped(f"{error}; that checkpoint is not used, but the one before it, if any")
    return None


def remove(directory: pathlib.Path) -> None:
    """Removes the checkpoints of a cohort whose results are written."""
    shutil.rmtree(directory, ignore_errors=True)


def _steps(directory: pathlib.Path) -> list[pathlib.Path]:
    return sorted(directory.glob("step-*"))

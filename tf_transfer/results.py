"""Results: what a finished run leaves in its directory, and the table of all of them.

WORKDIR/runs/NAME/
  result.json   treatment, split, seed, accuracy history, versions, time (see `Result`)
  weights.npz   the trained weights, `layer3/0` being the first weight array of layer 3
  correct.npy   bool [test images]: which images the trained network got right
  SHA256SUMS    checksums of the three; whatever is read is checked, and what is damaged is never used
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_transfer import checksums, treatments, untrusted

if TYPE_CHECKING:
    import pandas as pd

FINISHED = "finished"
DIVERGED = "diverged"
BEST = 10  # the paper reports the mean of a network's ten best tests

_AGAIN = "bin/sweep.py moves such a run aside and trains it again"
_RESULT, _WEIGHTS, _CORRECT = "result.json", "weights.npz", "correct.npy"


@dataclasses.dataclass(frozen=True)
class Result:
    """The outcome of one run.

    Attributes:
      run: The run's name.
      treatment: The paper's name of the treatment.
      kind: `base`, `selffer`, `transfer`, `random`, with `+` or `-preserve2`.
      split: Name of the class split.
      source: The task whose layers were copied: `A`, `B`, `R`; for a base its own.
      target: The task trained on.
      n: Number of layers copied.
      images_per_class: Limit of training images per class; 0 for none.
      seed: The run's seed.
      status: `finished`, or `diverged` where the loss was not a number.
      steps: Training steps done.
      num_classes: Number of classes of the target.
      test_steps: The steps after which the network was tested.
      top1_history: Top-1 accuracy of each test, in [0, 1].
      loss_history: Mean training loss since the test before.
      train_top1_history: Mean accuracy on the training batches since the test before, dropout and all.
      copied_sha256: Hash over the weights copied from a base, equal to that over their origin; empty if none.
      frozen_sha256: Hash over the frozen weights, the same before and after training; empty if none.
      precision: `float32` or `mixed_bfloat16`.
      settings_hash: Hash of the experiment's settings.
      versions: Versions of what computed it.
      cohort: The cohort that the run was trained in.
      cohort_runs: The runs of that cohort.
      seconds: Wall time of the cohort's training and tests, in seconds, without what a kill undid.
      images_per_second: Training images a second of that time, in the cohort.
    """

    run: str
    treatment: str
    kind: str
    split: str
    source: str
    target: str
    n: int
    images_per_class: int
    seed: int
    status: str
    steps: int
    num_classes: int
    test_steps: Sequence[int]
    top1_history: Sequence[float]
    loss_history: Sequence[float | None]
    train_top1_history: Sequence[float]
    copied_sha256: str
    frozen_sha256: str
    precision: str
    settings_hash: str
    versions: Mapping[str, str]
    cohort: str
    cohort_runs: Sequence[str]
    seconds: float
    images_per_second: float

    @property
    def top1_last(self) -> float:
        """Top-1 accuracy of the last test."""
        return self.top1_history[-1]

    @property
    def top1_mean_best10(self) -> float:
        """Mean of the ten best tests, as the paper reports it (of all tests, where there are fewer)."""
        return float(np.mean(sorted(self.top1_history)[-BEST:]))

    def row(self) -> dict:
        """The run's row in `results.csv`."""
        columns = "run treatment kind split source target n images_per_class seed steps".split()
        row = {name: getattr(self, name) for name in columns}
        row |= {"top1_mean_best10": self.top1_mean_best10, "top1_last": self.top1_last}
        row |= {"loss_last": self.loss_history[-1], "train_top1_last": self.train_top1_history[-1]}
        return row | {"num_classes": self.num_classes, "status": self.status, "seconds": self.seconds}


def run_directory(workdir: str | os.PathLike, run: str) -> pathlib.Path:
    """The directory of the run called `run`."""
    return pathlib.Path(workdir) / "runs" / run


def is_done(workdir: str | os.PathLike, run: str) -> bool:
    """Whether the run's result stands."""
    return (run_directory(workdir, run) / _RESULT).is_file()


def set_aside_damaged(workdir: str | os.PathLike, runs: Iterable[str]) -> list[str]:
    """Moves results that are damaged out of the way, to `WORKDIR/damaged`, so that they are trained again.

    Args:
      workdir: The experiment's directory.
      runs: Names of the runs to look at. All their files are read.

    Returns:
      For each of them, what is wrong and where it is now, in a sentence.
    """
    said = []
    for directory in (run_directory(workdir, run) for run in runs):
        try:
            if directory.is_dir():
                checksums.check(directory, (_RESULT, _WEIGHTS, _CORRECT))
                read_result(workdir, directory.name)
        except checksums.DamagedError as error:
            aside = pathlib.Path(workdir) / "damaged"
            aside.mkdir(exist_ok=True)
            target = aside / f"{directory.name}-{1 + len(list(aside.glob(f'{directory.name}-*')))}"
            os.replace(directory, target)
            said.append(f"{error}: it is moved to {target} and the run is trained again")
    return said


def write_result(
    workdir: str | os.PathLike, result: Result, weights: Mapping[str, np.ndarray], correct: np.ndarray
) -> None:
    """Writes a run's directory; it appears under its name only once it is whole.

    Args:
      workdir: The experiment's directory.
      result: The outcome.
      weights: Weight arrays by `layerN/I`.
      correct: bool [test images].
    """
    with checksums.writing(run_directory(workdir, result.run)) as partial:
        np.savez(partial / _WEIGHTS, **weights)
        np.save(partial / _CORRECT, correct)
        (partial / _RESULT).write_text(json.dumps(dataclasses.asdict(result), indent=1, allow_nan=False))


def read_result(workdir: str | os.PathLike, run: str) -> Result:
    """Reads a run's outcome.

    Raises:
      FileNotFoundError: The run is not done.
      DamagedError: The file is damaged.
    """
    try:
        return untrusted.parse_json(_read(workdir, run, _RESULT), Result)
    except checksums.DamagedError:
        raise
    except ValueError as error:
        file = run_directory(workdir, run) / _RESULT
        raise checksums.DamagedError(f"{file} is not what this version writes ({error}); {_AGAIN}") from error


def read_weights(workdir: str | os.PathLike, run: str) -> dict[str, np.ndarray]:
    """Reads a run's weights by `layerN/I`.

    Raises:
      FileNotFoundError: The run is not done.
      DamagedError: The file is damaged.
    """
    return untrusted.parse_arrays(_read(workdir, run, _WEIGHTS))


def read_correct(workdir: str | os.PathLike, run: str) -> np.ndarray:
    """Reads which test images the run's network got right, bool [test images].

    Raises:
      FileNotFoundError: The run is not done.
      DamagedError: The file is damaged.
    """
    return untrusted.parse_array(_read(workdir, run, _CORRECT))


def _read(workdir: str | os.PathLike, run: str, name: str) -> bytes:
    if not is_done(workdir, run):
        raise FileNotFoundError(f"run {run!r} has no result in {workdir}; run bin/sweep.py again")
    try:
        return checksums.read_bytes(run_directory(workdir, run), name)
    except checksums.DamagedError as error:
        raise checksums.DamagedError(f"{error}; {_AGAIN}") from error


def finished_runs(workdir: str | os.PathLike) -> list[str]:
    """Names of all runs with a result, in alphabetical order.

    Raises:
      FileNotFoundError: `workdir` holds no runs.
    """
    runs = pathlib.Path(workdir) / "runs"
    if not runs.is_dir():
        raise FileNotFoundError(f"no runs in {str(workdir)!r}; train some: python bin/sweep.py --workdir={workdir}")
    return [
        entry.name
        for entry in sorted(runs.iterdir())
        if not entry.name.startswith(".") and is_done(workdir, entry.name)
    ]


def table(results: Iterable[Result]) -> pd.DataFrame:
    """Gathers results into a table, one row a run, as in `results.csv`."""
    import pandas as pd

    kinds = treatments.KINDS
    rows = [result.row() for result in results]
    rows.sort(key=lambda row: (kinds.index(row["kind"]) if row["kind"] in kinds else len(kinds), row["kind"], row["n"]))
    rows.sort(key=lambda row: (row["split"], row["seed"], row["target"]))
    return pd.DataFrame(rows)


def write_table(workdir: str | os.PathLike, results: pd.DataFrame) -> pathlib.Path:
    """Writes `WORKDIR/results.csv` and returns its path."""
    path = pathlib.Path(workdir) / "results.csv"
    with replacing(path) as temporary:
        results.to_csv(temporary, index=False, float_format="%.6g")
    return path


@contextlib.contextmanager
def replacing(path: pathlib.Path):
    """Yields a temporary path beside `path`, which takes its place if all goes well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def find_run(workdir: str | os.PathLike, name: str) -> str:
    """Finds a finished run by its full name, or by its treatment where only one run has it.

    Raises:
      ValueError: No run, or more than one, is meant.
    """
    runs = finished_runs(workdir)
    if name in runs:
        return name
    treatments.parse(name.split("_")[0])
    matches = [run for run in runs if run.startswith(f"{name}_")]
    if len(matches) == 1:
        return matches[0]
    found = f"several: {matches}" if matches else f"none; there are {runs[:12]}{' ...' if len(runs) > 12 else ''}"
    raise ValueError(f"--run={name}: expected the name of one finished run in {workdir}, found {found}")

"""Results: what a finished run leaves in its directory, and the table of all of them.

WORKDIR/runs/NAME/
  result.json      accuracy history, versions, time (see `Result`)
  weights.npz      the trained weights, `layer3/0` being the first weight array of layer 3
  predictions.npz  what the trained network made of each test image (see `Predictions`)
  SHA256SUMS       checksums of the three; all that is read is checked, and damaged files are never used
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tf_transfer.experiment import treatments
from tf_transfer.files import atomic, checksums, safe_load
from tf_transfer.files.printable import printable
from tf_transfer.results import chance
from tf_transfer.results.predictions import Predictions
from tf_transfer.results.result import (
    AT_CHANCE,
    COPIED_FROM_CHANCE,
    COPIED_FROM_DIVERGED,
    DIVERGED,
    FINISHED,
    Result,
)

if TYPE_CHECKING:
    import pandas as pd

_TRAIN_AGAIN = "tf-transfer sweep moves such a run aside and trains it again"
_WEIGHT_NAME = re.compile(r"layer[0-9]{1,4}/[0-9]{1,4}")
_RESULT, _WEIGHTS, _PREDICTIONS = "result.json", "weights.npz", "predictions.npz"


def run_directory(workdir: str | os.PathLike, run: str) -> pathlib.Path:
    """The directory of the run called `run`."""
    return pathlib.Path(workdir) / "runs" / run


def is_done(workdir: str | os.PathLike, run: str) -> bool:
    """Whether the run's result is there."""
    return (run_directory(workdir, run) / _RESULT).is_file()


def set_aside_damaged(workdir: str | os.PathLike, runs: Iterable[str]) -> list[str]:
    """Moves damaged results to `WORKDIR/damaged`, so that they are trained again.

    Args:
      workdir: The experiment's directory.
      runs: Names of the runs to check. All their files are read.

    Returns:
      For each damaged one, what is wrong and where it is now, in a sentence.
    """
    damaged = []
    for directory in (run_directory(workdir, run) for run in runs):
        try:
            if directory.is_dir():
                checksums.check(directory, (_RESULT, _WEIGHTS, _PREDICTIONS))
                read_result(workdir, directory.name)
        except checksums.DamagedError as error:
            aside = pathlib.Path(workdir) / "damaged"
            aside.mkdir(exist_ok=True)
            target = aside / f"{directory.name}-{1 + len(list(aside.glob(f'{directory.name}-*')))}"
            os.replace(directory, target)
            damaged.append(f"{error}: it is moved to {target} and the run is trained again")
    return damaged


def write_result(
    workdir: str | os.PathLike, result: Result, weights: Mapping[str, np.ndarray], predictions: Predictions
) -> None:
    """Writes a run's directory; it appears under its name only once it is whole.

    Args:
      workdir: The experiment's directory.
      result: The outcome.
      weights: Weight arrays by `layerN/I`.
      predictions: What the network made of each test image.
    """
    with checksums.sealed_directory(run_directory(workdir, result.run)) as partial:
        _save_arrays(partial / _WEIGHTS, weights)
        _save_arrays(partial / _PREDICTIONS, predictions.to_arrays())
        (partial / _RESULT).write_text(json.dumps(msgspec.to_builtins(result), indent=1, allow_nan=False))


def read_result(workdir: str | os.PathLike, run: str) -> Result:
    """Reads a run's outcome.

    Raises:
      FileNotFoundError: The run is not done.
      DamagedError: The file is damaged.
    """
    with _read_checked(workdir, run, _RESULT) as content:
        result = safe_load.parse_json(content, Result)
        if result.run != run:
            raise ValueError(f"it is the result of {printable(result.run)}")
        return result


def read_weights(workdir: str | os.PathLike, run: str) -> dict[str, np.ndarray]:
    """Reads a run's weights by `layerN/I`.

    Raises:
      FileNotFoundError: The run is not done.
      DamagedError: The file is damaged.
    """
    with _read_checked(workdir, run, _WEIGHTS) as content:
        weights = safe_load.parse_arrays(content)
        wrong = [name for name in weights if not _WEIGHT_NAME.fullmatch(name)]
        if wrong:
            raise ValueError(f"it holds {printable(wrong[0])!r} instead of layer1/0 and the like")
        return weights


def read_predictions(workdir: str | os.PathLike, run: str) -> Predictions:
    """Reads what the run's network made of each test image.

    Raises:
      FileNotFoundError: The run is not done.
      DamagedError: The file is damaged.
    """
    with _read_checked(workdir, run, _PREDICTIONS) as content:
        return Predictions.from_arrays(safe_load.parse_arrays(content))


def _save_arrays(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    by_name: dict[str, Any] = dict(arrays)
    np.savez(path, **by_name)


@contextlib.contextmanager
def _read_checked(workdir: str | os.PathLike, run: str, name: str) -> Iterator[bytes]:
    if not is_done(workdir, run):
        raise FileNotFoundError(f"run {run!r} has no result in {workdir}; run tf-transfer sweep again")
    try:
        yield checksums.read_bytes(run_directory(workdir, run), name)
    except checksums.DamagedError as error:
        raise checksums.DamagedError(f"{error}; {_TRAIN_AGAIN}") from error
    except ValueError as error:
        file = run_directory(workdir, run) / name
        raise checksums.DamagedError(f"{file} is not what this version writes ({error}); {_TRAIN_AGAIN}") from error


def finished_runs(workdir: str | os.PathLike) -> list[str]:
    """Names of all runs with a result, in alphabetical order.

    Raises:
      FileNotFoundError: `workdir` holds no runs.
    """
    runs = pathlib.Path(workdir) / "runs"
    if not runs.is_dir():
        raise FileNotFoundError(f"no runs in {str(workdir)!r}; train some with tf-transfer sweep")
    return [
        entry.name
        for entry in sorted(runs.iterdir())
        if not entry.name.startswith(".") and is_done(workdir, entry.name)
    ]


def table(results: Iterable[Result]) -> pd.DataFrame:
    """Gathers results into a table, one row a run, as in `results.csv`.

    Its column `caution` says if a run diverged, is at chance (`chance.at_chance`, among all runs of the table), or was
    copied from such a base. It has a column `top5_last` if any task has more than 20 classes.
    """
    import pandas as pd

    kinds = treatments.KINDS
    results = list(results)
    cautions = _cautions(results)
    rows = [result.row() | {"caution": cautions[result.run]} for result in results]
    rows.sort(key=lambda row: (kinds.index(row["kind"]) if row["kind"] in kinds else len(kinds), row["kind"], row["n"]))
    rows.sort(key=lambda row: (row["split"], row["seed"], row["target"]))
    made = pd.DataFrame(rows)
    return made.drop(columns="top5_last") if made["top5_last"].isna().all() else made


def _cautions(results: Sequence[Result]) -> dict[str, str]:
    """Why not to trust each run, in a few words; empty where there is no reason."""
    found = {result.run: "" if result.status == FINISHED else DIVERGED for result in results}
    finished = [result for result in results if result.status == FINISHED]
    p_values = [
        chance.p_value(result.top1_last, result.per_class_last, result.test_images_per_class) for result in finished
    ]
    for result, is_at_chance in zip(finished, chance.at_chance(p_values), strict=True):
        if is_at_chance:
            found[result.run] = AT_CHANCE
    of_copies = {DIVERGED: COPIED_FROM_DIVERGED, AT_CHANCE: COPIED_FROM_CHANCE}
    copied = {
        result.run: of_copies.get(found.get(result.planned.base.name, ""), "")
        for result in results
        if result.planned.base
    }
    return {run: caution or copied.get(run, "") for run, caution in found.items()}


def write_table(workdir: str | os.PathLike, results: pd.DataFrame) -> pathlib.Path:
    """Writes `WORKDIR/results.csv` and returns its path."""
    return _write_csv(pathlib.Path(workdir) / "results.csv", results)


def write_effects(workdir: str | os.PathLike, effects: pd.DataFrame) -> pathlib.Path:
    """Writes `WORKDIR/effects.csv` and returns its path."""
    return _write_csv(pathlib.Path(workdir) / "effects.csv", effects)


def _write_csv(path: pathlib.Path, rows: pd.DataFrame) -> pathlib.Path:
    with atomic.replace_file(path) as temporary:
        rows.to_csv(temporary, index=False, float_format="%.6g")
    return path


def find_run(workdir: str | os.PathLike, name: str) -> str:
    """Finds a finished run by its full name, or by its treatment where only one run has it.

    Raises:
      ValueError: The name fits no run, or more than one.
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

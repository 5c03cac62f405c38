"""The whole experiment from a notebook, in a few calls."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tf_transfer.data.image_store import StoreMeta
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment.config import Experiment
from tf_transfer.files.paths import local_path
from tf_transfer.progress_bars import SweepProgress
from tf_transfer.results import result_files
from tf_transfer.sweep import scheduler

if TYPE_CHECKING:
    import pandas as pd


def prepare(source: str, path: str, image_size: int = 0, image_format: str = "raw", **options) -> StoreMeta:
    """Makes an image store, unless it is there already.

    Args:
      source: `tfds:NAME[/CONFIG]`, `folder:DIR` or `shapes`.
      path: Directory of the store.
      image_size: Side of the square images, in pixels; 0 for that of the first image.
      image_format: `raw` or `jpeg`.
      **options: `data_dir`, `manual_dir`, `holdout` and `seed` of `tf_transfer.data.sources.open_source`.

    Returns:
      The store's description.
    """
    return prepare_store(open_source(source, **options), path, image_size, image_format).meta


def run(
    experiment: Experiment, workdir: str | os.PathLike, quiet: bool = False, allow_other_versions: bool = False
) -> pd.DataFrame:
    """Trains every run of an experiment that has no result in `workdir` yet.

    Args:
      experiment: What to train.
      workdir: Directory for results and logs; continued if it exists. An interrupt (the notebook's stop button) saves
        what is being trained; the same call goes on.
      quiet: Print no progress.
      allow_other_versions: Go on in a workdir begun with other versions of TensorFlow, Keras or NumPy.

    Returns:
      One row a run, as in `results.csv`.
    """
    directory = local_path(workdir)
    if quiet:
        outcomes = scheduler.run_sweep(experiment, directory, allow_other_versions=allow_other_versions)
    else:
        with SweepProgress() as progress:
            outcomes = scheduler.run_sweep(
                experiment, directory, progress.update, allow_other_versions=allow_other_versions
            )
    return result_files.table(outcomes)

"""The whole experiment from a notebook, in a few calls."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tf_transfer.data.image_store import StoreMeta
from tf_transfer.data.sources import open_source
from tf_transfer.data.sources.decoding import Resize
from tf_transfer.data.store_writer import MAX_BAD_SHARE, Tolerance, prepare_store
from tf_transfer.experiment.config import Experiment
from tf_transfer.files.paths import local_path
from tf_transfer.progress_bars import PrepareProgress, SweepProgress
from tf_transfer.results import result_files
from tf_transfer.sweep import scheduler

if TYPE_CHECKING:
    import pandas as pd


def prepare(
    source: str,
    path: str,
    image_size: int = 0,
    image_format: str = "raw",
    resize: Resize = "squash",
    max_bad_share: float = MAX_BAD_SHARE,
    allow_duplicates: bool = False,
    **options,
) -> StoreMeta:
    """Makes an image store, unless it is there already, and prints what has to be known of it.

    Args:
      source: `tfds:NAME[/CONFIG]`, `folder:DIR` or `shapes`.
      path: Directory of the store.
      image_size: Side of the square images, in pixels; 0 for that of the first image.
      image_format: `raw` or `jpeg`.
      resize: `squash`, `crop` or `pad`, see `tf_transfer.data.store_writer.prepare_store`.
      max_bad_share: Share of the images that may be unusable.
      allow_duplicates: Whether many test images may be training images too, and many images lie in two classes.
      **options: Fields of `tf_transfer.data.sources.SourceOptions`: `holdout`, `seed`, `labels`,
        `min_images_per_class`, `data_dir`, `manual_dir`, `label_feature`.

    Returns:
      The store's description.
    """
    opened = open_source(source, **options)
    for note in opened.notes:
        print(f"note: {note}")
    tolerance = Tolerance(max_bad_share, allow_duplicates)
    with PrepareProgress(opened.name, sum(opened.counts.values())) as progress:
        made = prepare_store(opened, path, image_size, image_format, resize, tolerance, progress.update)
    for sentence in made.cautions():
        print(f"caution: {sentence}")
    return made.meta


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

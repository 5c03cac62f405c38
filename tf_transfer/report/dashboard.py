"""What TensorBoard shows of a whole experiment: the figures, the treatments side by side, and a table of all runs."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tf_transfer.experiment import treatments
from tf_transfer.report.figures import plotting
from tf_transfer.results.tensorboard_log import HYPERPARAMETERS, TensorBoardLog, top1_tag

if TYPE_CHECKING:
    import pandas as pd

_METRICS = {"top1": "top-1, last test", "mean_per_class": "mean per class, last test", "loss": "training loss, last"}


def write_dashboard(directory: pathlib.Path, table: pd.DataFrame, pictures: Mapping[str, pathlib.Path]) -> None:
    """Writes what TensorBoard shows of all runs together, in a log of its own.

    Args:
      directory: Where TensorBoard finds the runs' logs.
      table: Results as in `results.csv`.
      pictures: PNG files by tag.
    """
    charts = {_title(kind): f"^{re.escape(top1_tag(kind))}$" for kind in table["kind"].unique()}
    values = {name: sorted(table[name].unique().tolist()) for name in HYPERPARAMETERS}
    with TensorBoardLog(directory / "report") as log:
        for tag, path in pictures.items():
            log.image(tag, path)
        log.charts({"Top-1 accuracy by treatment, one line a run": charts})
        # Columns that are the same in all runs would only push their results out of sight.
        log.sessions({name: taken for name, taken in values.items() if len(taken) > 1}, _METRICS)


def _title(kind: str) -> str:
    return plotting.kind_label(kind) if kind in plotting.STYLES else treatments.pattern(kind)

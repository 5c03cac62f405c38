"""What a table of results says, in one place: means, effects, findings, and warnings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tf_transfer.analysis import averages, diagnostics, effects, findings, table1, transition
from tf_transfer.experiment.config import ACCURACY_NAMES
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a table of results says.

    Attributes:
      table: One row per run, as in `results.csv`.
      metric: The column of accuracies that is used.
      means: Accuracy in percent, by family of class splits; one row per kind of treatment, one column per n.
      boost: Table 1 of the paper, from these runs; empty without fine-tuned transfers.
      warnings: Reasons not to trust the table.
      effects: What each layer is worth, with intervals, as from `effects.estimate_effects`.
      findings: What the effects say, in sentences.
    """

    table: pd.DataFrame
    metric: str
    means: dict[str, pd.DataFrame]
    boost: pd.DataFrame
    warnings: tuple[str, ...]
    effects: pd.DataFrame
    findings: findings.Findings


def summarise(table: pd.DataFrame, metric: str, images: ImageResults = NOT_RECORDED) -> Summary:
    """Summarises a table of results; effects and findings are those of its first family of class splits.

    Args:
      table: Results as in `results.csv`.
      metric: The column of accuracies to use, in [0, 1].
      images: Which test images each run got right.
    """
    family = averages.main_family(table)
    estimated = effects.estimate_effects(family, metric, images)
    return Summary(
        table=table,
        metric=metric,
        means={name: averages.treatment_means(rows, metric) for name, rows in averages.families(table).items()},
        boost=table1.boost(table, metric),
        warnings=(*diagnostics.find_warnings(table, metric), *diagnostics.warn_of_indistinguishable(estimated)),
        effects=estimated,
        findings=findings.describe(
            estimated, transition.find_transition(family, metric, images), ACCURACY_NAMES[metric]
        ),
    )

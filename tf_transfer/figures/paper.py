"""All figures of the paper that a table of results has networks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tf_transfer.figures import figure2, figure3, preserve, reduced_volume

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw_all(
    table: pd.DataFrame, metric: str, warnings: Sequence[str] = (), published: pd.DataFrame | None = None
) -> dict[str, Figure]:
    """Draws what there is to draw.

    Args:
      table: Results as in `results.csv`.
      metric: The column to draw, in [0, 1].
      warnings: Sentences to print below Figure 2.
      published: The paper's own scores, to be laid behind one's own in one more figure, `figure2_published`.

    Returns:
      Figures by name: of `figure2`, `figure2_published`, `figure3`, `reduced_volume` and `preserve` those that the
      table has networks for.

    Raises:
      ValueError: There is no Figure 2 to lay the published scores behind.
    """
    drawn = {}
    if figure2.has_rows(table):
        drawn["figure2"] = figure2.draw_figure2(table, metric, warnings)
        if published is not None:
            drawn["figure2_published"] = figure2.draw_figure2(table, metric, warnings, published)
    elif published is not None:
        raise ValueError(
            "nothing to compare with the published Figure 2: expected a finished network of BnB, BnB+, AnB or AnB+, "
            f"found only {sorted(set(table['treatment']))}; train some with bin/sweep.py"
        )
    if figure3.has_rows(table):
        drawn["figure3"] = figure3.draw_figure3(table, metric)
    if reduced_volume.has_rows(table):
        drawn["reduced_volume"] = reduced_volume.draw_reduced_volume(table, metric)
    if preserve.has_rows(table):
        drawn["preserve"] = preserve.draw_preserve(table, metric)
    return drawn

"""All figures of the paper that a table of results has networks for."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tf_transfer.report.figures import figure2, figure3, preserve, reduced_volume

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
      published: The paper's own scores, to be laid behind one's own in one more figure each, `figure2_published` and
        so on; of preserved layers nothing was published.

    Returns:
      Figures by name: of `figure2`, `figure3`, `reduced_volume` and `preserve` those that the table has networks for.

    Raises:
      ValueError: There is no figure to lay the published scores behind.
    """
    comparable = {
        "figure2": (figure2, functools.partial(figure2.draw_figure2, warnings=warnings)),
        "figure3": (figure3, figure3.draw_figure3),
        "reduced_volume": (reduced_volume, reduced_volume.draw_reduced_volume),
    }
    drawn = {}
    for name, (module, draw) in comparable.items():
        if module.has_rows(table):
            drawn[name] = draw(table, metric)
            if published is not None:
                drawn[f"{name}_published"] = draw(table, metric, published=published)
    if published is not None and not drawn:
        found = sorted(set(table["treatment"]))
        raise ValueError(
            "nothing to compare with the published figures: expected finished networks of BnB, BnB+, AnB, AnB+ or RnB, "
            f"or bases of several images_per_class, found {found}; train some with bin/sweep.py"
        )
    if preserve.has_rows(table):
        drawn["preserve"] = preserve.draw_preserve(table, metric)
    return drawn

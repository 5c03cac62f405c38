"""Networks that a reader should not trust: diverged, at chance, copied from a diverged base, or under-trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_transfer.analysis.averages import families, treatment_means
from tf_transfer.results.result import CHANCE_FACTOR, COPIED_FROM_DIVERGED

if TYPE_CHECKING:
    import pandas as pd

# In the paper B7B equals baseB and no BnB lies above it; this leaves room for chance differences between networks.
UNDER_TRAINED_POINTS = 2.0


def find_warnings(table: pd.DataFrame, metric: str) -> list[str]:
    """Says in one sentence each why the table should not be trusted.

    Args:
      table: Results as in `results.csv`.
      metric: The column of accuracies to use, in [0, 1].
    """
    diverged = table.loc[table["status"] != "finished", "run"]
    found = [f"{run} diverged (its loss or a weight was not a finite number)" for run in diverged]
    if "caution" in table:  # published scores have none
        copied = table.loc[table["caution"] == COPIED_FROM_DIVERGED, "run"]
        found += [f"{run} was {COPIED_FROM_DIVERGED}" for run in copied]
    stuck = at_chance(table, metric)
    found += [
        f"{run} never left chance ({100 * top1:.1f} %)" for run, top1 in zip(stuck["run"], stuck[metric], strict=True)
    ]
    return found + under_trained_bases(table, metric)


def at_chance(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The finished rows whose accuracy is hardly above that of guessing."""
    return table[(table["status"] == "finished") & (table[metric] < CHANCE_FACTOR / table["num_classes"])]


def diverged_in_same_tasks(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The diverged rows of `table` in the class splits and limits of images of `rows`; all of them if it is empty."""
    diverged, task = table[table["status"] != "finished"], ["split", "images_per_class"]
    return diverged if rows.empty else diverged.merge(rows[task].drop_duplicates(), on=task)


def under_trained_bases(table: pd.DataFrame, metric: str) -> list[str]:
    """Says in one sentence each which bases look under-trained, and by how much.

    These are bases that a network which only retrains their top layers beats by more than `UNDER_TRAINED_POINTS`: its
    top continues a training that was not finished, which hides co-adaptation. Each family of class splits is looked at
    by itself.
    """
    return [warning for family in families(table).values() for warning in _under_trained_bases(family, metric)]


def _under_trained_bases(family: pd.DataFrame, metric: str) -> list[str]:
    found = []
    for target, rows in family.groupby("target"):
        means = treatment_means(rows, metric).T
        if not {"base", "selffer"} <= set(means):
            continue
        gains = means["selffer"].dropna() - means["base"][0]
        if gains.max() > UNDER_TRAINED_POINTS:
            best = f"{target}{gains.idxmax()}{target}"
            found.append(
                f"base{target} looks under-trained: {best} is {gains.max():.1f} points above it; train longer, or "
                "interpret co-adaptation with care"
            )
    return found

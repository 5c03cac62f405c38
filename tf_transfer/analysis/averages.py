"""Mean accuracies of a results table, and the rows over which one may average.

Rows may be averaged within a family of class splits, whose tasks are equally hard: random halves of all seeds together;
natural and man-made halves, all classes, and each limit of images per class apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_transfer.experiment import class_splits, treatments

if TYPE_CHECKING:
    import pandas as pd

RANDOM_HALVES, NATURAL_MAN_MADE = "random halves", "natural/man-made"
_FAMILY_NAMES = {
    class_splits.RANDOM: RANDOM_HALVES,
    class_splits.NATURAL_MAN_MADE: NATURAL_MAN_MADE,
    class_splits.EXPLICIT: "explicit",
    class_splits.ALL: "all classes",
    class_splits.DATA_SETS: "two data sets",
}


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Drops diverged runs, and bases that were trained only to be copied from.

    With target B alone, baseA was trained on other classes than every other network of the table: its accuracy must
    not be averaged with that of baseB.

    Args:
      table: Results as in `results.csv`.

    Returns:
      The rows that may be compared with each other.
    """
    finished = table[table["status"] == "finished"]
    is_transfer = finished["kind"] != "base"
    if not is_transfer.any():
        return finished
    task = [finished[column] for column in ("split", "seed", "target", "images_per_class")]
    return finished[is_transfer.groupby(task).transform("any")]


def split_family(rows: pd.DataFrame) -> pd.Series:
    """Names the kind of class split of each row: `random halves` for every seed, `natural/man-made`, ..."""
    return rows["split"].map(lambda split: _FAMILY_NAMES[class_splits.parse(split).kind])


def families(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Sorts the comparable rows into families of class splits, each with its own bases.

    Args:
      table: Results as in `results.csv`.

    Returns:
      Rows by name of the family; random halves first, and more images per class before fewer. Never empty: a table
      without comparable rows gives one family without rows.
    """
    rows = comparable(table)
    splits = split_family(rows)
    keys = sorted(
        set(zip(splits, rows["images_per_class"], strict=True)),
        key=lambda key: (key[0] != RANDOM_HALVES, key[0], key[1] > 0, -key[1]),
    )
    found = {}
    for split, limit in keys:
        name = f"{split}, {limit} images per class" if limit else split
        found[name] = rows[(splits == split) & (rows["images_per_class"] == limit)]
    return found or {RANDOM_HALVES: rows}


def main_family(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first of `families`, which Figure 2 and Table 1 are about."""
    return next(iter(families(table).values()))


def treatment_means(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Averages accuracy over class splits, seeds and directions.

    Args:
      table: Results as in `results.csv`.
      metric: The column to average, in [0, 1].

    Returns:
      One row per kind of treatment, in the order of `treatments.KINDS`, and one column per n; in percent, NaN where
      nothing was run. Only `comparable` rows count.
    """
    means = 100 * comparable(table).pivot_table(index="kind", columns="n", values=metric, aggfunc="mean")
    order = [kind for kind in treatments.KINDS if kind in means.index]
    return means.loc[order + [kind for kind in means.index if kind not in order]]


def relative_to_base(family: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Compares transfers and random filters with the bases of the same class split and target.

    Args:
      family: Rows of one of `families`.
      metric: The column to compare, in [0, 1].

    Returns:
      The rows of kinds `transfer` and `random` that have such a base, with a column `relative`: percentage points
      above the mean of these bases.
    """
    task = ["split", "target"]
    bases = family[family["kind"] == "base"].groupby(task)[metric].mean().rename("base")
    rows = family[family["kind"].isin(["transfer", "random"])].join(bases, on=task, how="inner")
    return rows.assign(relative=100 * (rows[metric] - rows["base"])).drop(columns="base")

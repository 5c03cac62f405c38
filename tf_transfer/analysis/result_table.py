"""What the table of results says: means per treatment and layer, and whether the bases can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_transfer.experiment import class_splits
from tf_transfer.experiment.treatments import KINDS
from tf_transfer.results.result import CHANCE_FACTOR, COPIED_FROM_DIVERGED

if TYPE_CHECKING:
    import pandas as pd

# From the paper's own experience (B7B equals baseB, no BnB rises above it), with room for noise between networks.
UNDER_TRAINED_POINTS = 2.0

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

    With target B alone, baseA has been trained on other classes than every other network of the table: its accuracy
    is not to be averaged with baseB's.

    Args:
      table: Results as in `results.csv`.

    Returns:
      The rows that may be compared with each other.
    """
    finished = table[table["status"] == "finished"]
    group = finished[["split", "seed", "target", "images_per_class"]].astype(str).agg(" ".join, axis=1)
    targets = set(group[finished["kind"] != "base"])
    return finished[group.isin(targets)] if targets else finished


def split_family(rows: pd.DataFrame) -> pd.Series:
    """For each row, what its kind of class split is called: `random halves` for every seed, and so on."""
    return rows["split"].map(lambda split: _FAMILY_NAMES[class_splits.parse(split).kind])


def families(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Sorts the comparable rows into families, each with bases of its own, within which one may average.

    All random halves of a data set are one family, whatever their seed: their tasks are equally hard. Natural and
    man-made halves, all classes, or fewer images of each class make other tasks, and so other families.

    Args:
      table: Results as in `results.csv`.

    Returns:
      Rows by the family's name; random halves first, and more images per class before fewer. Never empty: a table
      without comparable rows gives one family without rows.
    """
    rows = comparable(table)
    splits = split_family(rows)
    keys = sorted(
        set(zip(splits, rows["images_per_class"], strict=True)),
        key=lambda key: (key[0] != RANDOM_HALVES, key[0], key[1] > 0, -key[1]),
    )
    names = {(split, limit): f"{split}, {limit} images per class" if limit else split for split, limit in keys}
    found = {
        name: rows[(splits == split) & (rows["images_per_class"] == limit)] for (split, limit), name in names.items()
    }
    return found or {RANDOM_HALVES: rows}


def main_family(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first of `families`, which Figure 2 and Table 1 are about."""
    return next(iter(families(table).values()))


def treatment_means(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Averages accuracy over splits, seeds and directions.

    Args:
      table: Results as in `results.csv`.
      metric: The column to average, in [0, 1].

    Returns:
      One row per kind, in the order of `KINDS`, and one column per n; values in percent, NaN where nothing was
      run. Only `comparable` rows count.
    """
    means = 100 * comparable(table).pivot_table(index="kind", columns="n", values=metric, aggfunc="mean")
    order = [kind for kind in KINDS if kind in means.index]
    return means.loc[order + [kind for kind in means.index if kind not in order]]


def relative(family: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Compares transfers and random filters with the bases of the same split and target.

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


def warnings(table: pd.DataFrame, metric: str) -> list[str]:
    """Says in one sentence each what should keep a reader from trusting the table.

    A base is called under-trained where networks that only retrain its top layers are better than itself by more
    than 2 points: such a top goes on with a training that was not finished, and hides co-adaptation.

    Args:
      table: Results as in `results.csv`.
      metric: The column to judge by.
    """
    diverged = table.loc[table["status"] != "finished", "run"]
    found = [f"{run} diverged (its loss or a weight was not a number)" for run in diverged]
    if "caution" in table:  # published scores have none
        found += [
            f"{run} was {caution}"
            for run, caution in zip(table["run"], table["caution"], strict=True)
            if caution == COPIED_FROM_DIVERGED
        ]
    stuck = at_chance(table, metric)
    found += [
        f"{run} never left chance ({100 * top1:.1f} %)" for run, top1 in zip(stuck["run"], stuck[metric], strict=True)
    ]
    return found + under_trained(table, metric)


def at_chance(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The finished rows whose accuracy is hardly above that of guessing."""
    return table[(table["status"] == "finished") & (table[metric] < CHANCE_FACTOR / table["num_classes"])]


def diverged_beside(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `table` that diverged, of those class splits and limits of images that `rows` are of, if of any."""
    diverged, task = table[table["status"] != "finished"], ["split", "images_per_class"]
    return diverged if rows.empty else diverged.merge(rows[task].drop_duplicates(), on=task)


def under_trained(table: pd.DataFrame, metric: str) -> list[str]:
    """Says of each base that looks under-trained by how much, see `warnings`."""
    return [warning for rows in families(table).values() for warning in _under_trained(rows, metric)]


def _under_trained(family: pd.DataFrame, metric: str) -> list[str]:
    found = []
    for target, rows in family.groupby("target"):
        means = treatment_means(rows, metric)
        if "base" not in means.index or "selffer" not in means.index:
            continue
        gains = means.loc["selffer"].dropna() - means.loc["base", 0]
        if gains.max() > UNDER_TRAINED_POINTS:
            best = f"{target}{gains.idxmax()}{target}"
            found.append(
                f"base{target} looks under-trained: {best} is {gains.max():.1f} points above it; train longer, or read "
                "co-adaptation with care"
            )
    return found

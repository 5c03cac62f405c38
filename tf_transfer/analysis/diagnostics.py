"""Networks that a reader should not trust: diverged, at chance, copied from a diverged base, or under-trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tf_transfer.analysis.averages import families, treatment_means
from tf_transfer.results import chance
from tf_transfer.results.result import AT_CHANCE, COPIED_FROM_CHANCE, COPIED_FROM_DIVERGED, FINISHED

if TYPE_CHECKING:
    import pandas as pd

# In the paper B7B equals baseB and no BnB lies above it; this leaves room for chance differences between networks.
UNDER_TRAINED_POINTS = 2.0
INDISTINGUISHABLE = "no test image tells the networks apart"
_NAMES_SHOWN = 8  # of networks in a sentence; the table run by run has them all
_UNEVEN = 1.5  # times an even share, from which on the largest class is worth a word


def cautions(table: pd.DataFrame, metric: str) -> pd.Series:
    """Says of each network why not to trust it, in a word or three, as in the column `caution` of `results.csv`.

    A table without this column, such as the published scores, is judged by `chance.at_chance` and its `metric`. Without
    the number of test images, a network counts as being at chance up to 1 / number of classes; without that, nothing is
    known against it.

    Args:
      table: Results as in `results.csv`.
      metric: The column of accuracies, in [0, 1].

    Returns:
      One text per row; empty where nothing speaks against the network.
    """
    import pandas as pd

    if "caution" in table:
        return table["caution"].fillna("")
    found = pd.Series("", index=table.index, dtype=object)
    finished = table[table["status"] == FINISHED]
    if "num_classes" not in finished:
        return found
    if "num_test_images" in finished:
        columns = finished[metric], finished["num_test_images"], finished["chance"]
        stuck = chance.at_chance(chance.binomial_p_value(*columns))
    else:
        stuck = (finished[metric] <= 1 / finished["num_classes"]).to_numpy()
    found[finished.index[stuck]] = AT_CHANCE
    return found


def at_chance(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows of networks that are at chance: no better than one that looks at no image."""
    return table[cautions(table, metric) == AT_CHANCE]


def find_warnings(table: pd.DataFrame, metric: str) -> list[str]:
    """Says in one sentence each why the table should not be trusted.

    Args:
      table: Results as in `results.csv`.
      metric: The column of accuracies to use, in [0, 1].
    """
    diverged = table.loc[table["status"] != FINISHED, "run"]
    found = [f"{run} diverged (its loss or a weight was not a finite number)" for run in diverged]
    found += _warn_of_chance(table, metric)
    for caution in (COPIED_FROM_DIVERGED, COPIED_FROM_CHANCE):
        copied = list(table.loc[cautions(table, metric) == caution, "run"])
        if copied:
            found.append(f"{caution.capitalize()}, so that no conclusion rests on them: {_shorten(copied)}")
    return found + under_trained_bases(table, metric)


def _warn_of_chance(table: pd.DataFrame, metric: str) -> list[str]:
    """One sentence or two for each task in which networks are at chance."""
    stuck, num_networks = at_chance(table, metric), int((table["status"] == FINISHED).sum())
    found = []
    shown = "top1_last" if "top1_last" in table else metric
    columns = [name for name in ("num_classes", "num_test_images", "chance") if name in table]
    for values, rows in stuck.groupby(columns):
        names = [f"{row['run']} ({100 * row[shown]:.1f} %)" for row in rows.to_dict("records")]
        task = dict(zip(columns, values, strict=True))
        found.append(
            f"At chance, so that no conclusion rests on them: {_shorten(names)}. {_explain(task, num_networks)}"
        )
    return found


def _explain(task: Mapping[str, Any], num_networks: int) -> str:
    """Says what chance is in a task, and what to do to get above it."""
    num_classes = int(task["num_classes"])
    if num_classes == 1:
        return "Their task has one class, which every network gets right: give each task at least 2 classes"
    if "num_test_images" not in task:
        return (
            f"Chance is taken as 1 in {num_classes} classes, since the number of test images is not recorded; train "
            "longer"
        )
    num_images, share = int(task["num_test_images"]), task["chance"]
    is_even = share * num_classes < 1 + 1e-6
    needed = chance.least_accuracy_above_chance(num_images, share, num_networks * (1 if is_even else 2))
    enough = f"{100 * needed:.1f} % would be above that" if needed else "not even 100 % would be above that"
    per_class = "" if is_even else " Their mean per-class accuracy is not above that of guessing either."
    what_to_do = "train longer, or prepare more test images" if needed else "prepare more test images"
    if share > _UNEVEN / num_classes:
        what_to_do += " and classes of more even size"
    return (
        f"The largest of {num_classes} classes has {100 * share:.1f} % of the {num_images:,} test images; {enough}, "
        f"by a one-sided binomial test at {100 * chance.LEVEL:.0f} %, corrected for {num_networks} networks."
        f"{per_class} To get there, {what_to_do}"
    )


def _shorten(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def warn_of_indistinguishable(effects: pd.DataFrame) -> list[str]:
    """Says which networks no test image tells apart.

    Args:
      effects: As from `effects.estimate_effects`.

    Returns:
      One sentence, or none.
    """
    rows = effects[(effects["caution"] == INDISTINGUISHABLE) & effects["n"].notna()]
    if rows.empty:
        return []
    named = [
        f"{effect} at n = {', '.join(map(str, found['n']))}" for effect, found in rows.groupby("effect", sort=False)
    ]
    fewest, most = rows["images"].min(), rows["images"].max()
    images = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return [
        f"No test image tells apart the networks of {'; '.join(named)}, so that no conclusion rests on these: of "
        f"{images} images, each is classified rightly by both or by neither. They may still differ by up to "
        f"{rows['high'].max():.1f} points (95 %); prepare more test images, or choose a harder task"
    ]


def diverged_in_same_tasks(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The diverged rows of `table` in the class splits and limits of images of `rows`; all of them if it is empty."""
    diverged, task = table[table["status"] != "finished"], ["split", "images_per_class"]
    return diverged if rows.empty else diverged.merge(rows[task].drop_duplicates(), on=task)


def under_trained_bases(table: pd.DataFrame, metric: str) -> list[str]:
    """Says in one sentence each which bases look under-trained, and by how much.

    These are bases that a network which only retrains their top layers beats by more than `UNDER_TRAINED_POINTS`: its
    top continues a training that was not finished, which hides co-adaptation. Each family of class splits is looked at
    by itself, without networks that are at chance or were copied from such.
    """
    table = table[(table["status"] != FINISHED) | (cautions(table, metric) == "")]
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

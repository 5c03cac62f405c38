"""Validity checks: whether an experiment's numbers may be trusted, as far as its results and image stores tell."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tf_transfer.analysis import diagnostics
from tf_transfer.data.image_store import SET_ASIDE
from tf_transfer.experiment import class_splits, treatments
from tf_transfer.experiment.tasks import divide_classes, list_counts, make_task
from tf_transfer.results.result import FINISHED

if TYPE_CHECKING:
    import pandas as pd

    from tf_transfer.experiment.config import Experiment
    from tf_transfer.results.contents import Contents
    from tf_transfer.results.result import Result

_LATE_SHARE = 5  # bases are judged by the last fifth of their evaluations, in which a fully trained one hardly gains
_NAMES_SHOWN = 4  # of runs that fail a check; the table run by run has them all


@dataclasses.dataclass(frozen=True)
class Check:
    """One question about an experiment.

    Attributes:
      question: What is asked; `yes` is the good answer.
      passed: The answer; None if it is not known.
      detail: The evidence, or what is wrong.
    """

    question: str
    passed: bool | None
    detail: str

    @property
    def answer(self) -> str:
        """`yes`, `no` or `not known`."""
        return {True: "yes", False: "no", None: "not known"}[self.passed]


def check_all(contents: Contents, metric: str) -> list[Check]:
    """Asks every question about a workdir.

    Args:
      contents: What it holds.
      metric: The column of accuracies to judge by.
    """
    experiment, results, table = contents.experiment, contents.outcomes, contents.table
    freezing = [result for result in results if _freezes(result)]
    copying = [result for result in results if _copies(result)]
    return [
        _check_complete(contents),
        _check_bases_trained(results, table, metric),
        _check_finite(results),
        _check_above_chance(table, metric),
        _check_volumes(contents),
        _check_hashes("Did frozen weights stay unchanged?", "frozen_sha256", freezing),
        _check_hashes("Were copied weights identical to their origin?", "copied_sha256", copying),
        _check_disjoint_classes(experiment, table["split"].unique()),
        _check_images_used(experiment),
        _check_same_settings(results),
    ]


def check_each_run(contents: Contents, metric: str) -> list[dict[str, bool | None]]:
    """Answers the questions about single runs, run by run.

    Args:
      contents: What a workdir holds.
      metric: The column of accuracies to judge by.

    Returns:
      By run, in the order of `contents.outcomes`: `finite`, `above chance`, `frozen weights unchanged`, `copied weights
      identical`; None where a question does not apply.
    """
    at_chance = set(diagnostics.at_chance(contents.table, metric)["run"])
    return [
        {
            "finite": result.status == FINISHED,
            "above chance": result.run not in at_chance if result.status == FINISHED else None,
            "frozen weights unchanged": bool(result.frozen_sha256) if _freezes(result) else None,
            "copied weights identical": bool(result.copied_sha256) if _copies(result) else None,
        }
        for result in contents.outcomes
    ]


def _check_complete(contents: Contents) -> Check:
    question = "Is every planned run done?"
    if contents.plan_error:
        return Check(question, None, f"The plan is not known: {contents.plan_error}.")
    done, missing = len(contents.table), sum(len(cohort.runs) for cohort in contents.missing)
    return Check(question, not missing, f"{done} of {done + missing} runs." if missing else f"All {done} runs.")


def _check_bases_trained(results: Sequence[Result], table: pd.DataFrame, metric: str) -> Check:
    question = "Were the bases trained long enough?"
    bases = [result for result in results if result.planned.treatment.is_base and result.status == FINISHED]
    if not bases:
        return Check(question, None, "No base is finished.")
    late_gains = {base.run: _late_gain(base) for base in bases}
    slowest = max(late_gains, key=late_gains.__getitem__)
    warnings = diagnostics.under_trained_bases(table, metric)
    detail = f"Over the last fifth of the evaluations {slowest} gained most, {late_gains[slowest]:.1f} points."
    detail += (
        "".join(f" {text}." for text in warnings) or " No network that only retrains a base's top is far above it."
    )
    return Check(question, not warnings and late_gains[slowest] < diagnostics.UNDER_TRAINED_POINTS, detail)


def _late_gain(base: Result) -> float:
    """Percentage points of top-1 accuracy that a base gained over the last fifth of its evaluations."""
    before = -1 - len(base.test_steps) // _LATE_SHARE
    return 100 * (base.top1_history[-1] - base.top1_history[before])


def _check_finite(results: Sequence[Result]) -> Check:
    diverged = [result.run for result in results if result.status != FINISHED]
    detail = f"Diverged: {_shorten(diverged)}." if diverged else f"All {len(results)} runs ended with finite numbers."
    return Check("Did every run stay finite?", not diverged, detail)


def _check_above_chance(table: pd.DataFrame, metric: str) -> Check:
    question = "Did every run do better than chance?"
    at_chance = diagnostics.at_chance(table, metric)
    if len(at_chance):
        return Check(question, False, f"At chance: {_shorten(at_chance['run'])}.")
    lowest = table.iloc[int((table["top1_last"] - table["chance"]).argmin())]
    detail = (
        f"The nearest to it got {100 * lowest['top1_last']:.1f} % of {lowest['num_test_images']:,} test images right; "
        f"chance, the share of their largest class, is {100 * lowest['chance']:.1f} %."
    )
    return Check(question, True, detail)


def _check_volumes(contents: Contents) -> Check:
    question = "Did every class have as many images as the limit?"
    limited = contents.table[contents.table["images_per_class"] > 0]
    if limited.empty:
        return Check(question, True, "No limit of images per class was set.")
    short = limited[limited["num_train_images"] < limited["images_per_class"] * limited["num_classes"]]
    if short.empty:
        return Check(question, True, "In every run.")
    return Check(question, False, " ".join(f"{text}." for text in _name_short_classes(contents.experiment, short)))


def _name_short_classes(experiment: Experiment, short: pd.DataFrame) -> list[str]:
    found = []
    for _, rows in short.groupby(["split", "target", "images_per_class"]):
        row = rows.iloc[0]
        text = f"{_shorten(rows['run'])}: {row['num_train_images']} images of {row['num_classes']} classes"
        with contextlib.suppress(FileNotFoundError, ValueError):  # without the store, the classes are not known
            limit = int(row["images_per_class"])
            counts = make_task(experiment, class_splits.parse(row["split"]), row["target"], limit).short_classes()
            text += f", since some have fewer than {limit}: {list_counts(counts)}"
        found.append(text)
    return found


def _freezes(result: Result) -> bool:
    return result.planned.treatment.num_frozen > 0


def _copies(result: Result) -> bool:
    return result.planned.treatment.source in treatments.TASKS


def _check_hashes(question: str, field: str, results: Sequence[Result]) -> Check:
    """Training refuses to write a result whose hashes differ, so a recorded hash says that they agreed."""
    if not results:
        return Check(question, None, "There is no such run.")
    unrecorded = [result.run for result in results if not getattr(result, field)]
    detail = f"Recorded hashes agree in {len(results) - len(unrecorded)} of {len(results)} such runs."
    return Check(question, not unrecorded, detail + (f" Not recorded: {_shorten(unrecorded)}." if unrecorded else ""))


def _check_disjoint_classes(experiment: Experiment, splits: Iterable[str]) -> Check:
    """Never answers `no`: `TaskClasses` refuses classes that overlap, so nothing can have been trained on them."""
    question = "Do the tasks share no classes?"
    if experiment.source_store:
        return Check(question, None, "The tasks are two data sets; whether they have classes in common is not known.")
    try:
        tasks = {split: divide_classes(experiment, class_splits.parse(split)) for split in splits}
    except (FileNotFoundError, ValueError) as error:
        return Check(question, None, f"{error}.")
    tasks = {split: classes for split, classes in tasks.items() if classes.classes_a}
    if not tasks:
        return Check(question, None, "There is only one task.")
    sizes = (f"{split} {len(classes.classes_a)} and {len(classes.classes_b)}" for split, classes in tasks.items())
    return Check(question, True, f"Classes of A and B: {'; '.join(sizes)}.")


def _check_images_used(experiment: Experiment) -> Check:
    question = "Could every image be used?"
    found = []
    for store in filter(None, (experiment.store, experiment.source_store)):
        if not pathlib.Path(store).is_dir():
            return Check(question, None, f"There is no image store at {store}.")
        path = pathlib.Path(store) / SET_ASIDE
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        found += [f"{len(lines)} images were set aside, the first: {lines[0]}"] if lines else []
    return Check(question, not found, "; ".join(found) + "." if found else "No image was set aside.")


def _check_same_settings(results: Sequence[Result]) -> Check:
    found = {(result.settings_hash, result.precision, *sorted(result.versions.items())) for result in results}
    detail = "One configuration, precision and set of versions."
    if len(found) > 1:
        detail = f"{len(found)} combinations of configuration, precision and versions; see the runs' result.json."
    return Check("Were all runs computed in the same way?", len(found) == 1, detail)


def _shorten(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more

"""Validity checks: whether an experiment's numbers may be trusted, as far as its results and image stores tell."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tf_transfer.analysis import diagnostics
from tf_transfer.experiment import class_splits, treatments
from tf_transfer.results.result import FINISHED

if TYPE_CHECKING:
    import pandas as pd

    from tf_transfer.experiment.config import Experiment
    from tf_transfer.results.contents import Contents
    from tf_transfer.results.result import Result

_LAST_SHARE = 5  # a base is looked at over the last fifth of its tests, in which a finished one hardly gains


@dataclasses.dataclass(frozen=True)
class Check:
    """One question about an experiment.

    Attributes:
      question: What is asked, so that `yes` is good.
      passed: The answer; None where nothing tells.
      detail: What it rests on, or what is wrong.
    """

    question: str
    passed: bool | None
    detail: str

    @property
    def answer(self) -> str:
        """`yes`, `no` or `not known`."""
        return {True: "yes", False: "no", None: "not known"}[self.passed]


def check_all(contents: Contents, metric: str) -> list[Check]:
    """Asks every question of what stands in a workdir, accuracies being judged by the column `metric`."""
    experiment, outcomes, table = contents.experiment, contents.outcomes, contents.table
    return [
        _complete(contents),
        _bases_finished(outcomes, table, metric),
        _all_finite(outcomes),
        _left_chance(table, metric),
        _recorded("Did frozen weights stay as they were?", "frozen_sha256", [o for o in outcomes if _freezes(o)]),
        _recorded("Were copied weights equal to their origin?", "copied_sha256", [o for o in outcomes if _copies(o)]),
        _disjoint(experiment, table["split"].unique()),
        _nothing_set_aside(experiment),
        _alike(outcomes),
    ]


def each_run(contents: Contents, metric: str) -> list[dict[str, bool | None]]:
    """Answers, run by run, those questions that concern single runs.

    Args:
      contents: What stands in a workdir.
      metric: The column of accuracies to judge by.

    Returns:
      By run, in the order of `outcomes`: `finite`, `left chance`, `frozen weights unmoved`, `copied weights equal`;
      None where a question does not concern it.
    """
    stuck = set(diagnostics.at_chance(contents.table, metric)["run"])
    return [
        {
            "finite": outcome.status == FINISHED,
            "left chance": outcome.run not in stuck if outcome.status == FINISHED else None,
            "frozen weights unmoved": bool(outcome.frozen_sha256) if _freezes(outcome) else None,
            "copied weights equal": bool(outcome.copied_sha256) if _copies(outcome) else None,
        }
        for outcome in contents.outcomes
    ]


def _complete(contents: Contents) -> Check:
    question = "Is every planned run done?"
    if contents.plan_error:
        return Check(question, None, f"The plan is not known: {contents.plan_error}.")
    done, missing = len(contents.table), sum(len(cohort.runs) for cohort in contents.missing)
    return Check(question, not missing, f"{done} of {done + missing} runs." if missing else f"All {done} runs.")


def _bases_finished(outcomes: Sequence[Result], table: pd.DataFrame, metric: str) -> Check:
    question = "Were the bases trained to their end?"
    bases = [outcome for outcome in outcomes if outcome.planned.treatment.is_base and outcome.status == FINISHED]
    if not bases:
        return Check(question, None, "No base is finished.")
    late = {base.run: 100 * (base.top1_history[-1] - base.top1_history[_before_last_fifth(base)]) for base in bases}
    slowest = max(late, key=late.get)
    warnings = diagnostics.under_trained_bases(table, metric)
    detail = f"Over the last fifth of its tests the slowest, {slowest}, still gained {late[slowest]:.1f} points."
    detail += (
        "".join(f" {text}." for text in warnings) or " No network that only retrains a base's top is far above it."
    )
    return Check(question, not warnings and late[slowest] < diagnostics.UNDER_TRAINED_POINTS, detail)


def _before_last_fifth(base: Result) -> int:
    return -1 - len(base.test_steps) // _LAST_SHARE


def _all_finite(outcomes: Sequence[Result]) -> Check:
    bad = [outcome.run for outcome in outcomes if outcome.status != FINISHED]
    detail = f"Diverged: {_some(bad)}." if bad else f"{len(outcomes)} runs ended with finite numbers."
    return Check("Did every run stay finite?", not bad, detail)


def _left_chance(table: pd.DataFrame, metric: str) -> Check:
    question = "Did every run leave chance?"
    stuck = diagnostics.at_chance(table, metric)
    if len(stuck):
        return Check(question, False, f"At chance: {_some(stuck['run'])}.")
    lowest = table.loc[(table[metric] * table["num_classes"]).idxmin()]
    detail = f"The lowest reached {100 * lowest[metric]:.1f} %, chance being {100 / lowest['num_classes']:.1f} %."
    return Check(question, True, detail)


def _freezes(outcome: Result) -> bool:
    return outcome.planned.treatment.num_frozen > 0


def _copies(outcome: Result) -> bool:
    return outcome.planned.treatment.source in treatments.TASKS


def _recorded(question: str, field: str, concerned: Sequence[Result]) -> Check:
    """Training refuses to write a result whose hashes differ, so that a hash on record says that they agreed."""
    if not concerned:
        return Check(question, None, "No run was trained that this concerns.")
    lacking = [outcome.run for outcome in concerned if not getattr(outcome, field)]
    detail = f"Hashes on record agree in {len(concerned) - len(lacking)} of the {len(concerned)} runs that have such."
    return Check(question, not lacking, detail + (f" None on record: {_some(lacking)}." if lacking else ""))


def _disjoint(experiment: Experiment, names: Iterable[str]) -> Check:
    question = "Do the tasks share no classes?"
    if experiment.source_store:
        return Check(question, None, "The tasks are two data sets; whether they have classes in common is not known.")
    try:
        divided = {name: experiment.task_classes(class_splits.parse(name)) for name in names}
        splits = {name: (set(classes.classes_a), set(classes.classes_b)) for name, classes in divided.items()}
    except (FileNotFoundError, ValueError) as error:
        return Check(question, None, f"{error}.")
    shared = [name for name, (ours, theirs) in splits.items() if ours & theirs]
    sizes = "; ".join(f"{name} {len(ours)} and {len(theirs)}" for name, (ours, theirs) in splits.items() if ours)
    if not sizes:
        return Check(question, None, "There is one task alone.")
    return Check(question, not shared, f"Shared in {_some(shared)}." if shared else f"Classes of A and B: {sizes}.")


def _nothing_set_aside(experiment: Experiment) -> Check:
    question = "Could every image be used?"
    found = []
    for store in filter(None, (experiment.store, experiment.source_store)):
        if not pathlib.Path(store).is_dir():
            return Check(question, None, f"The image store {store} is not there.")
        path = pathlib.Path(store) / "set_aside.txt"
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        found += [f"{len(lines)} images were set aside, the first: {lines[0]}"] if lines else []
    return Check(question, not found, "; ".join(found) + "." if found else "No image was set aside.")


def _alike(outcomes: Sequence[Result]) -> Check:
    settings = {(outcome.settings_hash, outcome.precision, *sorted(outcome.versions.items())) for outcome in outcomes}
    detail = "One configuration, precision and set of versions." if len(settings) == 1 else (
        f"{len(settings)} combinations of configuration, precision and versions; see result.json of each run."
    )  # fmt: skip
    return Check("Were all runs computed alike?", len(settings) == 1, detail)


def _some(names: Iterable[str], count: int = 4) -> str:
    names = list(names)
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")

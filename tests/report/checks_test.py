import pathlib
import shutil

import pytest

from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.plan import Cohort, Run
from tf_transfer.experiment.treatments import parse
from tf_transfer.report import checks
from tf_transfer.results import result_files
from tf_transfer.results.contents import Contents
from tf_transfer.results.result import DIVERGED

COMPLETE, FINISHED = "Is every planned run done?", "Were the bases trained to their end?"
FINITE, CHANCE = "Did every run stay finite?", "Did every run leave chance?"
FROZEN, COPIED = "Did frozen weights stay as they were?", "Were copied weights equal to their origin?"
DISJOINT, USED = "Do the tasks share no classes?", "Could every image be used?"
ALIKE = "Were all runs computed alike?"


@pytest.fixture
def ask(store):
    """Returns a function that gives answer and detail by question."""

    def ask(*outcomes, experiment=None, **changes):
        experiment = experiment or Experiment(store)
        contents = Contents(pathlib.Path(), experiment, outcomes, result_files.table(outcomes), **changes)
        found = checks.check_all(contents, "top1_last")
        return {check.question: (check.answer, check.detail) for check in found}

    return ask


def test_all_is_well(ask, make_result):
    base = make_result("baseB", top1_history=(0.2, 0.3, 0.4, 0.49, 0.5), test_steps=(1, 2, 3, 4, 5))
    found = ask(base, make_result("A1B", frozen_sha256="f", copied_sha256="c"))
    assert {answer for answer, _ in found.values()} == {"yes"}
    assert found[COMPLETE][1] == "All 2 runs."
    assert found[FINISHED][1].startswith(
        "Over the last fifth of its tests the slowest, baseB_random-0_seed-0, still gained 1.0 points."
    )
    assert found[CHANCE][1] == "The lowest reached 40.0 %, chance being 10.0 %."
    assert found[FROZEN][1] == "Hashes on record agree in 1 of the 1 runs that have such."
    assert found[DISJOINT][1] == "Classes of A and B: random-0 3 and 3."


def test_what_is_wrong_is_named(ask, make_result):
    missing = (Cohort("some", (Run(parse("A2B"), ClassSplit("random", 0), 0),)),)
    found = ask(
        make_result("baseB", 0.4),  # gains 20 points between its two tests
        make_result("B1B", 0.5, frozen_sha256="f", copied_sha256="c"),
        make_result("A1B", 0.11, frozen_sha256="f", versions={"python": "3.12"}),
        make_result("R1B", 0.3, status=DIVERGED),
        missing=missing,
    )
    assert found[COMPLETE] == ("no", "4 of 5 runs.")
    assert found[FINISHED][0] == "no" and "baseB looks under-trained: B1B is 10.0 points above it" in found[FINISHED][1]
    assert found[FINITE] == ("no", "Diverged: R1B_random-0_seed-0.")
    assert found[CHANCE] == ("no", "At chance: A1B_random-0_seed-0.")
    assert found[FROZEN][0] == "no" and found[FROZEN][1].endswith("None on record: R1B_random-0_seed-0.")
    assert found[COPIED][0] == "no" and found[COPIED][1].endswith("None on record: A1B_random-0_seed-0.")
    assert found[ALIKE][0] == "no" and found[ALIKE][1].startswith("2 combinations")


def test_what_nothing_tells(ask, make_result):
    found = ask(make_result("R1B", frozen_sha256="f"), plan_error="no store", experiment=Experiment("nowhere"))
    assert {question for question, (answer, _) in found.items() if answer == "not known"} == {
        COMPLETE, FINISHED, COPIED, DISJOINT, USED,
    }  # fmt: skip
    assert found[COMPLETE][1] == "The plan is not known: no store."
    assert "no image store at 'nowhere'" in found[DISJOINT][1]


def test_images_that_were_set_aside(ask, make_result, store, tmp_path):
    copy = shutil.copytree(store, tmp_path / "store")
    (copy / "set_aside.txt").write_text("a.png: truncated\nb.png: truncated\n")
    found = ask(make_result("baseB"), experiment=Experiment(str(copy)))
    assert found[USED] == ("no", "2 images were set aside, the first: a.png: truncated.")


def test_one_task_alone(ask, make_result, store):
    found = ask(make_result("baseB", split="all"), experiment=Experiment(store, split="all", treatments=("RnB",)))
    assert found[DISJOINT] == ("not known", "There is one task alone.")


def test_run_by_run(make_result, store):
    made = (
        make_result("baseB", 0.5),
        make_result("A1B", 0.1, frozen_sha256="f", copied_sha256="c"),
        make_result("A1B+", copied_sha256=""),
        make_result("R1B", status=DIVERGED, frozen_sha256="f"),
    )
    contents = Contents(pathlib.Path(), Experiment(store), made, result_files.table(made))
    found = checks.each_run(contents, "top1_last")
    assert [list(answers.values()) for answers in found] == [
        [True, True, None, None],
        [True, False, True, True],
        [True, True, None, False],
        [False, None, True, None],
    ]

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

# The questions in their order, in a word or two.
QUESTIONS = (
    "complete",
    "bases trained",
    "finite",
    "above chance",
    "volumes",
    "frozen",
    "copied",
    "disjoint",
    "images",
    "settings",
)


@pytest.fixture
def ask(store):
    """Returns a function that gives answer and detail by question."""

    def ask(*results, experiment=None, **changes):
        experiment = experiment or Experiment(store)
        contents = Contents(pathlib.Path(), experiment, results, result_files.table(results), **changes)
        found = checks.check_all(contents, "top1_last")
        return {name: (check.answer, check.detail) for name, check in zip(QUESTIONS, found, strict=True)}

    return ask


def test_all_is_well(ask, make_result):
    base = make_result("baseB", top1_history=(0.2, 0.3, 0.4, 0.49, 0.5), test_steps=(1, 2, 3, 4, 5))
    found = ask(base, make_result("A1B", frozen_sha256="f", copied_sha256="c"))
    assert {answer for answer, _ in found.values()} == {"yes"}
    assert "All 2 runs" in found["complete"][1]
    assert (
        "baseB_random-0_seed-0 gained most, 1.0 points" in found["bases trained"][1]
    )  # over the last of five evaluations
    assert "40.0 %" in found["above chance"][1] and "10.0 %" in found["above chance"][1]
    assert "1 of 1" in found["frozen"][1] and "random-0 3 and 3" in found["disjoint"][1]


def test_what_is_wrong_is_named(ask, make_result):
    missing = (Cohort("some", (Run(parse("A2B"), ClassSplit("random", 0), 0),)),)
    found = ask(
        make_result("baseB", 0.4),  # gains 20 points between its two evaluations
        make_result("B1B", 0.5, frozen_sha256="f", copied_sha256="c"),
        make_result("A1B", 0.11, frozen_sha256="f", versions={"python": "3.12"}),
        make_result("R1B", 0.3, status=DIVERGED),
        missing=missing,
    )
    good = {"volumes", "disjoint", "images"}
    assert {name for name, (answer, _) in found.items() if answer == "no"} == set(QUESTIONS) - good
    assert "4 of 5 runs" in found["complete"][1]
    assert "baseB looks under-trained: B1B is 10.0 points above it" in found["bases trained"][1]
    assert "R1B_random-0_seed-0" in found["finite"][1] and "A1B_random-0_seed-0" in found["above chance"][1]
    assert "2 of 3" in found["frozen"][1] and "R1B_random-0_seed-0" in found["frozen"][1]
    assert "1 of 2" in found["copied"][1] and "A1B_random-0_seed-0" in found["copied"][1]
    assert found["settings"][1].startswith("2 combinations")


def test_what_is_not_known(ask, make_result):
    found = ask(make_result("R1B", frozen_sha256="f"), plan_error="no store", experiment=Experiment("nowhere"))
    assert {question for question, (answer, _) in found.items() if answer == "not known"} == {
        "complete", "bases trained", "copied", "disjoint", "images",
    }  # fmt: skip
    assert "no store" in found["complete"][1] and "nowhere" in found["disjoint"][1]


def test_classes_with_fewer_images_than_the_limit(ask, make_result, store, tmp_path, redescribe):
    uneven = shutil.copytree(store, tmp_path / "uneven")
    redescribe(uneven, images_per_class={"train": (12, 12, 12, 12, 3, 2), "test": (4,) * 6})
    short = make_result("baseB", split="all", images_per_class=12, num_classes=6,
                        num_train_images=53, test_images_per_class=(4,) * 6)  # fmt: skip
    experiment = Experiment(str(uneven), split="all", treatments=())
    answer, detail = ask(short, experiment=experiment)["volumes"]
    assert answer == "no" and short.run in detail and "truck 2, train 3" in detail
    assert "53 images of 6 classes" in ask(short, experiment=Experiment("nowhere"))["volumes"][1]


def test_images_that_were_set_aside(ask, make_result, store, tmp_path):
    copy = shutil.copytree(store, tmp_path / "store")
    (copy / "set_aside.txt").write_text("a.png: truncated\nb.png: truncated\n")
    answer, detail = ask(make_result("baseB"), experiment=Experiment(str(copy)))["images"]
    assert answer == "no" and "2 images" in detail and "a.png: truncated" in detail


def test_with_one_task_there_is_no_class_to_share(ask, make_result, store):
    found = ask(make_result("baseB", split="all"), experiment=Experiment(store, split="all", treatments=("RnB",)))
    assert found["disjoint"][0] == "not known"


def test_run_by_run(make_result, store):
    made = (
        make_result("baseB", 0.5),
        make_result("A1B", 0.1, frozen_sha256="f", copied_sha256="c"),
        make_result("A1B+", copied_sha256=""),
        make_result("R1B", status=DIVERGED, frozen_sha256="f"),
    )
    contents = Contents(pathlib.Path(), Experiment(store), made, result_files.table(made))
    found = checks.check_each_run(contents, "top1_last")
    assert [list(answers.values()) for answers in found] == [
        [True, True, None, None],
        [True, False, True, True],
        [True, True, None, False],
        [False, None, True, None],
    ]

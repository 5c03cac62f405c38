import dataclasses
import shutil

import pytest

from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.tasks import Task, divide_classes, make_task

RANDOM_0, NATURAL_MAN_MADE = ClassSplit("random", 0), ClassSplit("natural/man-made")


def test_random_halves_by_split_seed(store):
    experiment = Experiment(store=store, split_seeds=(0, 5))
    assert experiment.all_blocks()[""].class_splits() == [ClassSplit("random", 0), ClassSplit("random", 5)]
    for seed in (0, 5):
        classes = divide_classes(experiment, ClassSplit("random", seed))
        assert len(classes.of("A")) == 3 and sorted(classes.of("A") + classes.of("B")) == list(range(6))


def test_natural_and_man_made_make_one_split_whatever_the_seeds(store):
    experiment = Experiment(store=store, split="natural/man-made", split_seeds=(0, 1))
    assert experiment.all_blocks()[""].class_splits() == [NATURAL_MAN_MADE]
    classes = divide_classes(experiment, NATURAL_MAN_MADE)
    assert classes.of("A") == (0, 1, 2)  # bird, cat, deer
    assert classes.of("B") == (3, 4, 5)  # ship, train, truck


def test_natural_and_man_made_by_a_mapping_of_one_s_own(store):
    lists = {"classes_a": ("truck", "cat"), "classes_b": ("bird", "deer")}
    classes = divide_classes(Experiment(store=store, split="natural/man-made", **lists), NATURAL_MAN_MADE)
    assert (classes.classes_a, classes.classes_b) == ((1, 5), (0, 2))


def test_explicit_split_by_names(store):
    experiment = Experiment(store=store, split="explicit", classes_a=("truck", "cat"), classes_b=("bird", "deer"))
    classes = divide_classes(experiment, ClassSplit("explicit"))
    assert (classes.classes_a, classes.classes_b) == ((1, 5), (0, 2))
    for classes_b, message in [
        (("dragon",), "no class 'dragon'"),
        (("cat", "bird"), r"share the classes \[1\]"),
        ((), "task B has no classes"),
    ]:
        with pytest.raises(ValueError, match=message):
            divide_classes(dataclasses.replace(experiment, classes_b=classes_b), ClassSplit("explicit"))


def test_two_data_sets_may_share_class_numbers(store, tmp_path):
    source = str(shutil.copytree(store, tmp_path / "source"))
    experiment = Experiment(store=store, source_store=source, split="data sets")
    split = ClassSplit("data sets")
    assert divide_classes(experiment, split).of("A") == divide_classes(experiment, split).of("B") == (0, 1, 2, 3, 4, 5)
    assert make_task(experiment, split, "A").store == source
    assert make_task(experiment, split, "B").store == make_task(experiment, RANDOM_0, "A").store == store


def test_all_classes_as_one_task(store):
    experiment = Experiment(store=store, split="all", treatments=("RnB", "BnB"))
    classes = divide_classes(experiment, ClassSplit("all"))
    assert (classes.classes_a, classes.classes_b) == ((), (0, 1, 2, 3, 4, 5))
    for changes, message in [
        ({"targets": ("A", "B")}, r"split='all' has one task, B, which holds all classes; got targets \('A', 'B'\)"),
        ({"treatments": ("RnB", "AnB")}, r"no task A to transfer from; set treatments to .*, got \['AnB'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(experiment, **changes)


def test_a_task_s_images(store):
    task = make_task(Experiment(store=store), RANDOM_0, "B", images_per_class=5)
    assert task.num_images("train") == 3 * 5
    assert task.num_images("test") == 3 * 4  # never limited


def test_balanced_class_weights_make_each_class_count_the_same(store, redescribe, tmp_path):
    uneven = str(shutil.copytree(store, tmp_path / "uneven"))
    redescribe(uneven, images_per_class={"train": (30, 20, 10, 1, 1, 1), "test": (4,) * 6})
    weights = Task(uneven, (0, 1, 2)).balanced_class_weights()
    assert weights.tolist() == pytest.approx([2 / 3, 1, 2])
    assert Task(uneven, (0, 1, 2), images_per_class=10).balanced_class_weights().tolist() == [1, 1, 1]

import hashlib
import importlib.util
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.data.sources import drawing
from tf_transfer.experiment import natural_classes
from tf_transfer.experiment.class_splits import (
    ClassSplit,
    TaskClasses,
    indices_of,
    natural_and_man_made,
    parse,
    random_halves,
    remap,
)

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()
CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
""".split()


# The paper's own halves of the 1000 ImageNet classes: the first indices of A and of B, and the beginning of the SHA-256
# of A written one index a line.
@pytest.mark.parametrize(
    "seed, first_a, first_b, sha256",
    [
        (0, [0, 1, 2, 5, 9, 10], [3, 4, 6, 7, 8, 11], "c97807bff2b3fd9c"),
        (1, [1, 5, 7, 9, 15, 16], [0, 2, 3, 4, 6, 8], "c2f9c10ffe5701cb"),
        (2, [0, 2, 4, 5, 8, 9], [1, 3, 6, 7, 11, 12], "d4f40ad325f6f2c0"),
        (3, [0, 5, 6, 7, 8, 10], [1, 2, 3, 4, 9, 11], "38afe94a04e82df7"),
    ],
)
def test_the_paper_s_halves_of_imagenet(seed, first_a, first_b, sha256):
    a, b = random_halves(1000, seed)
    assert a.tolist() == sorted(np.random.RandomState([seed]).choice(np.arange(1000), 500, replace=False).tolist())
    assert b.tolist() == [label for label in range(1000) if label not in set(a.tolist())]
    assert a[:6].tolist() == first_a and b[:6].tolist() == first_b
    assert hashlib.sha256("\n".join(map(str, a)).encode()).hexdigest().startswith(sha256)


@given(num_classes=st.integers(2, 300), seed=st.integers(0, 2**32 - 1))
def test_random_halves_hold_each_class_once(num_classes, seed):
    a, b = random_halves(num_classes, seed)
    assert len(a) == num_classes // 2
    assert sorted([*a, *b]) == list(range(num_classes))
    assert (np.diff(a) > 0).all() and (np.diff(b) > 0).all()
    assert a.dtype == b.dtype == np.int64


def test_of_an_odd_number_b_gets_one_more():
    a, b = random_halves(7, seed=0)
    assert a.tolist() == [0, 3, 6] and b.tolist() == [1, 2, 4, 5]


def test_natural_and_man_made_halves_of_cifar():
    natural, man_made = natural_and_man_made(CIFAR10)
    assert [CIFAR10[label] for label in natural] == ["bird", "cat", "deer", "dog", "frog", "horse"]
    assert [CIFAR10[label] for label in man_made] == ["airplane", "automobile", "ship", "truck"]
    natural, man_made = natural_and_man_made(CIFAR100)
    assert len(natural) == 70 and len(man_made) == 30
    assert sorted([*natural, *man_made]) == list(range(100))
    assert {"cloud", "baby", "worm"} <= {CIFAR100[label] for label in natural}
    assert {"bridge", "road", "wardrobe"} <= {CIFAR100[label] for label in man_made}


def test_natural_and_man_made_classes_of_imagenet_are_the_paper_s():
    package = importlib.util.find_spec("tensorflow_datasets").submodule_search_locations[0]
    ids = (pathlib.Path(package) / "datasets/imagenet2012/labels.txt").read_text().split()
    natural, man_made = natural_and_man_made(ids)
    assert natural.tolist() == [*range(398), *range(936, 959), 970, *range(972, 999)] and len(natural) == 449
    assert sorted([*natural, *man_made]) == list(range(1000)) and len(man_made) == 551


@pytest.mark.parametrize(
    "name, natural",
    [
        ("n01440764", True), ("n01440764_tench", True), ("n02666196", False), ("n09229709 bubble", False), ("n9", None),
        ("n014407640", None), ("worm", True), ("rocket", False), ("quark", None),
        ("n02084071 dog", True), ("n03405725 furniture", False),  # between ids of ImageNet's 1000 that are of one sort
        ("n00017222 plant", None), ("n07705931 edible fruit", None), ("n07555863 food", None),  # not between such
    ],
)  # fmt: skip
def test_what_is_known_to_be_natural(name, natural):
    assert natural_classes.is_natural(name) is natural


def test_no_class_is_both_natural_and_man_made():
    assert not natural_classes.NATURAL & natural_classes.MAN_MADE
    known = set(CIFAR10) | set(CIFAR100) | set(drawing.CLASS_NAMES)
    assert natural_classes.NATURAL | natural_classes.MAN_MADE == known


def test_a_class_of_unknown_nature():
    with pytest.raises(ValueError, match="1 of 3 classes.*the first: 'quark'.*name the natural ones in classes_a"):
        natural_and_man_made(["bird", "quark", "ship"])


def test_a_wordnet_id_of_which_nothing_is_known():
    with pytest.raises(ValueError, match="1 of 3 classes are natural or man-made .the first: 'n07555863'"):
        natural_and_man_made(["n01440764", "n07555863", "n02666196"])


def test_indices_of_names_are_sorted():
    indices = indices_of(["truck", "bird"], CIFAR10)
    assert indices.tolist() == [2, 9] and indices.dtype == np.int64


def test_indices_of_unknown_and_doubled_names():
    with pytest.raises(ValueError, match="no class 'dragon'; its 10 classes are: airplane, automobile, .*, horse, ..."):
        indices_of(["bird", "dragon"], CIFAR10)
    with pytest.raises(ValueError, match=r"a class is listed twice: \['bird', 'bird', 'cat'\]"):
        indices_of(["bird", "cat", "bird"], CIFAR10)


@pytest.mark.parametrize("kind, seed, name", [
    ("random", 0, "random-0"), ("random", 12, "random-12"), ("natural/man-made", 0, "natural-man-made"),
    ("explicit", 0, "explicit"), ("data sets", 0, "data-sets"), ("all", 0, "all"),
])  # fmt: skip
def test_a_split_s_name_is_read_back(kind, seed, name):
    assert str(ClassSplit(kind, seed)) == name and parse(name) == ClassSplit(kind, seed)


@pytest.mark.parametrize("name", ["random", "random-", "random-01", "random-x", "random--1", "data sets", "", "All"])
def test_other_names_are_no_split_s(name):
    with pytest.raises(ValueError, match="is not the name of a class split: expected random-0"):
        parse(name)


def test_a_split_knows_its_tasks():
    classes = TaskClasses(ClassSplit("explicit"), (0, 2), (1, 3))
    assert classes.of("A") == (0, 2) and classes.of("B") == (1, 3)


@pytest.mark.parametrize(
    "kind, a, b, message",
    [
        ("explicit", (), (1, 2), "task A has no classes.*at least 2 classes in each of classes_a and classes_b"),
        ("explicit", (1, 2), (), "task B has no classes"),
        ("explicit", (1, 2), (0,), "task B has 1 class,"),
        ("random", (0,), (1,), "task A has 1 class, but a network needs at least 2.*split='all'"),
        ("random", (0,), (1, 2), "at least 4 classes"),  # halves of three
        ("natural/man-made", (0, 1), (2,), "task B has 1 class.*man-made ones in classes_b"),
        ("data sets", (0,), (0, 1), "task A has 1 class.*stores of at least 2"),
        ("all", (), (0,), "task B has 1 class.*a store of at least 2"),
    ],
)
def test_a_task_of_fewer_than_two_classes(kind, a, b, message):
    with pytest.raises(ValueError, match=message):
        TaskClasses(ClassSplit(kind), a, b)


def test_overlapping_tasks_of_one_data_set():
    with pytest.raises(ValueError, match=r"must not overlap, but share the classes \[2\]; remove them"):
        TaskClasses(ClassSplit("explicit"), (0, 2), (1, 2))
    assert TaskClasses(ClassSplit("data sets"), (0, 1), (0, 1)).of("A") == (0, 1)


@given(st.sets(st.integers(0, 999), min_size=1).map(sorted), st.data())
def test_remap_numbers_a_task_s_classes_from_0(classes, data):
    labels = np.array(data.draw(st.lists(st.sampled_from(classes))), dtype=np.int32)
    remapped = remap(labels, classes)
    assert remapped.dtype == np.int32
    assert [classes[label] for label in remapped] == labels.tolist()
    assert remap(np.array(classes), classes).tolist() == list(range(len(classes)))

import pytest

from tf_transfer.data.sources.splits import parse_split_name, split_of


@pytest.mark.parametrize(
    "name, expected",
    [
        ("train", "train"), ("Training", "train"), ("TRAIN_IMAGES", "train"), ("trainSet", "train"),
        ("train-256", "train"), ("traindata", "train"), ("images.train2017", "train"),
        ("trainval", "train"), ("train_val", "train"),
        ("test", "test"), ("Testing Set", "test"), ("imgs_test", "test"), ("test1", "test"), ("TestImages", "test"),
        ("val", "val"), ("valid", "val"), ("VALIDATION", "val"), ("valset", "val"), ("dev", "val"), ("eval", "val"),
        ("trains", None), ("trainer", None), ("testa", None), ("valley", None), ("cat", None), ("", None),
        ("images", None), ("train_test", None), ("contest", None), ("bullet train", None), ("2017", None),
        ("train_cats", None),
    ],
)  # fmt: skip
def test_names_that_say_nothing_but_the_split(name, expected):
    assert split_of(name) == expected


def test_what_else_a_name_says():
    assert parse_split_name("pets_train") == ("train", "pets") == parse_split_name("train-pets-images")
    assert parse_split_name("PetsTest") == ("test", "pets")

import numpy as np
import pytest
from scipy import stats

from tf_transfer.results import chance


def is_at_chance(top1, mean_per_class, images_per_class):
    return bool(chance.at_chance([chance.p_value(top1, mean_per_class, images_per_class)])[0])


@pytest.mark.parametrize(
    "top1, images_per_class, expected",
    [
        (0.61, (1000, 1000), False),  # below 1.5 times chance, and yet far above it
        (0.5, (1000, 1000), True),
        (1.0, (1, 1), True),  # one test image of each class
        (1.0, (10,), True),  # one class
        (0.0, (50, 50), True),
    ],
)
def test_what_is_above_chance_with_classes_of_equal_size(top1, images_per_class, expected):
    assert is_at_chance(top1, top1, images_per_class) == expected


@pytest.mark.parametrize(
    "right, images_per_class, expected",
    [
        ((100, 0, 0), (100, 4, 4), True),  # always the largest class
        ((1000, 0, 0), (1000, 10, 10), True),
        ((999, 1, 1), (1000, 10, 10), True),
        ((1000, 10, 10), (1000, 10, 10), False),
        ((700, 9, 9), (1000, 10, 10), False),  # fewer right than by the largest class alone, but of all classes
        ((100, 1, 1), (100, 1, 1), True),  # without a mistake, but only two images tell it from chance
    ],
)
def test_what_is_above_chance_with_uneven_classes(right, images_per_class, expected):
    mean_per_class = np.mean(np.array(right) / images_per_class)
    assert is_at_chance(sum(right) / sum(images_per_class), mean_per_class, images_per_class) == expected


def test_the_test_is_the_binomial_one_at_5_percent_for_all_networks_together():
    top1 = np.arange(50, 80) / 100
    exact = [stats.binomtest(round(100 * share), 100, 0.5, alternative="greater").pvalue for share in top1]
    found = [chance.p_value(share, share, (50, 50)) for share in top1]
    assert found == pytest.approx(exact)
    assert chance.at_chance(found).tolist() == [p >= 0.05 / 30 for p in exact]
    assert chance.at_chance([]).tolist() == []


@pytest.mark.parametrize("images_per_class", [(40, 40, 40), (80, 15, 25), (200, 5, 5)])
@pytest.mark.parametrize("guesses", [(1, 0, 0), (0, 0.5, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.9, 0.05, 0.05)])
def test_networks_at_chance_are_seldom_taken_to_be_above_it(images_per_class, guesses):
    rng, num_networks = np.random.default_rng(0), 3
    right = rng.binomial(images_per_class, guesses, (1500, num_networks, 3))  # of guesses that ignore the image
    top1, per_class = right.sum(-1) / sum(images_per_class), (right / images_per_class).mean(-1)
    any_above = [
        not chance.at_chance([chance.p_value(*network, images_per_class) for network in zip(*table, strict=True)]).all()
        for table in zip(top1, per_class, strict=True)
    ]
    assert np.mean(any_above) < 0.065  # 0.05, give or take three standard errors


@pytest.mark.parametrize("num_images, share, num_tests", [(5, 0.5, 1), (108, 100 / 108, 12), (50_000, 0.001, 148)])
def test_the_least_accuracy_that_is_above_chance(num_images, share, num_tests):
    least = chance.least_accuracy_above_chance(num_images, share, num_tests)
    below, at_least = chance.binomial_p_value([least - 1 / num_images, least], num_images, share)
    assert at_least < 0.05 / num_tests <= below


def test_so_few_images_that_no_network_can_be_above_chance():
    cases = [(4, 0.5, 1), (5, 0.5, 2), (9, 1.0, 1)]
    assert [chance.least_accuracy_above_chance(*case) for case in cases] == [None] * 3

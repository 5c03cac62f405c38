import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from scipy import stats

from tf_transfer.analysis import intervals
from tf_transfer.analysis.intervals import Differences, ImageDifferences, Interval


def group(value, images=None, ids=None):
    """One difference in one group, in points, and the same on each image."""
    if images is None:
        return Differences(np.array([value]))
    numbers = np.arange(len(images)) if ids is None else np.array(ids)
    return Differences(np.array([value]), ImageDifferences(np.array(images, float)[:, None], numbers))


def test_one_group_is_a_paired_t_test_over_its_images():
    differences = [100, 0, 0, -100, 100, 100, 0, 0]
    found = intervals.pool([group(25, differences)]).interval()
    test = stats.ttest_1samp(differences, 0)
    assert (found.estimate, found.num_groups, found.num_images) == (25, 1, 8)
    assert found.bounds() == pytest.approx(tuple(test.confidence_interval()))
    assert found.p == pytest.approx(test.pvalue)


def test_groups_without_images_are_a_t_test_over_groups():
    values = [1.0, 2.5, 0.5, 3.0]
    found = intervals.pool([group(value) for value in values]).interval()
    test = stats.ttest_1samp(values, 0)
    assert found.bounds() == pytest.approx(tuple(test.confidence_interval())) and found.p == pytest.approx(test.pvalue)
    assert (found.num_groups, found.num_images, found.image_error) == (4, 0, 0)


def test_groups_of_different_images_add_nothing_but_the_step_of_accuracies():
    groups = [group(0, [0, 0, 100, -100]), group(50, [0, 100, 100, 0], ids=np.arange(4, 8))]
    groups.append(group(25, [0, 100, 0, 0], ids=np.arange(8, 12)))
    pooled = intervals.pool(groups)
    assert pooled.image_covariance == 0 and pooled.num_images == 12
    # Variance 625 over 3 groups, and a step of 25 points.
    assert pooled.group_covariance == pytest.approx(625 / 3 + 25**2 / 12 / 3)


def test_images_that_groups_share_are_counted_by_their_covariance():
    groups = [group(0, [100, 0, 0, -100]), group(0, [100, 0, -100, 0], ids=np.array([0, 1, 2, 9]))]
    groups.append(group(0, [100, -100, 0, 0], ids=np.arange(20, 24)))
    pooled = intervals.pool(groups)
    assert pooled.num_images == 9
    # Of the three pairs, one shares an image with a product: image 0.
    assert pooled.image_covariance == pytest.approx(100 * 100 / 4**2 / 3)


def test_two_groups_count_their_images_alone():
    apart = [group(25, [100, 0, 0, 0]), group(-25, [0, 0, 0, -100], ids=np.arange(4, 8))]
    pooled = intervals.pool(apart)
    assert (pooled.mean, pooled.group_covariance, pooled.num_groups, pooled.num_images) == (0, 0, 2, 8)
    # Each group's mean has the variance 2500 / 4; their mean has half of that.
    assert pooled.image_covariance == pytest.approx(2500 / 4 / 2)
    shared = intervals.pool([group(25, [100, 0, 0, 0]), group(25, [100, 0, 0, 0])])
    assert shared.image_covariance == pytest.approx(2500 / 4) and shared.num_images == 4  # as good as one
    found = intervals.pool([group(25, [100, 0, 0, 0]), group(25, [100, 0, 0, 0], ids=np.arange(4, 8))]).interval()
    assert found.p == pytest.approx(2 * stats.t.sf(25 / found.image_error, 7))


def test_no_interval_where_nothing_varies():
    nan = pytest.approx((np.nan, np.nan), nan_ok=True)
    assert intervals.pool([group(1.0)]).interval().bounds() == nan
    assert np.isnan(intervals.pool([group(1.0)]).interval().p)
    assert intervals.pool([group(1.0), group(1.0)]).interval().bounds() == nan
    assert intervals.pool([group(0.0)] * 4).interval().bounds() == nan
    third = 100 / 3  # whose mean over images is off by rounding
    assert intervals.pool([group(third, [third] * 7)]).interval().bounds() == nan
    opposite = [group(25, [100, 0, 0, 0]), group(-25, [-100, 0, 0, 0])]  # which cancel on each image
    assert intervals.pool(opposite).interval().bounds() == nan


@pytest.mark.parametrize("num_groups", [1, 2, 3, 8])
def test_images_that_do_not_tell_networks_apart_leave_a_doubt(num_groups):
    found = intervals.pool([group(0, np.zeros(60 + number)) for number in range(num_groups)]).interval()
    bound = 100 * (1 - 0.05 ** (1 / 60))  # 4.9 points; the rule of three says 3 / 60
    assert found.bounds() == pytest.approx((-bound, bound)) and (found.p, found.num_agreed) == (1, 60)
    assert found.bounds(comparisons=7)[1] == pytest.approx(100 * (1 - (0.05 / 7) ** (1 / 60)))
    one_differs = intervals.pool([group(100 / 60, [100] + [0] * 59)] * num_groups).interval()
    assert one_differs.num_agreed == 0


def test_coverage_where_hardly_any_image_tells_networks_apart():
    # Where no image of n does, the interval must reach the true difference in 95 of 100 cases, however small that is.
    rng, images = np.random.default_rng(0), 100
    for share in (0.001, 0.01, 0.029, 0.04):
        uncovered = 0
        for num_differing in rng.binomial(images, share, 2000):
            if not num_differing:
                uncovered += intervals.pool([group(0, np.zeros(images))]).interval().bounds()[1] < 100 * share
        assert uncovered / 2000 < 0.065


@hypothesis.given(
    strategies.floats(-20, 20), strategies.floats(0.1, 5), strategies.floats(0.1, 5), strategies.integers(2, 12)
)
def test_the_p_value_is_below_5_percent_just_where_the_interval_leaves_out_zero(estimate, group, image, groups):
    found = Interval(estimate, group, image, groups, 1000)
    low, high = found.bounds()
    hypothesis.assume(min(abs(low), abs(high)) > 1e-6)
    assert (found.p < 0.05) == (low > 0 or high < 0)
    wider = found.bounds(comparisons=7)
    assert wider[0] < low < estimate < high < wider[1]


def test_holm():
    nan = np.nan
    np.testing.assert_allclose(intervals.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(intervals.holm([0.5, nan, 0.6]), [1, nan, 1])
    assert intervals.holm([nan]).shape == (1,) and intervals.holm([]).shape == (0,)


def test_draws_spread_as_the_intervals_do():
    rng = np.random.default_rng(0)
    groups = [Differences(rng.normal(0, 1, 3)) for _ in range(8)]
    pooled = intervals.pool(groups)
    ends = np.quantile(pooled.draw(20000), [0.025, 0.975], axis=0)
    for index in range(3):
        low, high = pooled.interval(index).bounds()
        assert ends[:, index] == pytest.approx([low, high], abs=0.05 * (high - low))


def test_equal_weights_change_nothing_and_unequal_ones_cost_precision():
    rng = np.random.default_rng(1)
    values, ids = 100.0 * rng.integers(-1, 2, (60, 1)), np.arange(60)

    def pooled(weights, groups=1):
        each = [Differences(values.mean(0), ImageDifferences(values, ids, weights)) for _ in range(groups)]
        return intervals.pool(each)

    for groups in (1, 2, 3):
        plain, equal = pooled(None, groups), pooled(np.ones(60), groups)
        assert plain.image_covariance == equal.image_covariance and plain.group_covariance == equal.group_covariance
    weights = np.repeat([0.5, 4.0], [51, 9]) / np.repeat([0.5, 4.0], [51, 9]).mean()
    assert pooled(weights).image_covariance > pooled(None).image_covariance
    # The linearised variance of a weighted mean, from its definition.
    mean = np.average(values[:, 0], weights=weights)
    effective = 60**2 / (weights**2).sum()
    variance = (weights**2 * (values[:, 0] - mean) ** 2).sum() / 60**2 * effective / (effective - 1)
    assert pooled(weights).image_covariance == pytest.approx(variance)

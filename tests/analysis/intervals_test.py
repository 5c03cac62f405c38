import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from scipy import stats

from tf_transfer.analysis import intervals
from tf_transfer.analysis.intervals import Differences, Interval


def one(value, images=None, ids=None):
    """The difference of one group, with points per image."""
    images = None if images is None else np.array(images, float)[:, None]
    return Differences(np.array([value]), images, np.arange(len(images)) if ids is None and images is not None else ids)


def test_one_group_is_a_paired_t_test_over_its_images():
    differences = [100, 0, 0, -100, 100, 100, 0, 0]
    found = intervals.interval(intervals.join([one(25, differences)]))
    test = stats.ttest_1samp(differences, 0)
    assert (found.estimate, found.groups, found.images) == (25, 1, 8)
    assert found.bounds() == pytest.approx(tuple(test.confidence_interval()))
    assert found.p == pytest.approx(test.pvalue)


def test_groups_without_images_are_a_t_test_over_groups():
    values = [1.0, 2.5, 0.5, 3.0]
    found = intervals.interval(intervals.join([one(value) for value in values]))
    test = stats.ttest_1samp(values, 0)
    assert found.bounds() == pytest.approx(tuple(test.confidence_interval())) and found.p == pytest.approx(test.pvalue)
    assert (found.groups, found.images, found.image_error) == (4, 0, 0)


def test_groups_of_different_images_add_nothing_but_the_step_of_accuracies():
    groups = [one(0, [0, 0, 100, -100]), one(50, [0, 100, 100, 0], ids=np.arange(4, 8))]
    groups.append(one(25, [0, 100, 0, 0], ids=np.arange(8, 12)))
    joint = intervals.join(groups)
    assert joint.image_covariance == 0 and joint.images == 12
    # Variance 625 over 3 groups, and a step of 25 points.
    assert joint.group_covariance == pytest.approx(625 / 3 + 25**2 / 12 / 3)


def test_images_that_groups_share_are_counted_by_their_covariance():
    groups = [one(0, [100, 0, 0, -100]), one(0, [100, 0, -100, 0], ids=np.array([0, 1, 2, 9]))]
    groups.append(one(0, [100, -100, 0, 0], ids=np.arange(20, 24)))
    joint = intervals.join(groups)
    assert joint.images == 9
    # Of the three pairs, one shares an image with a product: image 0.
    assert joint.image_covariance == pytest.approx(100 * 100 / 4**2 / 3)


def test_two_groups_count_their_images_alone():
    apart = [one(25, [100, 0, 0, 0]), one(-25, [0, 0, 0, -100], ids=np.arange(4, 8))]
    joint = intervals.join(apart)
    assert (joint.mean, joint.group_covariance, joint.groups, joint.images) == (0, 0, 2, 8)
    # Each group's mean has the variance 2500 / 4; their mean has half of that.
    assert joint.image_covariance == pytest.approx(2500 / 4 / 2)
    shared = intervals.join([one(25, [100, 0, 0, 0]), one(25, [100, 0, 0, 0])])
    assert shared.image_covariance == pytest.approx(2500 / 4) and shared.images == 4  # as good as one
    found = intervals.interval(intervals.join([one(25, [100, 0, 0, 0]), one(25, [100, 0, 0, 0], ids=np.arange(4, 8))]))
    assert found.p == pytest.approx(2 * stats.t.sf(25 / found.image_error, 7))


def test_no_interval_where_nothing_varies():
    nan = pytest.approx((np.nan, np.nan), nan_ok=True)
    assert intervals.interval(intervals.join([one(1.0)])).bounds() == nan
    assert np.isnan(intervals.interval(intervals.join([one(1.0)])).p)
    assert intervals.interval(intervals.join([one(1.0), one(1.0)])).bounds() == nan
    same = intervals.interval(intervals.join([one(0, [0, 0, 0])]))
    assert same.bounds() == (0, 0) and same.p == 1


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
    joint = intervals.join(groups)
    ends = np.quantile(joint.draw(20000), [0.025, 0.975], axis=0)
    for index in range(3):
        low, high = intervals.interval(joint, index).bounds()
        assert ends[:, index] == pytest.approx([low, high], abs=0.05 * (high - low))

import numpy as np
import pytest

from tf_transfer.analysis.contrasts import (
    ALL_SEEDS,
    Contrast,
    Network,
    Pair,
    class_weights,
    collect_scores,
    source_of_chance,
)
from tf_transfer.results import result_files
from tf_transfer.results.contents import NOT_RECORDED, ImageResults
from tf_transfer.results.result import DIVERGED

FREEZING_LAYER_1 = Contrast((Pair(Network("base", 0), Network("transfer", 1)),))


def differences(results, images=NOT_RECORDED, contrasts=(FREEZING_LAYER_1,)):
    return collect_scores(result_files.table(results), "top1_last", images).differences(contrasts)


def pair_of_networks(make_result, difference, **options):
    return [make_result("baseB", 0.5, **options), make_result("A1B", 0.5 - difference, **options)]


def test_with_one_split_groups_are_seeds_and_directions(make_result):
    groups = differences(
        [
            *pair_of_networks(make_result, 0.1, seed=0),
            *pair_of_networks(make_result, 0.14, seed=1),
            make_result("baseA", 0.6),
            make_result("B1A", 0.5),
        ]
    )
    assert {key: group.values.round(6).tolist() for key, group in groups.items()} == {
        ("random-0", 0, "B"): [10], ("random-0", 1, "B"): [14], ("random-0", 0, "A"): [10],
    }  # fmt: skip
    assert source_of_chance(groups) == "seeds, directions"


def test_with_several_splits_their_seeds_are_averaged(make_result):
    groups = differences(
        [
            *pair_of_networks(make_result, 0.10, split="random-0", seed=0),
            *pair_of_networks(make_result, 0.14, split="random-0", seed=1),
            *pair_of_networks(make_result, 0.22, split="random-1", seed=0),
        ]
    )
    assert {key: group.values.round(6).tolist() for key, group in groups.items()} == {
        ("random-0", ALL_SEEDS, "B"): [12], ("random-1", ALL_SEEDS, "B"): [22],
    }  # fmt: skip
    assert source_of_chance(groups) == "splits"


def test_a_contrast_averages_over_pairs_also_on_each_image(make_result):
    results = [make_result("baseB", 0.5), make_result("A1B", 0.4), make_result("A2B", 0.2)]
    correct = {
        "baseB_random-0_seed-0": np.array([True, True]),
        "A1B_random-0_seed-0": np.array([True, False]),
        "A2B_random-0_seed-0": np.array([False, False]),
    }
    both = Contrast(tuple(Pair(Network("base", 0), Network("transfer", n)) for n in (1, 2)))
    (group,) = differences(results, ImageResults(correct), [both, FREEZING_LAYER_1]).values()
    assert group.values == pytest.approx([20, 10])
    np.testing.assert_allclose(group.images.values, [[50, 0], [100, 100]])


def test_images_of_different_splits_are_the_same_only_where_that_is_known(make_result):
    results = [*pair_of_networks(make_result, 0.1), *pair_of_networks(make_result, 0.1, split="random-1")]
    correct = {result.run: np.ones(2, bool) for result in results}
    known = {("random-0", "B"): np.array([3, 10**9]), ("random-1", "B"): np.array([10**9, 5])}

    def ids(image_ids):
        return [group.images.ids.tolist() for group in differences(results, ImageResults(correct, image_ids)).values()]

    (first, second) = ids(known)
    assert first[1] == second[0] and sorted({*first, *second}) == [0, 1, 2]  # without gaps
    assert sorted(np.concatenate(ids({}))) == [0, 1, 2, 3]
    only_first = {key: known[key] for key in [("random-0", "B")]}
    assert sorted(np.concatenate(ids(only_first))) == [0, 1, 2, 3]


def test_a_group_needs_all_networks_of_the_contrast(make_result):
    results = [make_result("baseB"), make_result("A1B"), make_result("baseA")]
    assert len(differences([*results, make_result("B1A")])) == 2
    assert len(differences(results)) == 1
    assert len(differences([*results, make_result("B1A", status=DIVERGED)])) == 1


def test_images_count_only_where_all_networks_recorded_them(make_result):
    (group,) = differences(
        pair_of_networks(make_result, 0.1), ImageResults({"baseB_random-0_seed-0": np.ones(2, bool)})
    ).values()
    assert group.images is None


def test_what_does_not_fit_together_is_refused(make_result):
    results = pair_of_networks(make_result, 0.1)
    with pytest.raises(ValueError, match="transfer n = 1 of B, random-0, seed 0 stands twice"):
        differences([*results, results[1]])
    with pytest.raises(ValueError, match=r"expected one training volume in the table, got \[0, 5\]"):
        differences([*results, make_result("A2B", images_per_class=5)])
    correct = {"baseB_random-0_seed-0": np.ones(9, bool), "A1B_random-0_seed-0": np.ones(8, bool)}
    with pytest.raises(ValueError, match="A1B_random-0_seed-0 was tested on 8 images, expected 9"):
        differences(results, ImageResults(correct))


def test_in_mean_per_class_accuracy_images_of_rare_classes_weigh_more(make_result):
    labels = np.array([0, 0, 0, 1])
    correct = {
        "baseB_random-0_seed-0": np.array([True, True, True, False]),
        "A1B_random-0_seed-0": np.array([True, False, False, True]),
    }
    results = [
        make_result(name, top1, per_class_history=(per_class,) * 2)
        for name, top1, per_class in (("baseB", 0.75, 1 / 2), ("A1B", 0.5, 2 / 3))
    ]
    table, images = result_files.table(results), ImageResults(correct, labels={("random-0", "B"): labels})
    (group,) = collect_scores(table, "per_class_last", images).differences([FREEZING_LAYER_1]).values()
    np.testing.assert_allclose(group.images.weights, [2 / 3, 2 / 3, 2 / 3, 2])
    weighted = np.average(group.images.values[:, 0], weights=group.images.weights)
    assert group.values == pytest.approx([weighted]) and weighted == pytest.approx(-100 / 6)
    (plain,) = collect_scores(table, "top1_last", images).differences([FREEZING_LAYER_1]).values()
    assert plain.images.weights is None
    (unknown,) = collect_scores(table, "per_class_last", ImageResults(correct)).differences([FREEZING_LAYER_1]).values()
    assert unknown.images is None


def test_images_of_equally_frequent_classes_count_the_same():
    assert class_weights(np.arange(300) % 3).tolist() == [1.0] * 300

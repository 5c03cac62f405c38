from tf_transfer.analysis import diagnostics
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED

NATURAL = {"split": "natural-man-made"}


def find_warnings(*results):
    return diagnostics.find_warnings(result_files.table(results), "top1_last")


def test_sound_networks_give_no_warnings(make_result):
    assert find_warnings(make_result("baseB", 0.5), make_result("B1B", 0.519), make_result("A1B", 0.6)) == []


def test_a_diverged_base_and_what_was_copied_from_it(make_result):
    diverged, copied = find_warnings(make_result("baseB", 0.0, status=DIVERGED), make_result("B1B", 0.5))
    assert diverged.startswith("baseB_random-0_seed-0 diverged")
    assert copied.startswith("Copied from a base that diverged") and "B1B_random-0_seed-0" in copied


def test_a_network_at_chance(make_result):
    (warning,) = find_warnings(make_result("A1B", 0.11), make_result("A2B", 0.14))  # of 1000 images, chance is 10 %
    assert "A1B_random-0_seed-0 (11.0 %)" in warning and "A2B" not in warning
    assert "largest of 10 classes has 10.0 % of the 1,000 test images" in warning and "train longer" in warning


def test_networks_at_chance_are_named_task_by_task_with_what_to_do(make_result):
    uneven = {"num_classes": 3, "test_images_per_class": (100, 4, 4), "per_class_history": (0.3, 0.35)}
    few = {"num_classes": 2, "test_images_per_class": (1, 1), "seed": 1}
    one = {"num_classes": 1, "test_images_per_class": (20,), "seed": 2}
    made = [make_result(f"A{n}B", 0.92, **uneven) for n in range(1, 12)]
    found = find_warnings(*made, make_result("baseB", 1.0, **few), make_result("baseB", 1.0, **one))
    by_classes = {
        text: [x for x in found if text in x] for text in ("more even size", "not even 100 %", "at least 2 cla")
    }
    assert [len(texts) for texts in by_classes.values()] == [1, 1, 1] and len(found) == 3
    (imbalanced,) = by_classes["more even size"]
    assert "92.6 % of the 108 test images" in imbalanced and "and 3 more" in imbalanced


def test_what_was_copied_from_a_base_at_chance(make_result):
    _, copied = find_warnings(make_result("baseA", 0.1), make_result("baseB"), make_result("A1B"), make_result("B1A"))
    assert copied.startswith("Copied from a base at chance") and "A1B" in copied and "B1A" not in copied


def test_a_table_without_numbers_of_test_images(make_result):
    table = result_files.table([make_result("A1B", 0.1), make_result("A2B", 0.101)])
    without = table.drop(columns=["caution", "chance", "num_test_images"])
    assert diagnostics.at_chance(without, "top1_last")["treatment"].tolist() == ["A1B"]
    (warning,) = diagnostics.find_warnings(without, "top1_last")
    assert "1 in 10 classes" in warning and "not recorded" in warning
    assert diagnostics.at_chance(without.drop(columns="num_classes"), "top1_last").empty


def test_a_base_at_chance_is_not_called_under_trained(make_result):
    assert len(find_warnings(make_result("baseB", 0.1), make_result("B1B", 0.5, cohort="other"))) == 2


def test_a_base_more_than_2_points_below_a_selffer_looks_under_trained(make_result):
    assert find_warnings(make_result("baseB", 0.5), make_result("B1B", 0.519)) == []
    (warning,) = find_warnings(make_result("baseB", 0.5), make_result("B1B", 0.51), make_result("B2B", 0.531))
    assert warning.startswith("baseB looks under-trained: B2B is 3.1 points above it")


def test_each_base_is_compared_with_the_selffers_of_its_own_target(make_result):
    (warning,) = find_warnings(
        make_result("baseA", 0.3), make_result("A1A", 0.4), make_result("baseB", 0.5), make_result("B1B", 0.5)
    )
    assert warning.startswith("baseA looks under-trained: A1A is 10.0 points above it")


def test_each_base_is_compared_with_the_selffers_of_its_own_family(make_result):
    (warning,) = find_warnings(
        make_result("baseB", 0.5),
        make_result("B1B", 0.5),
        make_result("baseB", 0.7, **NATURAL),
        make_result("B1B", 0.8, **NATURAL),
    )
    assert warning.startswith("baseB looks under-trained: B1B is 10.0 points above it")


def test_diverged_networks_of_the_same_tasks(make_result):
    table = result_files.table([
        make_result("A1B", status=DIVERGED),
        make_result("A2B"),
        make_result("A1B", images_per_class=5, status=DIVERGED),
        make_result("A1B", status=DIVERGED, **NATURAL),
    ])  # fmt: skip
    rows = table[table["treatment"] == "A2B"]
    same = diagnostics.diverged_in_same_tasks(rows, table)
    assert same[["split", "images_per_class"]].to_numpy().tolist() == [["random-0", 0]]
    assert len(diagnostics.diverged_in_same_tasks(rows[:0], table)) == 3

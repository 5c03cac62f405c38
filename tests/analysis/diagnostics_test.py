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
    assert copied == "B1B_random-0_seed-0 was copied from a base that diverged"


def test_a_network_at_chance(make_result):
    # Chance is 10 % with 10 classes; below 15 % a network is said to be at chance.
    (warning,) = find_warnings(make_result("A1B", 0.149), make_result("A2B", 0.151))
    assert warning == "A1B_random-0_seed-0 never left chance (14.9 %)"


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

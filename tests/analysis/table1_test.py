import numpy as np
import pytest

from tf_transfer.analysis import published, table1
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED


def test_the_published_scores_give_the_papers_own_table():
    boost = table1.boost(published.read_table(), published.METRIC)
    assert {name: row.round(1).to_dict() for name, row in boost.iterrows()} == table1.PAPER
    np.testing.assert_allclose(boost.loc["over baseB"], [1.598, 1.804, 2.061], atol=5e-4)
    np.testing.assert_allclose(boost.loc["over BnB+"], [1.383, 1.397, 1.729], atol=5e-4)


def test_boost_averages_over_ranges_of_layers(make_result):
    table = result_files.table([
        make_result("baseB", 0.5),
        make_result("A1B+", 0.51),
        make_result("A2B+", 0.53),
        make_result("A3B+", 0.56),
        make_result("B2B+", 0.52),  # so that only layer 2 is compared with a selffer
        make_result("A3B", 0.3),
        make_result("A3B+", 0.0, seed=1, status=DIVERGED),
    ])  # fmt: skip
    boost = table1.boost(table, "top1_last")
    assert list(boost.index) == ["over baseB", "over BnB+"] and list(boost) == ["1-3", "3-3"]
    np.testing.assert_allclose(boost, [[(1 + 3 + 6) / 3, 6], [1, np.nan]])


@pytest.mark.parametrize("names", [["baseB", "A1B", "B1B+"], ["baseB"], []])
def test_without_fine_tuned_transfers_it_is_empty(make_result, names):
    table = result_files.table([make_result(name) for name in [*names, "R1B"]])
    assert table1.boost(table, "top1_last").empty


def test_without_a_base_or_a_selffer(make_result):
    boost = table1.boost(result_files.table([make_result("A1B+", 0.52), make_result("B1B+", 0.5)]), "top1_last")
    assert list(boost.index) == ["over BnB+"] and boost.loc["over BnB+", "1-1"] == pytest.approx(2)
    assert list(table1.boost(result_files.table([make_result("A1B+"), make_result("baseB")]), "top1_last").index) == [
        "over baseB"
    ]

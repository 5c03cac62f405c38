import pytest

from tf_transfer.analysis import published
from tf_transfer.experiment import class_splits, treatments
from tf_transfer.experiment.plan import Run
from tf_transfer.results import result_files
from tf_transfer.results.result import FINISHED


@pytest.fixture(scope="module")
def table():
    return published.read_table()


def test_148_networks_by_kind(table):
    assert len(table) == 148 and table["run"].is_unique
    limited = table["images_per_class"] > 0
    assert table[~limited]["kind"].value_counts().to_dict() == {
        "base": 11, "selffer": 28, "selffer+": 10, "transfer": 70, "transfer+": 10, "random": 7,
    }  # fmt: skip
    assert table[limited]["kind"].value_counts().to_dict() == {"base": 12}
    assert sorted(table[limited]["images_per_class"]) == [1, 2, 5, 10, 25, 50, 100, 250, 500, 750, 1000, 1300]


def test_the_columns_and_words_are_those_of_results_csv(table, make_result):
    ours = list(result_files.table([make_result("baseB")]))
    assert list(table) == [column for column in ours if column in table]
    assert set(table["status"]) == {FINISHED}
    for row in table.itertuples():
        treatment = treatments.parse(row.treatment)
        assert (str(treatment.kind), treatment.target, treatment.n) == (row.kind, row.target, row.n)
        assert row.source == treatment.source or (row.source == row.target and row.kind == "base")
        assert row.run.split("_images-")[0] == Run(treatment, class_splits.parse(row.split), row.seed).name


def test_means_of_the_random_halves(table):
    means = 100 * table[table["split"].str.startswith("random-")].groupby(["kind", "n"])[published.METRIC].mean()
    assert means["base", 0] == pytest.approx(62.510, abs=5e-4)
    assert means["transfer", 7] == pytest.approx(54.249, abs=5e-4)
    assert means["selffer", 4] == pytest.approx(60.475, abs=5e-4)


@pytest.mark.parametrize(
    "run, percent, classes",
    [
        ("baseA_natural-man-made_seed-0", 65.3399, 449),
        ("baseB_natural-man-made_seed-0", 53.7244, 551),
        ("A7B_natural-man-made_seed-0", 29.1372, 551),
        ("baseB_all_seed-0", 57.6305, 1000),
        ("R2B_all_seed-0", 40.2606, 1000),
        ("baseB_all_seed-0_images-250", 38.4284, 1000),
        ("A3B+_random-1_seed-0", 63.7564, 500),
    ],
)
def test_some_networks(table, run, percent, classes):
    row = table.set_index("run").loc[run]
    assert (100 * row[published.METRIC], row["num_classes"]) == (pytest.approx(percent), classes)

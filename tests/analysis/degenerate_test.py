"""What is said of experiments that show nothing: networks at chance, tasks of one class, outcomes that never differ."""

import msgspec
import numpy as np
import pytest

from tf_transfer.analysis.diagnostics import INDISTINGUISHABLE
from tf_transfer.analysis.summary import summarise
from tf_transfer.results import result_files
from tf_transfer.results.contents import ImageResults

TREATMENTS = ("baseA", "baseB", "B1B", "B2B", "B1B+", "B2B+", "A1B", "A2B", "A1B+", "A2B+", "R1B", "R2B")


@pytest.fixture
def summarised(make_result):
    """Returns a function that summarises an experiment in which each network got given test images right."""

    def summarise_outcomes(outcomes, num_splits=1, counts=None):
        results, correct, ids = [], {}, {}
        for split in (f"random-{number}" for number in range(num_splits)):
            for name in TREATMENTS:
                right = np.asarray(outcomes(name))
                per_class = counts or (len(right) // 2,) * 2
                by_class = np.split(right, np.cumsum(per_class)[:-1])
                changes = {"test_images_per_class": per_class, "num_classes": len(per_class)}
                changes["per_class_history"] = (0.5, float(np.mean([part.mean() for part in by_class])))
                results.append(make_result(name, float(right.mean()), split=split, **changes))
                correct[results[-1].run] = right
                ids[split, name[-1]] = np.arange(len(right))
        return summarise(result_files.table(results), "top1_last", ImageResults(correct, ids))

    return summarise_outcomes


def exactly(share, num_images=400):
    """The first images right, the others wrong."""
    return np.arange(num_images) < round(share * num_images)


def claims(summary):
    return [*summary.findings.recommendation, *summary.findings.answer]


@pytest.mark.parametrize("num_splits", [1, 2, 3, 8])
@pytest.mark.parametrize(
    "outcomes, counts",
    [
        (lambda name: exactly(100 / 108, 108), (100, 4, 4)),  # always the largest class
        (lambda name: exactly(1000 / 1020, 1020), (1000, 10, 10)),
        (lambda name: exactly(1.0), (400,)),
        (lambda name: exactly(1.0, 2), (1, 1)),
        (lambda name: exactly(0.5), (200, 200)),
        (lambda name: exactly(1.0), (200, 200)),  # perfect networks
        (lambda name: exactly(0.7), (200, 200)),  # networks that are the same
        (lambda name: exactly(1.0 if name.startswith("B") else 0.0), (200, 200)),  # one side at chance
    ],
)
def test_nothing_is_concluded_or_recommended(summarised, outcomes, counts, num_splits):
    summary = summarised(outcomes, num_splits, counts)
    assert summary.findings.recommendation == () and summary.warnings
    (answer,) = summary.findings.answer
    assert answer.startswith("Nothing can be concluded")
    assert (summary.effects["caution"] != "").all() and summary.effects["p"].isna().all()
    width = summary.effects["high"] - summary.effects["low"]
    assert not (width <= 0).any()


def test_identical_outcomes_are_no_certainty(summarised):
    summary = summarised(lambda name: exactly(0.7))
    assert set(summary.effects["caution"]) == {INDISTINGUISHABLE}
    assert summary.effects["high"].to_numpy() == pytest.approx(100 * (1 - 0.05 ** (1 / 400)))
    (warning,) = summary.warnings
    assert "No test image tells apart" in warning and "400 images" in warning and "up to 0.7 points" in warning


def test_what_is_sound_is_said_beside_what_is_not(summarised):
    rng = np.random.default_rng(0)
    shares = {"base": 0.9, "A1B": 0.85, "A2B": 0.5, "R1B": 0.5, "R2B": 0.5}
    drawn = {name: rng.permutation(exactly(shares.get(name, shares.get(name[:4], 0.89)), 4000)) for name in TREATMENTS}
    summary = summarised(drawn.__getitem__)
    by_row = summary.effects.set_index(["effect", "layers"])["caution"]
    assert by_row["transfer cost", "1"] == "" and by_row["co-adaptation", "2"] == ""
    assert by_row["transfer cost", "2"] == by_row["over random", "1"] == by_row["transfer cost", "1-2"] == "at chance"
    (warning,) = summary.warnings
    assert all(f"{name}_random-0_seed-0 (50.0 %)" in warning for name in ("A2B", "R1B", "R2B"))
    said = " ".join(claims(summary))
    assert "Freezing layer 1 costs" in said
    for claim in ("A2B:", "layers 1-2 costs", "Learnt features", "general to specific"):
        assert claim not in said


def test_a_transfer_from_a_base_at_chance_shows_nothing(summarised):
    rng = np.random.default_rng(0)
    drawn = {name: rng.permutation(exactly(0.5 if name == "baseA" else 0.9, 4000)) for name in TREATMENTS}
    effects = summarised(drawn.__getitem__).effects
    cautions = effects.groupby("effect")["caution"].unique()
    assert list(cautions["transfer cost"]) == ["copied from a base at chance"] and list(cautions["co-adaptation"]) == [
        ""
    ]


def test_one_group_at_chance_spoils_the_mean_over_groups(summarised, make_result):
    made = [make_result(name, top1, split=f"random-{split}") for split, top1 in enumerate((0.1, 0.5, 0.5, 0.5))
            for name in ("baseB", "B1B")]  # fmt: skip
    (row,) = summarise(result_files.table(made), "top1_last").effects.itertuples()
    assert (row.groups, row.caution) == (4, "at chance") and np.isnan(row.p)


def test_61_percent_of_2000_images_of_two_classes_is_above_chance(summarised):
    rng = np.random.default_rng(0)
    drawn = {name: rng.permutation(exactly(0.61, 2000)) for name in TREATMENTS}
    summary = summarised(drawn.__getitem__)
    assert summary.warnings == () and (summary.effects["caution"] == "").all()


def test_a_diverged_network_is_not_tested(make_result):
    diverged = msgspec.structs.replace(make_result("baseB", 0.1), status="diverged")
    table = result_files.table([diverged, make_result("B1B", 0.5)])
    assert table["caution"].tolist() == ["diverged", "copied from a base that diverged"]

import numpy as np
import pytest

from tf_transfer.analysis.summary import summarise
from tf_transfer.results import result_files
from tf_transfer.results.contents import ImageResults
from tf_transfer.results.result import DIVERGED


def test_means_of_every_family_and_effects_of_the_first(make_result):
    natural = {"split": "natural-man-made"}
    table = result_files.table([
        make_result("baseB", 0.5),
        make_result("A1B", 0.4),
        make_result("A1B+", 0.52),
        make_result("A2B", status=DIVERGED),
        make_result("baseB", 0.7, **natural),
        make_result("A1B", 0.2, **natural),
    ])  # fmt: skip
    summary = summarise(table, "top1_last")
    assert list(summary.means) == ["random halves", "natural/man-made"]
    assert summary.means["natural/man-made"].loc["transfer", 1] == pytest.approx(20)
    assert summary.effects.set_index("effect")["estimate"].round(6)["transfer cost"] == 10
    assert summary.boost.round(6).to_dict() == {"1-1": {"over baseB": 2}}
    assert len(summary.warnings) == 1 and summary.warnings[0].startswith("A2B")
    assert len(summary.findings.answer) == 1  # one group, no images: no intervals, and nothing is claimed


def test_images_give_effects_their_intervals(make_result):
    table = result_files.table([make_result("baseB", 0.5), make_result("A1B", 0.25)])
    correct = {
        "baseB_random-0_seed-0": np.arange(400) % 2 == 0,
        "A1B_random-0_seed-0": np.arange(400) % 4 == 0,
    }
    (row,) = summarise(table, "top1_last", ImageResults(correct)).effects.itertuples()
    assert 0 < row.low < row.estimate == 25 < row.high and row.images == 400

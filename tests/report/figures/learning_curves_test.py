import numpy as np
import pytest

from tf_transfer.report.figures import learning_curves
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED


def test_a_panel_for_bases_and_for_each_treatment(make_result):
    made = [make_result("baseA", 0.3), make_result("baseB", 0.5), make_result("A1B", 0.4, seed=0)]
    made += [make_result("A1B", 0.6, seed=1), make_result("A2B", 0.4)]
    figure = learning_curves.draw_learning_curves(made)
    bases, transfers = figure.axes
    assert [line.get_linestyle() for line in bases.lines] == ["-", "--", "-", "--"]
    assert bases.lines[0].get_ydata() == pytest.approx([30, 50]) and [*bases.lines[0].get_xdata()] == [10, 20]
    assert [text.get_text() for text in transfers.texts] == ["n = 2", "n = 1"]  # from below
    mean = next(line for line in transfers.lines if line.get_ydata()[-1] == pytest.approx(50))
    assert mean.get_ydata() == pytest.approx([30, 50])  # of two seeds
    assert figure.get_supxlabel() == "Training steps" and figure.get_supylabel() == "Top-1 accuracy (%)"


def test_runs_that_were_tested_more_often_have_a_line_of_their_own(make_result):
    often = {"test_steps": (10, 20, 30), "top1_history": (0.1, 0.2, 0.3), "train_top1_history": (0.1, 0.2, 0.3)}
    (axes,) = learning_curves.draw_learning_curves([make_result("A1B"), make_result("A1B", seed=1, **often)]).axes
    assert sorted(len(line.get_xdata()) for line in axes.lines) == [2, 3]
    assert np.isfinite(axes.get_ylim()).all()


def test_one_evaluation_is_no_curve(make_result, figure_data):
    def has_rows(*made):
        return learning_curves.FIGURE.has_rows(figure_data(result_files.table(made), results=made))

    assert has_rows(make_result("baseB"))
    assert not has_rows(make_result("baseB", test_steps=(10,)))
    diverged = make_result("B1B", status=DIVERGED, test_steps=(10, 20))
    assert not has_rows(make_result("baseB", test_steps=(10,)), diverged)

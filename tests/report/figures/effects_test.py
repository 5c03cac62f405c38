import numpy as np
import pandas as pd
import pytest

from tf_transfer.analysis import effects
from tf_transfer.report.figures import effects as figure
from tf_transfer.results import result_files


@pytest.fixture(scope="module")
def estimated(make_result):
    """Co-adaptation 2 and 0 points, specialisation 1 and 6, boost 3 and 4, at n = 1 and 2."""
    made = [make_result("baseB", 0.5), make_result("B1B", 0.48), make_result("B2B", 0.5)]
    made += [make_result("A1B", 0.47), make_result("A2B", 0.44), make_result("A1B+", 0.53), make_result("A2B+", 0.54)]
    found = effects.estimate_effects(result_files.table(made), "top1_last")
    ends = {"low": found["estimate"] - 1, "high": found["estimate"] + 2}
    return found.assign(**ends, p_holm=np.where(found["layers"] == "1", 0.01, 1))


def test_effects_stacked_below_and_above_the_base(estimated):
    (axes,) = figure.draw_stacked(estimated).axes
    lines = {line.get_marker(): line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 3}
    assert lines["o"] == pytest.approx([0, -2, 0])
    assert lines["D"] == pytest.approx([0, -3, -6]) and lines["X"] == pytest.approx([0, 3, 4])
    assert [text.get_text() for text in axes.texts] == ["AnB", "BnB", "baseB", "AnB+"]  # from below
    assert len(axes.get_legend().get_texts()) == 3
    # A cost of 3 [2, 5] points is a place 5 to 2 points below the base.
    bands = [area.get_datalim(axes.transData) for area in axes.collections]
    assert any(box.y0 == pytest.approx(-8) and box.y1 == pytest.approx(-2) for box in bands)


def test_each_effect_in_a_panel_with_filled_points_where_it_was_found(estimated):
    panels = {axes.get_title(): axes for axes in figure.draw_each(estimated).axes}
    assert list(panels) == [
        "co-adaptation: baseB − BnB", "specialisation: BnB − AnB", "transfer cost: baseB − AnB", "recovery: AnB+ − AnB",
        "boost over base: AnB+ − baseB",
    ]  # fmt: skip
    points = [line for line in panels["recovery: AnB+ − AnB"].lines if line.get_marker() == "o"]
    found, not_found = ([*line.get_xdata()] for line in points)
    assert (found, not_found) == ([1], [2])
    assert points[1].get_markerfacecolor() == "#ffffff" != points[0].get_markerfacecolor()


def test_one_layer_is_no_curve(estimated, figure_data):
    table = pd.DataFrame()
    assert figure.STACKED.has_rows(figure_data(table, estimated=estimated))
    assert not figure.STACKED.has_rows(figure_data(table, estimated=estimated[estimated["n"] == 1]))
    assert not figure.EACH.has_rows(figure_data(table))


def test_effects_in_words(estimated, figure_data):
    words = figure.EACH.describe(figure_data(pd.DataFrame(), estimated=estimated))
    assert words.startswith("co-adaptation 2.0, 0.0 points at n = 1, 2; specialisation 1.0, 6.0 points")

import pytest

from tf_transfer.analysis import published
from tf_transfer.report.figures.preserve import FIGURE, draw_preserve
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED


def test_preserved_layers_beside_layers_drawn_anew(make_result):
    scores = {
        "baseB": 0.5, "A1B": 0.4, "A2B": 0.3, "A1B-preserve1": 0.45, "A2B-preserve1": 0.42, "A1B-preserve2": 0.48,
        "B1B": 0.5, "A1B+": 0.6,
    }  # fmt: skip
    table = result_files.table([make_result(name, top1) for name, top1 in scores.items()])
    (axes,) = draw_preserve(table).axes  # no selffer has preserved layers
    assert axes.get_title() == "Copied from the other task" and axes.get_ylabel() == "Top-1 accuracy (%)"
    assert sorted(text.get_text() for text in axes.texts) == ["AnB", "AnB-preserve1", "AnB-preserve2", "baseB"]
    drawn = {line.get_linestyle(): list(line.get_ydata()) for line in axes.get_lines()[2:]}
    assert drawn == {"-": pytest.approx([40, 30]), "--": pytest.approx([45, 42]), ":": pytest.approx([48])}


def test_a_panel_for_selffers_too(make_result):
    table = result_files.table([make_result(name) for name in ("baseB", "A1B-preserve1", "B1B", "B1B-preserve1")])
    titles = [axes.get_title() for axes in draw_preserve(table).axes]
    assert titles == ["Copied from the other task", "Copied from the same task"]


def test_nothing_was_preserved(make_result, figure_data):
    assert not FIGURE.has_rows(figure_data(published.read_table()))
    assert FIGURE.has_rows(figure_data(result_files.table([make_result("A1B-preserve1")])))


def test_networks_that_failed_are_flagged_in_their_panel(make_result):
    made = [make_result(name) for name in ("baseB", "A1B", "B1B", "A1B-preserve1", "B1B-preserve1")]
    made += [make_result("A2B-preserve1", 0.01), make_result("R1B", 0.01)]
    made += [make_result(name, status=DIVERGED) for name in ("B2B-preserve1", "A3B+", "B3B")]
    made += [make_result("B3B", split="all", status=DIVERGED), make_result("B3B", images_per_class=5, status=DIVERGED)]
    transfers, selffers = draw_preserve(result_files.table(made)).axes
    legends = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in (transfers, selffers)]
    assert legends == [["at chance"], ["diverged"]]
    ringed, crossed = (axes.get_lines()[-1] for axes in (transfers, selffers))
    assert ringed.get_xydata().tolist() == [[2, 1]] and sorted(crossed.get_xdata()) == [2, 3]

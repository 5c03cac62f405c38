import pytest

from tf_transfer import published, results
from tf_transfer.figures.preserve import draw_preserve, has_rows


def test_preserved_layers_beside_layers_drawn_anew(make_result):
    scores = {
        "baseB": 0.5, "A1B": 0.4, "A2B": 0.3, "A1B-preserve1": 0.45, "A2B-preserve1": 0.42, "A1B-preserve2": 0.48,
        "B1B": 0.5, "A1B+": 0.6,
    }  # fmt: skip
    table = results.table([make_result(name, top1) for name, top1 in scores.items()])
    (axes,) = draw_preserve(table).axes  # no selffer has preserved layers
    assert axes.get_title() == "Copied from the other task" and axes.get_ylabel() == "Top-1 accuracy (%)"
    assert sorted(text.get_text() for text in axes.texts) == ["AnB", "AnB-preserve1", "AnB-preserve2", "baseB"]
    drawn = {line.get_linestyle(): list(line.get_ydata()) for line in axes.get_lines()[2:]}
    assert drawn == {"-": pytest.approx([40, 30]), "--": pytest.approx([45, 42]), ":": pytest.approx([48])}


def test_a_panel_for_selffers_too(make_result):
    table = results.table([make_result(name) for name in ("baseB", "A1B-preserve1", "B1B", "B1B-preserve1")])
    titles = [axes.get_title() for axes in draw_preserve(table).axes]
    assert titles == ["Copied from the other task", "Copied from the same task"]


def test_nothing_was_preserved(make_result):
    assert not has_rows(published.read_table())
    assert has_rows(results.table([make_result("A1B-preserve1")]))

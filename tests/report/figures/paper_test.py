import pytest

from tf_transfer.analysis import published
from tf_transfer.report.captions import CAPTIONS
from tf_transfer.report.figures.paper import draw_all
from tf_transfer.results import result_files


def test_what_the_published_scores_have_networks_for():
    assert list(draw_all(published.read_table(), published.METRIC)) == ["figure2", "figure3", "reduced_volume"]


def test_what_a_table_has_networks_for(make_result):
    table = result_files.table([make_result(name) for name in ("baseB", "A1B", "A1B-preserve1")])
    assert list(draw_all(table, "top1_last")) == ["figure2", "preserve"]
    assert draw_all(result_files.table([make_result("baseB")]), "top1_last") == {}


def test_published_curves_in_a_figure_of_their_own(make_result):
    table = result_files.table([make_result("baseB"), make_result("A1B")])
    drawn = draw_all(table, "top1_last", ["all is invented"], published.read_table())
    assert list(drawn) == ["figure2", "figure2_published"]
    counts = [len(figure.axes[1].texts) for figure in drawn.values()]
    assert counts == [1, 3]
    assert all(figure.get_supxlabel() == "Caution: all is invented." for figure in drawn.values())


def test_published_curves_in_every_figure_that_the_table_has_networks_for(make_result):
    made = [make_result("baseB"), make_result("R1B"), make_result("A1B-preserve1")]
    made += [make_result("baseB", images_per_class=limit) for limit in (5, 10)]
    drawn = draw_all(result_files.table(made), "top1_last", published=published.read_table())
    assert list(drawn) == ["figure3", "figure3_published", "reduced_volume", "reduced_volume_published", "preserve"]
    assert set(drawn) <= set(CAPTIONS)


def test_nothing_to_compare(make_result):
    table = result_files.table([make_result("baseA"), make_result("baseB")])
    with pytest.raises(ValueError, match=r"nothing to compare .*, found \['baseA', 'baseB'\]; train some with"):
        draw_all(table, "top1_last", published=published.read_table())

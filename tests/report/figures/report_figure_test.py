import numpy as np
import pytest

from tests.helpers.predictions import predictions_with
from tf_transfer.analysis import published
from tf_transfer.analysis.effects import estimate_effects
from tf_transfer.report.figures import FIGURES
from tf_transfer.report.figures.report_figure import describe_means
from tf_transfer.report.run_details import RunDetails
from tf_transfer.results import result_files

SINGLE = [figure for figure in FIGURES if not figure.is_series]


def drawn(data):
    """The names of the figures that data has rows for."""
    return [figure.name for figure in FIGURES if figure.has_rows(data)]


def test_names_and_titles_are_unique():
    assert len({figure.name for figure in FIGURES}) == len({figure.title for figure in FIGURES}) == len(FIGURES)


@pytest.mark.parametrize("figure", SINGLE, ids=lambda figure: figure.name)
def test_a_figure_is_one_picture_with_words(figure, make_result, figure_data):
    made = [make_result(name, 0.3) for name in ("baseB", "A1B", "A2B", "R1B", "A1B-preserve1")]
    made += [make_result("baseB", 0.3, images_per_class=limit) for limit in (5, 10)]
    table = result_files.table(made)
    estimated = estimate_effects(result_files.table(made[:4]), "top1_last")
    details = RunDetails(made[0], predictions_with(np.arange(20) < 6), ["cat", "dog"], None, ())
    data = figure_data(table, estimated=estimated, results=made, published=published.read_table(), details=details)
    assert figure.has_rows(data)
    assert list(figure.draw(data)) == [figure.name]
    assert figure.caption and ("0.0 %" in figure.describe(data) or "0.0 points" in figure.describe(data))


def test_figures_of_the_published_scores(figure_data):
    data = figure_data(published.read_table(), published.METRIC)
    assert drawn(data) == ["figure2", "figure3", "reduced_volume"]


def test_only_figures_that_the_table_has_networks_for(make_result, figure_data):
    table = result_files.table([make_result(name) for name in ("baseB", "A1B", "A1B-preserve1")])
    assert drawn(figure_data(table)) == ["figure2", "preserve"]
    assert drawn(figure_data(result_files.table([make_result("baseB")]))) == []


def test_published_curves_are_drawn_in_figures_of_their_own(make_result, figure_data):
    made = [make_result("baseB"), make_result("R1B"), make_result("A1B-preserve1")]
    made += [make_result("baseB", images_per_class=limit) for limit in (5, 10)]
    data = figure_data(result_files.table(made), published=published.read_table())
    with_published = ["figure3", "figure3_published", "reduced_volume", "reduced_volume_published", "preserve"]
    assert drawn(data) == with_published
    assert [figure.name for figure in FIGURES if figure.with_published] == [
        "figure2_published", "figure3_published", "reduced_volume_published",
    ]  # fmt: skip


def test_warnings_are_printed_below_figure_2(make_result, figure_data):
    table = result_files.table([make_result("baseB"), make_result("A1B")])
    data = figure_data(table, warnings=["all is invented"], published=published.read_table())
    alone, behind = (figure.draw(data)[figure.name] for figure in FIGURES if figure.has_rows(data))
    assert [len(figure.axes[1].texts) for figure in (alone, behind)] == [1, 3]
    assert {figure.get_supxlabel() for figure in (alone, behind)} == {"Caution: all is invented."}


def test_filters_are_a_picture_for_each_base(make_result, figure_data):
    kernels = {"baseA": np.zeros((3, 3, 3, 2)), "baseB": np.ones((3, 3, 3, 2))}
    (filters,) = (figure for figure in FIGURES if figure.name == "filters")
    data = figure_data(result_files.table([make_result("baseB")]), kernels=kernels)
    assert list(filters.draw(data)) == ["filters/baseA", "filters/baseB"]
    assert "baseA, baseB" in filters.describe(data)


def test_means_in_words(make_result):
    made = [make_result("baseB", 0.5), make_result("A1B", 0.4804), make_result("A2B", 0.47)]
    words = describe_means(result_files.table(made), "top1_last")
    assert words == "Top-1 accuracy: baseB 50.0 %; AnB 48.0, 47.0 % at n = 1, 2."
    made += [make_result("baseB", 0.3, split="natural-man-made"), make_result("A1B", 0.2, split="natural-man-made")]
    words = describe_means(result_files.table(made), "top1_last")
    assert "random halves, AnB 48.0" in words and "natural/man-made, AnB 20.0 % at n = 1" in words

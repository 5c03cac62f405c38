import numpy as np
import pytest

from tf_transfer.analysis import published
from tf_transfer.report.figures.figure2 import FIGURE, draw_figure2
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED


@pytest.fixture(scope="module")
def table(make_result):
    names = [pattern.format(n) for pattern in ("B{}B", "B{}B+", "A{}B", "A{}B+", "R{}B") for n in (1, 2, 3)]
    return result_files.table(
        [make_result("baseB", 0.5), *(make_result(name, 0.3 + 0.01 * len(name)) for name in names)]
    )


def legend(axes):
    return [text.get_text().split(":")[0] for text in axes.get_legend().get_texts()]


def test_every_network_but_random_filters_and_the_means(table):
    points, lines = draw_figure2(table).axes
    assert [axes.get_ylabel() for axes in (points, lines)] == ["Top-1 accuracy (%)"] * 2
    assert lines.get_xlabel() == "Layer n at which the network is cut and retrained"
    assert legend(points) == ["baseB", "BnB", "BnB+", "AnB", "AnB+"]
    drawn = [line.get_ydata() for line in points.get_lines()]
    assert sum(map(len, drawn)) == 13 and len(table) == 16
    assert drawn[0].tolist() == [50]  # percent
    assert {text.get_text() for text in lines.texts} == {"BnB", "BnB+", "AnB", "AnB+"}


def test_of_several_families_the_random_halves(make_result):
    natural = [make_result(name, 0.9, split="natural-man-made") for name in ("baseB", "A1B")]
    figure = draw_figure2(result_files.table([make_result("baseB", 0.5), make_result("A1B", 0.4), *natural]))
    assert max(line.get_ydata().max() for line in figure.axes[0].get_lines()) == 50


def test_one_treatment(make_result):
    figure = draw_figure2(result_files.table([make_result("baseB"), make_result("A1B")]))
    assert legend(figure.axes[0]) == ["baseB", "AnB"] and figure.axes[1].get_legend() is None


def test_what_diverged_has_no_accuracy_to_be_drawn(make_result, figure_data):
    diverged = result_files.table([make_result("A1B", 0.0, seed=9, status=DIVERGED)])
    assert not FIGURE.has_rows(figure_data(diverged))
    points, lines = draw_figure2(diverged).axes
    assert legend(points) == ["diverged"] and not lines.get_lines()


def test_bases_and_random_filters_alone_make_no_figure(make_result, figure_data):
    assert not FIGURE.has_rows(figure_data(result_files.table([make_result("baseB"), make_result("R1B")])))
    assert FIGURE.has_rows(figure_data(result_files.table([make_result("baseB"), make_result("B1B+")])))


def test_warnings_are_printed(table):
    figure = draw_figure2(table, warnings=["baseB looks under-trained"])
    assert figure.get_supxlabel() == "Caution: baseB looks under-trained."


def test_no_legend_lies_on_the_axes():
    figure = draw_figure2(published.read_table(), published.METRIC)
    figure.draw_without_rendering()
    assert legend(figure.axes[1]) == [
        "lost by splitting co-adapted layers (BnB below baseB)",
        "lost by specialisation to another task (AnB below BnB)",
    ]
    areas = [axes.get_window_extent() for axes in figure.axes]
    for axes in figure.axes:
        assert not axes.get_legend().get_window_extent().count_overlaps(areas)


def test_the_published_means():
    lines = draw_figure2(published.read_table(), published.METRIC).axes[1]
    means = {line.get_color(): line.get_ydata() for line in lines.get_lines() if len(line.get_ydata()) == 7}
    np.testing.assert_allclose(means["#D55E00"], [62.82, 62.38, 61.89, 59.98, 57.80, 58.06, 54.25], atol=0.006)
    np.testing.assert_allclose(means["#0072B2"], [62.67, 62.35, 62.11, 60.48, 59.35, 61.88, 62.32], atol=0.006)


def test_published_curves_of_the_treatments_that_the_table_has(make_result):
    table = result_files.table([make_result("baseB", 0.5), make_result("A1B", 0.4), make_result("A2B+", 0.5)])
    points, lines = draw_figure2(table, published=published.read_table()).axes
    names = {text.get_text() for text in lines.texts}
    assert names == {"AnB", "AnB+", "baseB, published", "AnB, published", "AnB+, published"}
    thin = [line for line in lines.get_lines() if len(line.get_ydata()) == 8]
    assert [line.get_linewidth() for line in thin] == [1, 1]
    assert [line.get_ydata()[0] for line in thin] == [pytest.approx(62.51, abs=0.005)] * 2
    assert thin[0].get_ydata()[7] == pytest.approx(54.25, abs=0.005)
    assert thin[0].get_color() not in {line.get_color() for line in points.get_lines()}  # pale
    assert list(lines.get_xticks()) == list(range(8))
    assert points.get_ylim()[1] < 51 < lines.get_ylim()[1]  # the points keep their own scale


def test_published_curves_of_the_same_kind_of_class_split(make_result):
    for split, level in (("natural-man-made", (65.3399 + 53.7244) / 2), ("explicit", 62.51)):
        table = result_files.table([make_result(name, split=split) for name in ("baseB", "A1B", "B1B")])
        lines = draw_figure2(table, published=published.read_table()).axes[1]
        thin = [line for line in lines.get_lines() if line.get_linewidth() == 1]
        assert {round(line.get_ydata()[0], 2) for line in thin} == {round(level, 2)}


def test_networks_that_failed_are_flagged(make_result):
    outcomes = [make_result("baseB", 0.5), make_result("A1B", 0.01), make_result("B2B", 0.4)]
    outcomes += [make_result("A3B", status=DIVERGED), make_result("R2B", status=DIVERGED)]
    points = draw_figure2(result_files.table(outcomes)).axes[0]
    assert legend(points)[-2:] == ["at chance", "diverged"]
    ringed, crossed = points.get_lines()[-2:]
    [of_transfers] = [line for line in points.get_lines() if line.get_label().startswith("AnB:")]
    np.testing.assert_array_equal(ringed.get_xydata(), of_transfers.get_xydata())
    assert crossed.get_xdata() == pytest.approx(3, abs=0.3)  # random filters are not in this figure
    assert points.get_ylim()[1] < 60


def test_what_diverged_with_fewer_images_belongs_elsewhere(make_result):
    few = make_result("baseB", images_per_class=5, status=DIVERGED)
    points = draw_figure2(result_files.table([make_result("baseB"), make_result("A1B"), few])).axes[0]
    assert legend(points) == ["baseB", "AnB"]

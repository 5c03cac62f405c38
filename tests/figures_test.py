import numpy as np
import pytest
from PIL import Image

from tf_transfer import figures, results


@pytest.fixture(scope="module")
def table(make_result):
    names = [pattern.format(n) for pattern in ("B{}B", "B{}B+", "A{}B", "A{}B+", "R{}B") for n in (1, 2, 3)]
    return results.table([make_result("baseB", 0.5), *(make_result(name, 0.3 + 0.01 * len(name)) for name in names)])


def test_figure2_shows_every_network_and_the_means(table):
    figure = figures.draw_figure2(table)
    points, lines = figure.axes
    assert [axes.get_ylabel() for axes in (points, lines)] == ["Top-1 accuracy (%)"] * 2
    assert lines.get_xlabel() == "Layer n at which the network is cut and retrained"
    labels = [text.get_text().split(":")[0] for text in points.get_legend().get_texts()]
    assert labels == ["baseB", "BnB", "BnB+", "AnB", "AnB+", "RnB"]
    drawn = [line.get_ydata() for line in points.get_lines()]
    assert sum(map(len, drawn)) == len(table) == 16
    assert drawn[0].tolist() == [50]  # percent


def test_figure2_of_one_treatment(make_result):
    figure = figures.draw_figure2(results.table([make_result("baseB"), make_result("A1B")]))
    assert [text.get_text().split(":")[0] for text in figure.axes[0].get_legend().get_texts()] == ["baseB", "AnB"]


def test_figure2_leaves_out_what_diverged(make_result):
    diverged = results.table([make_result("A1B", 0.0, seed=9, status=results.DIVERGED)])
    figure = figures.draw_figure2(diverged)
    assert [line for line in figure.axes[0].get_lines() if len(line.get_ydata())] == []


def test_figure2_prints_warnings(table):
    figure = figures.draw_figure2(table, warnings=["baseB looks under-trained"])
    assert figure.get_supxlabel() == "Caution: baseB looks under-trained."


def test_filters_are_stretched_to_the_full_range_of_colours():
    kernel = np.random.default_rng(0).normal(size=(5, 5, 3, 5))
    figure = figures.draw_filters(kernel)
    pictures = [axes.get_images()[0].get_array() for axes in figure.axes if axes.get_images()]
    assert len(pictures) == 5 and len(figure.axes) == 6  # 3 by 2, one place free
    assert all(picture.shape == (5, 5, 3) for picture in pictures)
    assert all((picture.min(), picture.max()) == (0, 1) for picture in pictures)


def test_a_constant_filter_is_drawn_too():
    assert figures.draw_filters(np.ones((3, 3, 3, 1))).axes[0].get_images()[0].get_array().max() == 0


def test_figures_are_saved_as_png_and_svg(table, tmp_path):
    path = tmp_path / "figures" / "figure2.png"
    figures.save(figures.draw_figure2(table), path)
    with Image.open(path) as picture:
        assert picture.format == "PNG" and min(picture.size) > 1000
    assert "<svg" in path.with_suffix(".svg").read_text()[:1000]

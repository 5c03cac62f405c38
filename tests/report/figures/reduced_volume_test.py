import pytest

from tf_transfer.analysis import published
from tf_transfer.report.figures.reduced_volume import FIGURE, draw_reduced_volume
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED


def test_the_published_scores_on_both_axes():
    figure = draw_reduced_volume(published.read_table(), published.METRIC)
    linear, logarithmic = figure.axes
    assert (linear.get_xscale(), logarithmic.get_xscale()) == ("linear", "log")
    for axes in figure.axes:
        assert axes.get_xlabel().startswith("Training images per class")
        line, points, whole = axes.get_lines()
        assert list(points.get_xdata()) == [1, 2, 5, 10, 25, 50, 100, 250, 500, 750, 1000, 1300]
        assert list(points.get_ydata())[-2:] == pytest.approx([54.0942, 55.1762])
        assert list(line.get_ydata()) == list(points.get_ydata())
        assert whole.get_ydata()[0] == pytest.approx(57.6305)  # of the split "all", not of random halves
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["limited number of images (200,000 steps)", "no limit: 57.6 % (450,000 steps)"]


def test_the_logarithmic_axis_has_whole_numbers(make_result):
    made = [make_result("baseB", images_per_class=limit) for limit in (10, 20, 60)]
    axes = draw_reduced_volume(result_files.table(made)).axes[1]
    axes.figure.draw_without_rendering()
    (low, high), ticks = axes.get_xlim(), axes.xaxis.get_major_ticks()
    shown = [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high]
    assert shown == ["10", "20", "50"] and not axes.xaxis.get_minorticklocs().size


def test_a_line_through_the_means(make_result):
    limits = [(10, 0, 0.2), (10, 1, 0.3), (20, 0, 0.4)]
    made = [make_result("baseB", top1, seed=seed, images_per_class=limit) for limit, seed, top1 in limits]
    line, points = draw_reduced_volume(result_files.table(made)).axes[0].get_lines()
    assert list(line.get_ydata()) == pytest.approx([25, 40]) and len(points.get_ydata()) == 3


def test_what_the_figure_is_drawn_for(make_result, figure_data):
    ten, twenty, whole = (make_result("baseB", images_per_class=limit) for limit in (10, 20, 0))
    assert FIGURE.has_rows(figure_data(result_files.table([ten, twenty])))
    assert not FIGURE.has_rows(figure_data(result_files.table([ten, whole])))
    transfer = make_result("A1B", images_per_class=20)
    diverged = make_result("baseB", images_per_class=20, status=DIVERGED)
    assert not FIGURE.has_rows(figure_data(result_files.table([ten, transfer, diverged])))


def test_kinds_of_class_splits_have_lines_of_their_own(make_result):
    made = [make_result("baseB", images_per_class=limit) for limit in (10, 20)]
    made += [make_result("baseB", split="all", images_per_class=limit) for limit in (10, 20, 40, 0)]
    made += [make_result("baseB", split="explicit", images_per_class=10)]  # one volume makes no line
    figure = draw_reduced_volume(result_files.table(made))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "all classes, limited number of images (20 steps)",
        "all classes, no limit: 40.0 % (20 steps)",
        "random halves, limited number of images (20 steps)",
    ]


def test_the_published_curve_behind_one_s_own(make_result):
    made = [make_result("baseB", images_per_class=limit) for limit in (10, 20, 60)]
    figure = draw_reduced_volume(result_files.table(made), published=published.read_table())
    linear, logarithmic = figure.axes
    for axes in figure.axes:
        curve, whole = axes.get_lines()[-2:]
        assert list(curve.get_ydata())[-2:] == pytest.approx([54.0942, 55.1762])
        assert whole.get_ydata()[0] == pytest.approx(57.6305)
        assert {line.get_linewidth() for line in (curve, whole)} == {1}
    assert linear.get_xlim()[1] < 70 and logarithmic.get_xlim()[1] > 1300
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "limited number of images (20 steps)",
        "limited number of images, published (200,000 steps)",
        "no limit, published: 57.6 % (450,000 steps)",
    ]


def test_networks_that_failed_are_flagged(make_result):
    limits = {10: 0.02, 20: 0.3, 40: 0.4}
    made = [make_result("baseB", top1, images_per_class=limit) for limit, top1 in limits.items()]
    made += [make_result("baseB", images_per_class=80, status=DIVERGED)]
    made += [make_result("baseB", split="all", images_per_class=5, status=DIVERGED), make_result("A1B", 0.01)]
    figure = draw_reduced_volume(result_files.table(made))
    for axes in figure.axes:
        ringed, crossed = axes.get_lines()[-2:]
        assert ringed.get_xydata().tolist() == [[10, 2]] and list(crossed.get_xdata()) == [80]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["limited number of images (20 steps)", "at chance", "diverged"]

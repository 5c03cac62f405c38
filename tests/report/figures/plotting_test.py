import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from tf_transfer.experiment import treatments
from tf_transfer.report.figures import plotting
from tf_transfer.report.figures.plotting import LineEnd


def test_every_kind_has_a_colour_a_marker_and_a_name():
    assert list(plotting.STYLES) == list(treatments.KINDS)
    colors = {style["color"] for style in plotting.STYLES.values()} | {plotting.PURPLE}
    assert len(colors) == 7 and len({style["marker"] for style in plotting.STYLES.values()} - {"o"}) == 4
    assert plotting.kind_label("transfer+") == "AnB+: fine-tuned, other task"


def names(axes):
    """Top and bottom of each name at the end of a line, in pixels, from the lowest on."""
    axes.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the lines that lead to them
    return sorted((box.y0, box.y1, box.x0) for box in boxes)


def test_names_at_the_ends_of_lines_do_not_overlap_and_stand_outside_the_axes():
    axes = Figure(figsize=(5, 3), layout="constrained").subplots()
    axes.plot([0, 1], [0, 10])
    plotting.label_line_ends(axes, [LineEnd(1, y, f"line at {y}", "#000000") for y in (5.1, 5.0, 5.05, 9.0)])
    found = names(axes)
    assert all(below[1] <= above[0] for below, above in zip(found, found[1:], strict=False))
    assert [text.get_text() for text in axes.texts] == [f"line at {y}" for y in (5.0, 5.05, 5.1, 9.0)]
    right = axes.get_window_extent().x1
    assert all(x > right for _, _, x in found)
    assert axes.texts[-1].xyann[1] == pytest.approx(9)  # what stands alone stays where it is
    assert axes.texts[1].xyann[1] == pytest.approx(5.05)  # and a cluster stays about its middle


def test_no_lines_no_names():
    axes = Figure().subplots()
    plotting.label_line_ends(axes, [])
    assert not axes.texts


def test_figures_are_saved_as_png_and_svg(tmp_path):
    path = tmp_path / "figures" / "figure2.png"
    figure = Figure(figsize=(3, 2))
    figure.subplots()
    plotting.save(figure, path)
    with Image.open(path) as picture:
        assert picture.format == "PNG" and picture.size == (432, 288)  # 144 pixels an inch
    assert "<svg" in path.with_suffix(".svg").read_text()[:1000]


def test_long_names_keep_their_beginning_and_their_end():
    assert plotting.shorten("cat") == "cat"
    short = {plotting.shorten(f"Tomato leaf with the disease of type {number}") for number in (1, 2)}
    assert len(short) == 2 and all(len(name) == 22 and name.startswith("Tomato leaf") for name in short)

import numpy as np
import pytest
from matplotlib.text import Text

from tf_transfer.analysis import published
from tf_transfer.report.figures.figure3 import FIGURE, draw_figure3
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED


def panels(figure):
    return {axes.get_label(): axes for axes in figure.axes}


def names(axes):
    return [text.get_text() for text in axes.texts]


def curves(axes):
    """The heights of the lines, by number of points."""
    found = [line.get_ydata() for line in axes.get_lines()]
    return {length: [y for y in found if len(y) == length] for length in {len(y) for y in found}}


def test_the_published_figure():
    shown = panels(draw_figure3(published.read_table(), published.METRIC))
    assert list(shown) == ["natural", "random", "relative"]
    assert all(axes.get_xlabel() == "Layer n at which the network is cut and retrained" for axes in shown.values())
    assert [axes.get_ylabel() for axes in shown.values()][:2] == ["Top-1 accuracy (%)"] * 2
    assert "percentage points" in shown["relative"].get_ylabel()
    man_made, natural = sorted(curves(shown["natural"])[7], key=min)
    assert (man_made[6], natural[6]) == (pytest.approx(29.1372), pytest.approx(39.9026))
    assert sorted(names(shown["natural"])) == ["AnB", "BnA", "baseA", "baseB"]
    (random,) = curves(shown["random"])[7]
    np.testing.assert_allclose(random[:3], [49.1662, 40.2606, 0.1114])


def test_each_curve_is_compared_with_its_own_base():
    axes = panels(draw_figure3(published.read_table(), published.METRIC))["relative"]
    halves, all_classes, natural = curves(axes)[8]
    assert (halves[0], all_classes[0], natural[0]) == (0, 0, 0)
    assert halves[7] == pytest.approx(54.249 - 62.510, abs=0.002)
    assert all_classes[1] == pytest.approx(49.1662 - 57.6305)
    assert natural[7] == pytest.approx((29.1372 - 53.7244 + 39.9026 - 65.3399) / 2)
    # Random filters fall out of the panel, which says how far.
    assert axes.get_ylim()[0] == pytest.approx(1.2 * natural[7])
    assert "RnB, all classes: down to \N{MINUS SIGN}58 at n = 3" in names(axes)
    assert {"AnB, random halves", "AnB, natural/man-made"} < set(names(axes))


def test_random_filters_leave_the_panel_where_they_cross_its_edge():
    axes = panels(draw_figure3(published.read_table(), published.METRIC))["relative"]
    (note,) = [text for text in axes.texts if "down to" in text.get_text()]
    (x, y), bottom = note.xy, axes.get_ylim()[0]
    random = curves(axes)[8][1]
    assert y == bottom and 2 < x < 3 and np.interp(x, range(8), random) == pytest.approx(bottom)


def test_random_filters_of_random_halves_alone(make_result):
    table = result_files.table([make_result("baseB", 0.5), make_result("R1B", 0.4), make_result("R2B", 0.1)])
    shown = panels(draw_figure3(table))
    assert list(shown) == ["random", "relative"]
    assert curves(shown["relative"])[3][0].tolist() == pytest.approx([0, -10, -40])
    assert names(shown["relative"]) == ["RnB, random halves"]
    assert shown["relative"].get_ylim()[0] < -40


def test_random_filters_of_two_splits_are_told_apart(make_result):
    table = result_files.table([
        make_result(f"{name}", top1, split=split)
        for split in ("random-0", "natural-man-made")
        for name, top1 in (("baseB", 0.5), ("A1B", 0.49), ("R1B", 0.2), ("R2B", 0.1))
    ])  # fmt: skip
    shown = panels(draw_figure3(table))
    for panel, points in (("random", 2), ("relative", 3)):
        lines = [line for line in shown[panel].get_lines() if len(line.get_xdata()) == points]
        random = [line.get_linestyle() for line in lines if line.get_color() == "#009E73" and line.get_linewidth() > 1]
        assert random == ["-", "--"]
    assert shown["relative"].get_ylim()[0] == -10
    notes = [text for text in shown["relative"].texts if "down to" in text.get_text()]
    assert [note.get_text() for note in notes] == [
        f"RnB, {family}: down to \N{MINUS SIGN}40 at n = 2" for family in ("random halves", "natural/man-made")
    ]
    shown["relative"].figure.draw_without_rendering()
    lower, upper = (Text.get_window_extent(note) for note in notes)
    assert lower.y1 < upper.y0


def test_without_bases_nothing_is_relative(make_result):
    table = result_files.table([make_result("R1B", 0.4), make_result("A1B", 0.4)])
    assert list(panels(draw_figure3(table))) == ["random"]


def test_natural_classes_as_the_one_target(make_result):
    made = [("baseB", 0.5), ("A1B", 0.4), ("A2B", 0.3), ("B1B", 0.5), ("B2B", 0.4)]
    table = result_files.table([make_result(name, top1, split="natural-man-made") for name, top1 in made])
    shown = panels(draw_figure3(table))
    assert list(shown) == ["natural", "relative"]
    assert sorted(names(shown["natural"])) == ["AnB", "BnB", "baseB"]


@pytest.mark.parametrize("split, names, drawn", [
    ("random-0", ["baseB", "A1B", "B1B"], False),
    ("random-0", ["baseB", "R1B"], True),
    ("natural-man-made", ["baseB", "A1B"], True),
    ("natural-man-made", ["baseB"], False),
])  # fmt: skip
def test_what_the_figure_is_drawn_for(make_result, split, names, drawn, figure_data):
    assert FIGURE.has_rows(figure_data(result_files.table([make_result(name, split=split) for name in names]))) == drawn


def test_published_curves_of_random_filters_and_of_such_transfers_as_the_table_has(make_result):
    made = [make_result(name, 0.4, split="natural-man-made") for name in ("baseA", "baseB", "A1B", "B1A")]
    made += [make_result(name, 0.5) for name in ("baseB", "R1B")]
    shown = panels(draw_figure3(result_files.table(made), published=published.read_table()))
    own = {"natural": ["AnB", "BnA", "baseA", "baseB"], "random": ["RnB, random halves"]}
    assert set(names(shown["natural"])) == {*own["natural"], *(f"{name}, published" for name in own["natural"])}
    assert set(names(shown["random"])) == {*own["random"], "RnB, all classes, published", "baseB, published"}
    assert set(names(shown["relative"])) == {
        "AnB, natural/man-made",
        "AnB, natural/man-made, published",
        "RnB, random halves",
    }
    assert shown["relative"].get_ylim()[0] == pytest.approx(1.2 * (29.1372 - 53.7244 + 39.9026 - 65.3399) / 2)
    man_made, natural = sorted(curves(shown["natural"])[8], key=min)
    assert (man_made[7], natural[7]) == (pytest.approx(29.1372), pytest.approx(39.9026))
    (random,) = curves(shown["random"])[8]
    np.testing.assert_allclose(random[:3], [57.6305, 49.1662, 40.2606])
    for axes, count in zip(shown.values(), (4, 2, 2), strict=True):
        thin = [line for line in axes.get_lines() if line.get_linewidth() == 1]
        assert len(thin) == count and not {line.get_color() for line in thin} & {"#CC79A7", "#009E73", "#000000"}
        assert list(axes.get_xticks()) == list(range(8))


def test_published_transfers_between_random_halves_stand_beside_such_transfers_alone(make_result):
    table = result_files.table([make_result(name) for name in ("baseB", "A1B", "R1B")])
    relative = panels(draw_figure3(table, published=published.read_table()))["relative"]
    assert "AnB, random halves, published" in names(relative)
    assert not [name for name in names(relative) if "natural" in name]


def flags(axes):
    """What is ringed and what is crossed: x and y of the former, x of the latter."""
    found = {line.get_label(): line for line in axes.get_lines()}
    ringed, crossed = (found.get(label) for label in ("at chance", "diverged"))
    return [] if ringed is None else ringed.get_xydata().tolist(), [] if crossed is None else [*crossed.get_xdata()]


def test_networks_that_failed_are_flagged_in_the_panel_that_they_belong_to(make_result):
    made = [make_result(name, 0.5, split="natural-man-made") for name in ("baseB", "A1B", "B2B", "A1B+")]
    made += [make_result("A2B", 0.02, split="natural-man-made"), make_result("R1B", 0.4), make_result("R2B", 0.03)]
    made += [make_result(name, split="natural-man-made", status=DIVERGED) for name in ("B3B", "A3B+", "R3B")]
    made += [make_result("R4B", status=DIVERGED), make_result("B4B", status=DIVERGED)]
    shown = panels(draw_figure3(result_files.table(made)))
    assert flags(shown["natural"]) == ([[2, 2]], [3])  # A3B+ is not drawn here
    assert flags(shown["random"]) == ([[2, 3]], [3, 4])
    assert flags(shown["relative"]) == ([], [])
    labels = [text.get_text() for text in shown["natural"].get_legend().get_texts()]
    assert labels == ["at chance", "diverged"] and shown["relative"].get_legend() is None

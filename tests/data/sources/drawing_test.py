import re
import subprocess
import sys

import numpy as np
import pytest

from tf_transfer.data.sources import drawing


@pytest.fixture(scope="module")
def pictures():
    """Uint8 [24, 60, 32, 32, 3], in label order."""
    return np.stack([drawing.draw_images(name, 60, seed=0) for name in drawing.CLASS_NAMES])


def nearest_class_mean_accuracy(features):
    """Top-1 accuracy of class means of the first halves on the second halves; features [class, image, feature]."""
    half = features.shape[1] // 2
    means, tested = features[:, :half].mean(axis=1), features[:, half:]
    squared_distances = (means**2).sum(axis=-1) - 2 * tested @ means.T  # Up to the tested picture's own square.
    return np.mean(squared_distances.argmin(axis=-1) == np.arange(len(features))[:, None])


def test_24_classes_half_man_made_half_natural():
    assert len(drawing.CLASS_NAMES) == len(set(drawing.CLASS_NAMES)) == 24
    assert list(drawing.CLASS_NAMES) == sorted(drawing.CLASS_NAMES)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in drawing.CLASS_NAMES)
    assert len(drawing.MAN_MADE) == len(drawing.NATURAL) == 12
    assert drawing.MAN_MADE | drawing.NATURAL == set(drawing.CLASS_NAMES)
    assert {"brick_wall", "house"} <= drawing.MAN_MADE and {"flower", "snail"} <= drawing.NATURAL


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("class_name", drawing.CLASS_NAMES)
def test_shape_and_dtype(class_name, count):
    images = drawing.draw_images(class_name, count, seed=0)
    assert images.shape == (count, 32, 32, 3)
    assert images.dtype == np.uint8
    assert images.flags.c_contiguous


@pytest.mark.parametrize("class_name", drawing.CLASS_NAMES)
def test_same_arguments_same_bytes(class_name):
    first, again = (drawing.draw_images(class_name, 4, seed=5) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, drawing.draw_images(class_name, 4, seed=6))


def test_numpy_global_random_state_is_neither_used_nor_moved():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = drawing.draw_images("tree", 2, seed=0)
    assert np.array_equal(before, np.random.get_state()[1])
    np.random.seed(2)
    assert np.array_equal(first, drawing.draw_images("tree", 2, seed=0))


def test_no_two_pictures_are_the_same(pictures):
    assert len({image.tobytes() for images in pictures for image in images}) == 24 * 60


def test_every_picture_shows_more_than_noise(pictures):
    assert pictures.std(axis=(2, 3)).mean(axis=-1).min() > 16  # The strongest noise alone: 0.06 * 255 = 15.


def test_few_pixels_are_clipped(pictures):
    assert np.mean((pictures == 0) | (pictures == 255)) < 0.05


def test_mean_colour_does_not_give_the_class_away(pictures):
    mean_rgb = pictures.mean(axis=(2, 3))
    assert nearest_class_mean_accuracy(mean_rgb) < 0.10  # Chance: 1 / 24 = 0.042, deviating by 0.008.


def test_figures_are_as_often_darker_as_lighter_than_what_is_behind_them():
    windows = drawing.draw_images("window", 400, seed=0).mean(axis=-1)
    corners = windows[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=1)
    lighter = np.mean(windows[:, 8:24, 8:24].mean(axis=(1, 2)) > corners)
    assert 0.4 < lighter < 0.6  # Half, deviating by 0.025.


def test_classes_do_not_share_backgrounds():
    arrows, chairs = (drawing.draw_images(name, 100, seed=0)[:, 0, 0].mean(axis=-1) for name in ("arrow", "chair"))
    assert abs(np.corrcoef(arrows, chairs)[0, 1]) < 0.4  # 0, deviating by 0.1; 1 where both draw the same.


def test_mean_picture_does_not_give_the_class_away(pictures):
    assert nearest_class_mean_accuracy(pictures.reshape(24, 60, -1) / 255) < 0.15


def test_the_arrangement_of_edges_gives_the_class_away(pictures):
    down, right = np.gradient(pictures.mean(axis=-1), axis=(2, 3))
    strength, direction = np.hypot(down, right), np.arctan2(down, right) % np.pi
    octant = np.minimum(direction * 8 / np.pi, 7).astype(int)
    edges = np.stack([np.where(octant == which, strength, 0) for which in range(8)], axis=2)
    pooled = np.sqrt(edges.reshape(24, 60, 8, 4, 8, 4, 8).mean(axis=(4, 6)).reshape(24, 60, -1))
    assert nearest_class_mean_accuracy(pooled / np.linalg.norm(pooled, axis=-1, keepdims=True)) > 0.2


def test_unknown_class_is_refused():
    with pytest.raises(ValueError, match=r"Expected a class of .*'arrow'.*received 'dog'.*Take a name"):
        drawing.draw_images("dog", 1, seed=0)


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match=r"Expected count >= 0, received -1\. Ask for 0 or more"):
        drawing.draw_images("tree", -1, seed=0)


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, tf_transfer.data.sources.drawing; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

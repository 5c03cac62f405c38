import numpy as np

from tf_transfer.report.figures.filters import draw_filters


def test_filters_are_stretched_to_the_full_range_of_colours():
    kernel = np.random.default_rng(0).normal(size=(5, 5, 3, 5))
    figure = draw_filters(kernel)
    pictures = [axes.get_images()[0].get_array() for axes in figure.axes if axes.get_images()]
    assert len(pictures) == 5 and len(figure.axes) == 6  # 3 by 2, one place free
    assert all(picture.shape == (5, 5, 3) for picture in pictures)
    assert all((picture.min(), picture.max()) == (0, 1) for picture in pictures)


def test_a_constant_filter_is_drawn_too():
    assert draw_filters(np.ones((3, 3, 3, 1))).axes[0].get_images()[0].get_array().max() == 0

"""The embedded data set: 24 classes of small pictures drawn with NumPy alone, 12 man-made and 12 natural.

Colour, light, texture, clutter, occlusion and pose have the same distribution in all classes; only the arrangement of
its parts tells a figure. Each class is one function of x (rightwards) and y (upwards), float32 [count, 32, 32], that
returns the distance to the figure's edge, negative inside. Figures span about -0.85 to 0.85. The other parameters are
proportions: the default of each is the range from which it is drawn, anew for every picture.
"""

import itertools

import numpy as np

_SIZE = 32
_PIXEL = 2 / _SIZE  # A picture reaches from -1 to 1.
_TURN = np.float32(2 * np.pi)
_RGB_HUES = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1) / 3
_SHUFFLE = (0.0, 1000.0)  # So wide that the angles shuffle * 1, shuffle * 2, ... are unrelated.


def _uniform(rng, like, low, high):
    return rng.uniform(low, high, (len(like), 1, 1)).astype(np.float32)


def _union(*distances):
    return np.minimum.reduce(distances)


def _box(x, y, half_width, half_height):
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _ellipse(x, y, half_width, half_height):
    return (np.hypot(x / half_width, y / half_height) - 1) * np.minimum(half_width, half_height)


def _capsule(x, y, length, radius):
    return np.hypot(x, y - np.clip(y, 0, length)) - radius


def _wedge(x, y, half_width, height):
    return np.maximum((np.abs(x) / half_width + y / height - 1) / np.hypot(1 / half_width, 1 / height), -y)


def _repeat(x, period):
    return x - period * np.round(x / period)


def _rotate(x, y, angle) -> tuple[np.ndarray, np.ndarray]:
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _arrow(x, y, width=(0.1, 0.2), neck=(-0.1, 0.25), barbs=(0.45, 0.65)):
    return _union(_box(x, y + 0.4, width, 0.4 + neck), _wedge(x, y - neck, barbs, 0.8 - neck))


def _brick_wall(x, y, height=(0.3, 0.42), ratio=(1.7, 2.3), top=(0.3, 1.5)):
    row, length = np.round(y / height), height * ratio
    brick = _box(_repeat(x + row % 2 * length / 2, length), y - row * height, length / 2 - 0.05, height / 2 - 0.05)
    return np.maximum(brick, y - top)


def _chair(x, y, half=(0.3, 0.45), seat=(-0.25, 0.0), top=(0.6, 0.85)):
    legs = _box(np.abs(x) - half, y - (seat - 0.8) / 2, 0.08, (seat + 0.8) / 2)
    back = _box(x + half, y - (top + seat) / 2, 0.08, (top - seat) / 2)
    return _union(legs, back, _box(x, y - seat, half + 0.08, 0.1))


def _crate(x, y, half=(0.6, 0.75), board=(0.07, 0.11)):
    outline, cross = _box(x, y, half, half), 0.7 * np.abs(np.abs(x) - np.abs(y))
    return np.maximum(outline, _union(-outline - 2 * board, cross - board))


def _fence(x, y, period=(0.36, 0.5), top=(0.35, 0.55), rail=(0.15, 0.3)):
    picket = _repeat(x, period)
    pickets = _union(_box(picket, y + 0.15, 0.3 * period, 0.15 + top), _wedge(picket, y - top, 0.3 * period, 0.3))
    return _union(pickets, np.abs(np.abs(y) - rail) - 0.07)


def _gear(x, y, teeth=(6.5, 10.5), hole=(0.2, 0.35)):
    radius, tooth = np.hypot(x, y), np.clip(3 * np.cos(np.round(teeth) * np.arctan2(y, x)), -1, 1)
    return np.maximum(radius - 0.62 - 0.11 * tooth, hole - radius)


def _house(x, y, half=(0.45, 0.6), eaves=(-0.05, 0.15), door=(-0.25, 0.25), roof=(0.5, 0.7)):
    walls = _box(x, y - (eaves - 0.7) / 2, half, (eaves + 0.7) / 2)
    return np.maximum(_union(_wedge(x, y - eaves, half + 0.2, roof), walls), -_box(x - door, y + 0.55, 0.13, 0.3))


def _ladder(x, y, half=(0.25, 0.4), period=(0.3, 0.42)):
    return np.maximum(np.abs(y) - 0.9, _union(np.abs(np.abs(x) - half) - 0.08, _box(x, _repeat(y, period), half, 0.06)))


def _picture_frame(x, y, half_width=(0.55, 0.8), half_height=(0.55, 0.8), gap=(0.12, 0.16)):
    return np.abs(np.abs(_box(x, y, half_width, half_height) + 0.2) - gap) - 0.06


def _stairs(x, y, step=(0.26, 0.34)):
    blocks = (np.maximum(step * k - x, y - step * k) for k in (-1.5, -0.5, 0.5, 1.5))
    return np.maximum(_union(*blocks), _box(x, y, 2.5 * step, 2.5 * step))


def _tower(x, y, half=(0.25, 0.38), period=(0.26, 0.32)):
    body = np.maximum(np.abs(x) - half + 0.12 * y, np.abs(y + 0.2) - 0.65)
    crown = _union(_box(x, y - 0.45, half + 0.1, 0.12), _box(_repeat(x, period), y - 0.65, 0.08, 0.15))
    return np.maximum(_union(body, np.maximum(crown, np.abs(x) - half - 0.1)), -_box(x, y - 0.05, 0.07, 0.16))


def _window(x, y, columns=(1.5, 3.5), rows=(1.5, 3.5), ratio=(1.0, 1.3)):
    across, up, wide = 0.8 / np.round(columns), 0.8 / np.round(rows), ratio * x
    panes = _box(np.mod(wide + 0.8, 2 * across) - across, np.mod(y + 0.8, 2 * up) - up, across - 0.07, up - 0.07)
    return np.maximum(_box(wide, y, 0.86, 0.86), -panes)


def _butterfly(x, y, spread=(0.4, 0.8), fore_wing=(0.38, 0.48), hind_wing=(0.26, 0.36)):
    fore, hind = _rotate(np.abs(x) - 0.42, y - 0.28, spread), _rotate(np.abs(x) - 0.3, y + 0.3, -spread)
    wings = np.maximum(_union(_ellipse(*fore, fore_wing, 0.25), _ellipse(*hind, hind_wing, 0.2)), 0.12 - np.abs(x))
    return _union(wings, _capsule(x, y + 0.45, 0.8, 0.06))


def _cells(x, y, shuffle=_SHUFFLE):
    nearest, second = np.full((2, *x.shape), np.inf, np.float32)
    for number, (column, row) in enumerate(itertools.product((-0.6, 0.0, 0.6), repeat=2), start=1):
        at_x, at_y = column + 0.22 * np.cos(number * shuffle), row + 0.22 * np.sin(number * shuffle)
        radius = np.hypot(_repeat(x - at_x, 1.8), _repeat(y - at_y, 1.8))
        nearest, second = np.minimum(nearest, radius), np.minimum(second, np.maximum(nearest, radius))
    return np.maximum(0.05 - (second - nearest) / 2, 0.1 - nearest)


def _cloud(x, y, puff=(0.22, 0.3), shuffle=_SHUFFLE):
    puffs = (np.hypot(x - u, y + abs(u) / 2) - puff - 0.05 * np.sin((1 + u) * shuffle) for u in (-0.5, -0.2, 0.2, 0.5))
    return _union(*puffs, _capsule(y + 0.35, x + 0.55, 1.1, 0.2))


def _fish(x, y, height=(0.25, 0.4), tail=(0.35, 0.5)):
    body = _union(_ellipse(x - 0.15, y, 0.6, height), _wedge(y, x + 0.8, tail, 0.5))
    eye, gill = np.hypot(x - 0.5, y - 0.08) - 0.07, np.abs(np.hypot(x - 0.62, y) - 0.35) - 0.035
    return np.maximum(body, -_union(eye, gill))


def _flower(x, y, petals=(4.5, 8.5), heart=(0.16, 0.24)):
    radius = np.hypot(x, y)
    corolla = radius - 0.78 * np.sqrt(np.abs(np.cos(np.round(petals) * np.arctan2(y, x) / 2)))
    return _union(np.maximum(corolla, heart + 0.1 - radius), radius - heart)


def _leaf(x, y, bulge=(0.3, 0.7), slant=(0.6, 1.0)):
    blade = np.hypot(np.abs(x) + bulge, y - 0.1) - np.hypot(bulge, 0.7)
    veins = _union(np.abs(_repeat(y - np.abs(x) * slant, 0.3)) - 0.035, np.abs(x) - 0.04)
    return _union(np.maximum(blade, -veins), _box(x, y + 0.7, 0.05, 0.2))


def _mushroom(x, y, width=(0.55, 0.8), height=(0.45, 0.7), rim=(-0.1, 0.1), stalk=(0.13, 0.2), spot=(0.07, 0.12)):
    cap = np.maximum(_ellipse(x, y - rim, width, height), rim - y)
    stem = np.maximum(np.abs(x) - stalk - 0.15 * (y + 0.2) ** 2, np.abs(y + 0.4) - 0.45)
    return _union(np.maximum(cap, spot - np.hypot(np.abs(x) - 0.3, y - rim - 0.2)), stem)


def _snail(x, y, start=(0.0, 6.3), pitch=(0.24, 0.32)):
    radius, angle = np.hypot(x + 0.1, y - 0.15), np.arctan2(y - 0.15, x + 0.1) + start
    whorl = np.abs(_repeat(radius - pitch * angle / _TURN, pitch)) - 0.32 * pitch
    body = _union(_capsule(y + 0.55, x + 0.55, 1.2, 0.1), _capsule(x - 0.65, y + 0.55, 0.5, 0.1))
    return _union(np.maximum(whorl, radius - 0.58), body)


def _starfish(x, y, arms=(4.5, 6.5), curl=(0.0, 6.3), width=(0.16, 0.22)):
    radius = np.hypot(x, y)
    from_arm = np.abs(_repeat(np.arctan2(y, x) + 0.25 * np.sin(3 * radius + curl), _TURN / np.round(arms)))
    return _union(radius - 0.25, radius * np.sin(from_arm) - width * (1 - radius / 0.85))


def _tree(x, y, spread=(0.3, 0.65), shuffle=_SHUFFLE):
    segments, boughs = [], [(x, y + 0.85)]
    for length, width in ((0.75, 0.09), (0.5, 0.07), (0.4, 0.05), (0.3, 0.04)):
        segments += [_capsule(*bough, length, width) for bough in boughs]
        forks = enumerate(itertools.product(boughs, (-spread, spread)), start=len(boughs))
        boughs = [_rotate(u, v - length, turn + 0.2 * np.sin(n * shuffle)) for n, ((u, v), turn) in forks]
    return _union(*segments)


def _worm(x, y, phase=(0.0, 6.3), waves=(4.0, 7.0), swing=(0.2, 0.35), width=(0.09, 0.14)):
    wriggle, steepness = swing * np.sin(waves * x + phase), swing * waves * np.cos(waves * x + phase)
    return np.maximum(np.abs(y - wriggle) / np.hypot(1, steepness) - width, np.abs(x) - 0.85)


def _zebra(x, y, period=(0.35, 0.5), stripe=(0.2, 0.28), sway=(0.0, 6.3), bend=(0.0, 6.3)):
    sideways = 0.16 * np.sin(2.5 * y + sway) + 0.16 * np.sin(3 * x + 2 * y + bend)
    return np.abs(_repeat(x + sideways, period)) - period * stripe


_BUILT = (_arrow, _brick_wall, _chair, _crate, _fence, _gear, _house, _ladder, _picture_frame, _stairs, _tower, _window)
_GROWN = (_butterfly, _cells, _cloud, _fish, _flower, _leaf, _mushroom, _snail, _starfish, _tree, _worm, _zebra)
_FIGURES = {figure.__name__.lstrip("_"): figure for figure in _BUILT + _GROWN}
MAN_MADE = frozenset(name for name, figure in _FIGURES.items() if figure in _BUILT)
NATURAL = frozenset(_FIGURES) - MAN_MADE
CLASS_NAMES = tuple(sorted(_FIGURES))  # A class's label is its place here.


# The amounts below are tuned by trial: a small network with 250 pictures of each of 12 classes errs on 10 to 20 in 100.
def _surface(rng, lightness, x, y):
    along, _ = _rotate(x, y, _uniform(rng, x, 0, _TURN))
    grain = _uniform(rng, x, 0, 0.06) * np.sin(_uniform(rng, x, 8, 25) * along)
    hue = _uniform(rng, x, 0, 1) + _uniform(rng, x, -0.2, 0.2) * along
    return lightness + grain + _uniform(rng, x, 0.03, 0.22) * np.cos(_TURN * (hue + _RGB_HUES))


def _paint(rng, figure, x, y):
    middle, light = _uniform(rng, x, 0.35, 0.65), _uniform(rng, x, 0, _TURN)
    contrast = _uniform(rng, x, 0.12, 0.28) * np.sign(_uniform(rng, x, -1, 1))
    down_slope, right_slope = np.gradient(np.clip(figure, -0.15, 0), _PIXEL, axis=(1, 2))
    relief = 0.08 * _rotate(right_slope, -down_slope, light)[0]
    canvas = _surface(rng, middle - contrast, x, y)
    for layer in ("clutter", "clutter", "clutter", "figure", "occluder", "occluder"):
        distance, lightness = figure, middle + contrast + relief
        if layer != "figure":
            u, v = x - _uniform(rng, x, -1, 1), y - _uniform(rng, x, -1, 1)
            u, v = _rotate(u, v, _uniform(rng, x, 0, _TURN))
            width, height = _uniform(rng, x, 0.04, 0.2), _uniform(rng, x, 0.04, 0.3)
            is_box = _uniform(rng, x, -1, 1) < 0
            distance = np.where(is_box, _box(u, v, width, height), _ellipse(u, v, width, height))
            lightness = _uniform(rng, x, 0.2, 0.8)
        canvas += np.clip(0.5 - distance / _PIXEL, 0, 1) * (_surface(rng, lightness, x, y) - canvas)
    canvas += _uniform(rng, x, 0, 0.2) * _rotate(x, y, light)[0]
    canvas += _uniform(rng, x, 0.01, 0.06) * rng.standard_normal(canvas.shape, np.float32)
    return (255 * np.clip(np.moveaxis(canvas, 0, -1), 0, 1)).astype(np.uint8, order="C")


def draw_images(class_name: str, count: int, seed: int) -> np.ndarray:
    """Draws pictures of one class, a pure function of its arguments.

    Args:
      class_name: One of `CLASS_NAMES`.
      count: How many pictures, 0 or more.
      seed: 0 or more; another seed gives other pictures of the same class.

    Returns:
      RGB pictures, uint8 [count, 32, 32, 3].

    Raises:
      ValueError: The class is unknown or the count negative.
    """
    if class_name not in _FIGURES:
        raise ValueError(f"Expected a class of {CLASS_NAMES}, received {class_name!r}. Take a name from CLASS_NAMES.")
    if count < 0:
        raise ValueError(f"Expected count >= 0, received {count}. Ask for 0 or more pictures.")
    rng, figure = np.random.default_rng([seed, CLASS_NAMES.index(class_name)]), _FIGURES[class_name]
    x = np.broadcast_to((np.arange(_SIZE, dtype=np.float32) + 0.5) * _PIXEL - 1, (count, _SIZE, _SIZE))
    y = -x.swapaxes(1, 2)
    u, v = x - _uniform(rng, x, -0.3, 0.3), y - _uniform(rng, x, -0.3, 0.3)
    u, v = _rotate(u, v, _uniform(rng, x, -0.6, 0.6))
    mirror, scale = np.sign(_uniform(rng, x, -1, 1)), _uniform(rng, x, 0.5, 1.0)
    proportions = [_uniform(rng, x, low, high) for low, high in figure.__defaults__ or ()]
    return _paint(rng, scale * figure(mirror * u / scale, v / scale, *proportions), x, y)

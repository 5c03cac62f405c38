"""Convolutions of 3x3 by Winograd's minimal filtering, with a quarter of the multiplications, for small feature maps.

Lavin and Gray (2016), *Fast algorithms for convolutional neural networks*: 16 outputs, computed from
a tile of 6x6 pixels, take 36 products instead of 144. Here all steps, and their gradients, are matrix products, which
every library does well. The result is that of the plain convolution up to rounding: in float32 the outputs differ by
some 1e-5 of their spread. (Bfloat16 has too few digits for it.)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from keras import ops

TILE, PRODUCTS = 4, 6  # outputs of a tile along one side, and the products that they take

# The transformations of inputs, kernel and products for the points 0, 1, -1, 2, -2 and infinity.
_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])


def is_faster(sides: Sequence[int], kernel_size: Sequence[int]) -> bool:
    """Whether this trains a layer faster on a CPU: maps must fill the tiles, and be small enough for its cache.

    Args:
      sides: Height and width of the maps.
      kernel_size: Height and width of the kernel.
    """
    return tuple(kernel_size) == (3, 3) and sides[0] == sides[1] and sides[0] in (4, 7, 8)


def convolve(images, kernel):
    """Convolves square maps with a 3x3 kernel, stride 1, padded to the same size.

    Args:
      images: float32 [batch, side, side, channels]; side and channels must be known.
      kernel: float32 [3, 3, channels, filters].

    Returns:
      float32 [batch, side, side, filters].
    """
    side, channels, filters = images.shape[1], kernel.shape[2], kernel.shape[3]
    inward, outward = _transformations(side)
    num_tiles, products = -(-side // TILE), len(inward)
    # Pixels first, then images and channels, so that one product transforms all of them: columns first, then rows.
    pixels = ops.reshape(ops.transpose(images, (1, 2, 0, 3)), (side, -1))
    transformed = ops.reshape(ops.matmul(inward, pixels), (products, side, -1))
    transformed = ops.matmul(np.broadcast_to(inward, (products, *inward.shape)), transformed)
    transformed = _gather_tiles(transformed, num_tiles, channels)
    kernel = ops.matmul(np.kron(_KERNEL, _KERNEL).astype(np.float32), ops.reshape(kernel, (9, -1)))
    multiplied = ops.matmul(transformed, ops.reshape(kernel, (PRODUCTS**2, channels, filters)))
    multiplied = _scatter_tiles(multiplied, num_tiles, filters)
    outputs = ops.matmul(np.broadcast_to(outward, (products, *outward.shape)), multiplied)
    outputs = ops.matmul(outward, ops.reshape(outputs, (products, -1)))
    return ops.transpose(ops.reshape(outputs, (side, side, -1, filters)), (2, 0, 1, 3))


@functools.cache
def _transformations(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Transformations of one side of a map, tile after tile: float32 [products, side] and [side, products]."""
    num_tiles = -(-side // TILE)
    inward = np.zeros((PRODUCTS * num_tiles, TILE * num_tiles + 2), np.float32)
    outward = np.zeros((TILE * num_tiles, PRODUCTS * num_tiles), np.float32)
    for tile in range(num_tiles):
        products = slice(PRODUCTS * tile, PRODUCTS * (tile + 1))
        inward[products, TILE * tile : TILE * tile + PRODUCTS] = _INPUT
        outward[TILE * tile : TILE * (tile + 1), products] = _OUTPUT
    return inward[:, 1 : side + 1], outward[:side]  # a map is surrounded by zeros


def _gather_tiles(transformed, num_tiles: int, channels: int):
    """From [products of all tiles, the same, images x channels] to [products, tiles x images, channels]."""
    if num_tiles > 1:
        by_tile = ops.reshape(transformed, (num_tiles, PRODUCTS, num_tiles, PRODUCTS, -1, channels))
        transformed = ops.transpose(by_tile, (1, 3, 0, 2, 4, 5))
    return ops.reshape(transformed, (PRODUCTS**2, -1, channels))


def _scatter_tiles(multiplied, num_tiles: int, filters: int):
    """The inverse of `_gather_tiles`, after the multiplication."""
    if num_tiles > 1:
        by_product = ops.reshape(multiplied, (PRODUCTS, PRODUCTS, num_tiles, num_tiles, -1, filters))
        multiplied = ops.transpose(by_product, (2, 0, 3, 1, 4, 5))
    return ops.reshape(multiplied, (num_tiles * PRODUCTS, num_tiles * PRODUCTS, -1))

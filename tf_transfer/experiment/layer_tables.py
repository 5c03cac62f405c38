"""Networks as tables of layers: plain data, from which parameters and FLOPs are counted and models are built."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer that carries weights, and what follows it up to the next one.

    The order is: convolution or dense, ReLU (unless it is the classifier), max-pooling, normalisation, dropout.

    Attributes:
      kind: `conv` or `dense`.
      units: Number of filters, or of dense outputs.
      kernel: Side of the convolution's kernel, in pixels.
      stride: Stride of the convolution, in pixels.
      padding: The convolution's padding, `same` or `valid`.
      pool_size: Side of the max-pooling window; 0 for none.
      pool_stride: Stride of the max-pooling.
      pool_padding: Its padding; empty for that of the convolution.
      groups: Number of groups of the convolution; each sees its share of the channels alone.
      normalised: Whether local response normalisation follows.
      dropout: Share of the outputs dropped while training.
      relu: Whether a ReLU follows; the classifier has none.
      init_stddev: Standard deviation of the Gaussian initial weights; 0 for He's, which depends on the fan-in.
      init_bias: Initial value of the biases.
    """

    kind: str
    units: int
    kernel: int = 1
    stride: int = 1
    padding: str = "same"
    pool_size: int = 0
    pool_stride: int = 1
    pool_padding: str = ""
    groups: int = 1
    normalised: bool = False
    dropout: float = 0.0
    relu: bool = True
    init_stddev: float = 0.0
    init_bias: float = 0.0


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """What one layer costs.

    Attributes:
      output_shape: `(height, width, channels)` or `(units,)`, after pooling.
      parameters: Number of weights and biases.
      flops: Floating-point operations of the forward pass of one image; one multiply-add counts as two, and only
        those of convolution and dense are counted.
    """

    output_shape: tuple[int, ...]
    parameters: int
    flops: int


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A chain of layers for one input size.

    Attributes:
      name: The architecture's name.
      input_size: Side of the square RGB input, in pixels.
      layers: Layers 1..N; the last is the classifier.
    """

    name: str
    input_size: int
    layers: tuple[Layer, ...]

    def __len__(self) -> int:
        """Number of layers that carry weights, N."""
        return len(self.layers)

    def costs(self) -> list[LayerCost]:
        """Counts each layer's output shape, parameters and forward FLOPs.

        Raises:
          ValueError: The input is so small that nothing is left before some layer.
        """
        costs: list[LayerCost] = []
        shape: tuple[int, ...] = (self.input_size, self.input_size, 3)
        for number, layer in enumerate(self.layers, start=1):
            cost = _conv_cost(layer, shape) if layer.kind == "conv" else _dense_cost(layer, shape)
            if min(cost.output_shape) < 1:
                raise ValueError(
                    f"{self.name}: layer {number} has no output for an input of {self.input_size} pixels; "
                    "use larger images or less pooling"
                )
            costs.append(cost)
            shape = cost.output_shape
        return costs

    @property
    def parameters(self) -> int:
        """Number of weights and biases in all layers."""
        return sum(cost.parameters for cost in self.costs())


def _window_output(size: int, window: int, stride: int, padding: str) -> int:
    return math.ceil(size / stride) if padding == "same" else (size - window) // stride + 1


def _conv_cost(layer: Layer, shape: tuple[int, ...]) -> LayerCost:
    height, width, channels = shape
    weights = layer.kernel**2 * (channels // layer.groups) * layer.units
    height, width = (_window_output(side, layer.kernel, layer.stride, layer.padding) for side in (height, width))
    flops = 2 * height * width * weights
    if layer.pool_size:
        height, width = (
            _window_output(side, layer.pool_size, layer.pool_stride, layer.pool_padding or layer.padding)
            for side in (height, width)
        )
    return LayerCost((height, width, layer.units), weights + layer.units, flops)


def _dense_cost(layer: Layer, shape: tuple[int, ...]) -> LayerCost:
    weights = math.prod(shape) * layer.units
    return LayerCost((layer.units,), weights + layer.units, 2 * weights)


def convnet(
    num_classes: int,
    input_size: int = 32,
    filters: Sequence[int] = (24, 48, 64, 64, 64),
    dense_units: Sequence[int] = (256, 256),
    dropout: float = 0.2,
) -> Architecture:
    """The paper's network in small, for images of 24 to 64 pixels: five convolutional and three dense layers.

    As in the paper, layer 1 has a large kernel and a stride, layers 1, 2 and 5 end in max-pooling, and layers 6 and 7
    in dropout.

    Args:
      num_classes: Number of outputs of layer 8.
      input_size: Side of the input, in pixels.
      filters: Filters of the five convolutional layers.
      dense_units: Outputs of layers 6 and 7.
      dropout: Share of the outputs of layers 6 and 7 that is dropped while training.
    """
    if len(filters) != 5 or len(dense_units) != 2:
        raise ValueError(
            f"convnet has 5 convolutional and 2 hidden dense layers, got filters={tuple(filters)} and "
            f"dense_units={tuple(dense_units)}"
        )
    layers = (
        Layer("conv", filters[0], kernel=5, stride=2, pool_size=3, pool_stride=2),
        Layer("conv", filters[1], kernel=3, pool_size=3, pool_stride=2),
        Layer("conv", filters[2], kernel=3),
        Layer("conv", filters[3], kernel=3),
        Layer("conv", filters[4], kernel=3, pool_size=2, pool_stride=2),
        Layer("dense", dense_units[0], dropout=dropout),
        Layer("dense", dense_units[1], dropout=dropout),
        Layer("dense", num_classes, relu=False),
    )
    return Architecture("convnet", input_size, layers)


def caffenet(num_classes: int, input_size: int = 227) -> Architecture:
    """The paper's network: eight layers, as published with the settings of its authors' solver.

    It wants pixels of 0-255 less the mean image (`recipe.normalisation = "mean image"`): its initial weights and the
    response normalisation are made for values of that size.

    Args:
      num_classes: Number of outputs of layer 8.
      input_size: Side of the input, in pixels; 227 in the paper.
    """
    conv = functools.partial(Layer, "conv", init_stddev=0.01)
    # Padding: none in layer 1 and in all pooling; the others keep their size.
    layers = (
        conv(96, kernel=11, stride=4, padding="valid", pool_size=3, pool_stride=2, normalised=True),
        conv(256, kernel=5, groups=2, pool_size=3, pool_stride=2, pool_padding="valid", normalised=True, init_bias=1.0),
        conv(384, kernel=3),
        conv(384, kernel=3, groups=2, init_bias=1.0),
        conv(256, kernel=3, groups=2, pool_size=3, pool_stride=2, pool_padding="valid", init_bias=1.0),
        Layer("dense", 4096, dropout=0.5, init_stddev=0.005, init_bias=1.0),
        Layer("dense", 4096, dropout=0.5, init_stddev=0.005, init_bias=1.0),
        Layer("dense", num_classes, relu=False, init_stddev=0.01),
    )
    return Architecture("caffenet", input_size, layers)


def tiny(num_classes: int, input_size: int = 32) -> Architecture:
    """A network of three layers that trains in seconds, for tests."""
    layers = (
        Layer("conv", 4, kernel=3, stride=2, pool_size=2, pool_stride=2),
        Layer("dense", 16, dropout=0.1),
        Layer("dense", num_classes, relu=False),
    )
    return Architecture("tiny", input_size, layers)


ARCHITECTURES: dict[str, Callable[..., Architecture]] = {"caffenet": caffenet, "convnet": convnet, "tiny": tiny}


def build(name: str, num_classes: int, input_size: int, **options) -> Architecture:
    """Builds the table of layers called `name`.

    Args:
      name: A key of `ARCHITECTURES`.
      num_classes: Number of the classifier's outputs.
      input_size: Side of the input, in pixels.
      **options: Further arguments of that architecture, such as `filters` of `convnet`.

    Raises:
      ValueError: There is no such architecture, or it has no such option.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown network {name!r}: expected one of {sorted(ARCHITECTURES)}")
    try:
        return ARCHITECTURES[name](num_classes=num_classes, input_size=input_size, **options)
    except TypeError as error:
        raise ValueError(f"network {name!r} does not take the options {sorted(options)}: {error}") from error

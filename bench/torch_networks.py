"""A table of layers as a PyTorch module, to measure against. Needs PyTorch: pip install torch==2.13.0."""

from __future__ import annotations

import math

import torch
from torch import nn

from tf_transfer.experiment.layer_tables import Architecture, Layer


def build(architecture: Architecture) -> nn.Sequential:
    """Builds the network that `networks.build_network` builds, for inputs [batch, 3, height, width]."""
    parts: list[nn.Module] = []
    shape: tuple[int, ...] = (architecture.input_size, architecture.input_size, 3)
    for layer, cost in zip(architecture.layers, architecture.costs(), strict=True):
        if layer.kind == "dense":
            parts += [nn.Flatten()] if len(shape) > 1 else []
            parts.append(nn.Linear(math.prod(shape), layer.units))
        else:
            parts += _convolution(layer, shape)
        parts += [nn.ReLU(inplace=True)] if layer.relu else []
        if layer.pool_size:
            same = (layer.pool_padding or layer.padding) == "same"
            parts.append(nn.MaxPool2d(layer.pool_size, layer.pool_stride, padding=(layer.pool_size - 1) // 2 * same))
        parts += [nn.LocalResponseNorm(5)] if layer.normalised else []
        parts += [nn.Dropout(layer.dropout)] if layer.dropout else []
        shape = cost.output_shape
    return nn.Sequential(*parts).to(memory_format=torch.channels_last)


def _convolution(layer: Layer, shape: tuple[int, ...]) -> list[nn.Module]:
    padding = (layer.kernel - 1) // 2 if layer.padding == "same" else 0
    return [nn.Conv2d(shape[-1], layer.units, layer.kernel, layer.stride, padding, groups=layer.groups)]


class TrainingStep:
    """Steps of SGD with momentum on one batch.

    Args:
      architecture: The network.
      images: float32 [batch, height, width, 3].
      labels: Integers [batch].
      bfloat16: Whether to compute under autocast.
    """

    def __init__(self, architecture: Architecture, images, labels, bfloat16: bool):
        self._network = build(architecture)
        self._images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        self._labels = torch.from_numpy(labels).long()
        self._bfloat16 = bfloat16
        self._optimizer = torch.optim.SGD(self._network.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)

    def __call__(self, steps: int) -> float:
        """Trains for some steps and returns the last loss."""
        for _ in range(steps):
            self._optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
                logits = self._network(self._images)
            loss = nn.functional.cross_entropy(logits.float(), self._labels)
            loss.backward()
            self._optimizer.step()
        return loss.item()

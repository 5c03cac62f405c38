"""CIFAR-100, random halves: draft."""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment on CIFAR-100."""
    config = default.get_config()
    config.store = "stores/cifar100"
    return config

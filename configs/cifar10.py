"""CIFAR-10, random halves of five classes each: 37 networks of target B.

tf-transfer prepare --source=tfds:cifar10 --out=stores/cifar10          (or --source=folder:DIR)
tf-transfer sweep --config=cifar10 --workdir=work/cifar10
"""

import ml_collections

from configs import cifar100


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment on CIFAR-10, with the recipe of CIFAR-100."""
    config = cifar100.get_config()
    config.store = "stores/cifar10"
    return config

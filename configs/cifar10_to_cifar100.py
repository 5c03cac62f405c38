"""From one data set to another: CIFAR-10 as task A, all of CIFAR-100 as task B.

tf-transfer prepare --source=tfds:cifar10 --out=stores/cifar10
tf-transfer prepare --source=tfds:cifar100 --out=stores/cifar100
tf-transfer sweep --config=cifar10_to_cifar100 --workdir=work/cifar10_to_cifar100
"""

import ml_collections

from configs import cifar100


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment with CIFAR-10 as source and CIFAR-100 as target."""
    config = cifar100.get_config()
    config.split = "data sets"
    config.source_store = "stores/cifar10"
    return config

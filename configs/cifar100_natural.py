"""CIFAR-100, natural classes as source, man-made ones as target: distant tasks, as in the paper's Figure 3.

python bin/prepare.py --source=tfds:cifar100 --out=stores/cifar100          (or --source=folder:DIR)
python bin/sweep.py --config=configs/cifar100_natural.py --workdir=work/cifar100_natural
"""

import ml_collections

from configs import cifar100


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment on natural and man-made classes."""
    config = cifar100.get_config()
    config.split = "natural/man-made"
    config.treatments = ("AnB", "RnB")
    return config

"""CIFAR-100, 70 natural (A) and 30 man-made (B) classes: distant tasks, as in the paper's Figure 3; 30 networks.

tf-transfer prepare --source=tfds:cifar100 --out=stores/cifar100          (or --source=folder:DIR)
tf-transfer sweep --config=cifar100_natural --workdir=work/cifar100_natural

41 minutes on two cores (Intel Xeon with AMX, mixed_bfloat16) that other work shared. Expect baseB 55.1 %, A7B 32.8 %,
baseA 37.1 %, B7A 17.2 %; docs/cifar100_natural has the whole table.
"""

import ml_collections

from configs import cifar100


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment on natural and man-made classes."""
    config = cifar100.get_config()
    config.split = "natural/man-made"
    config.targets = ("A", "B")
    config.treatments = ("AnB", "RnB")
    return config

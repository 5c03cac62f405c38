"""CIFAR-100, random halves: the paper's main experiment on real photographs, 37 networks of target B.

tf-transfer prepare --source=tfds:cifar100 --out=stores/cifar100          (or --source=folder:DIR)
tf-transfer sweep --config=cifar100 --workdir=work/cifar100

9 minutes on two cores (Intel Xeon with AMX, mixed_bfloat16). Expect baseB 50.5 %, B4B 48.1 %, B7B 50.3 %, A7B 35.0 %,
A6B+ 53.4 %; README.md has the whole table.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment on CIFAR-100."""
    config = default.get_config()
    config.store = "stores/cifar100"
    # The recipe is the default one: no augmentation, so that the bases fit their training set within few epochs. An
    # unfinished base hides co-adaptation, since every retrained top goes on with its training.
    return config

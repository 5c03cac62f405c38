"""The whole experiment in little, on the embedded shapes: 17 networks of target B.

bash bin/quickstart.sh

55 seconds on two cores of an Intel Xeon with AMX (mixed_bfloat16): baseB 83.8 %, A7B 68.6 %, A4B+ 87.8 %. 4 minutes on
two of an AMD EPYC (AVX2, float32): 83.2 %, 67.4 % and 89.2 %, and a caution that the base, trained for so short a time,
is not quite finished.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment of bin/quickstart.sh."""
    config = default.get_config()
    config.store = "stores/shapes"
    config.layers = (1, 4, 7)
    config.finetuned_cohort_size = 2  # so that two processes end at about the same time
    config.recipe.epochs = 20.0
    config.recipe.learning_rate = 0.02
    return config

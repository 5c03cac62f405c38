"""The whole experiment in little, on the embedded shapes: 17 networks of target B.

bash bin/quickstart.sh

71 seconds on two cores of an AMD EPYC (AVX-512, mixed_bfloat16), 55 on two of an Intel Xeon with AMX, 4 minutes, some
versions ago, on two of an EPYC with AVX2 (float32). baseB 84.9 %, A7B 71.0 %, A4B+ 89.6 % on the first, 83.8 %, 68.6 %
and 87.8 % on the second, 83.2 %, 67.4 % and 89.2 % on the third, with a caution that the base, trained for so short a
time, is not quite finished.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment of bin/quickstart.sh."""
    config = default.get_config()
    config.store = "stores/shapes"
    config.layers = (1, 4, 7)
    config.fine_tuned_cohort_size = 2  # so that two processes end at about the same time
    config.recipe.epochs = 20.0
    config.recipe.learning_rate = 0.02
    return config

"""The whole experiment in little, on the embedded shapes: 17 networks of target B.

bash bin/quickstart.sh

4 minutes on two cores (AMD EPYC, AVX2, float32). Expect baseB 83.2 %, A7B 67.4 %, A4B+ 89.2 %, and a caution that the
base, trained for so short a time, is not quite finished.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment of bin/quickstart.sh."""
    config = default.get_config()
    config.store = "stores/shapes"
    config.layers = (1, 4, 7)
    config.finetuned_cohort_size = 3  # starting a process takes as long as training one of these small networks
    config.recipe.epochs = 20.0
    config.recipe.learning_rate = 0.02
    return config

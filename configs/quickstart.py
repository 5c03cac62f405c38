"""The whole experiment in little, on the embedded shapes: 22 networks of target B.

bash bin/quickstart.sh
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment of bin/quickstart.sh."""
    config = default.get_config()
    config.store = "stores/shapes"
    config.layers = (1, 3, 5, 7)
    config.finetuned_cohort_size = 4  # starting a process takes as long as training one of these small networks
    config.recipe.epochs = 16.0
    config.recipe.learning_rate = 0.02
    return config

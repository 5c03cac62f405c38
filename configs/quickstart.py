"""The whole experiment in little, on drawn shapes."""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment of bin/quickstart.sh."""
    config = default.get_config()
    config.store = "stores/shapes"
    config.layers = (1, 3, 5, 7)
    config.finetuned_cohort_size = 4
    with config.unlocked():
        config.network_options.filters = (8, 16, 16, 32, 32)
        config.network_options.dense_units = (64, 64)
    config.recipe.epochs = 20.0
    return config

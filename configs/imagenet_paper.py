"""The paper's experiment, all of it: 163 networks on ImageNet, and 7 of random filters.

tf-transfer prepare --source=tfds:imagenet2012 --manual_dir=DIR --image_size=256 --format=jpeg --out=stores/imagenet
tf-transfer sweep --config=imagenet_paper --dry_run --gflops=580
tf-transfer sweep --config=imagenet_paper --workdir=work/imagenet

DIR holds ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar; the dry run needs neither them nor the store. At 580
GFLOP/s a base takes 9.5 days, as on the authors' K20.

Expect baseB 62.5 %, A7B 54.2 % and the other published scores: tf-transfer report --published
"""

import ml_collections

from configs import default

_VOLUMES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 750, 1000, 1300)  # training images per class; 1300 are all there are


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment of Yosinski et al. (2014) with the settings that its authors published."""
    config = default.get_config()
    config.store = "stores/imagenet"
    config.expected_store = "imagenet2012"
    config.network = "caffenet"
    config.metric = "top1_mean_best10"
    config.split_seeds = (0, 1, 2, 3)
    config.targets = ("A", "B")

    # 10 bases, 140 transfers (28 + 56 + 14 + 42), 1 full base, 12 reduced volumes; and 7 of random filters. Which 42
    # networks the authors fine-tuned is not told: these are those of their frozen ones, for the first two seeds.
    blocks = config.blocks
    blocks.bases = {"treatments": ()}
    blocks.selffers = {"treatments": ("BnB",), "targets": ("A",)}
    blocks.transfers = {"treatments": ("AnB",)}
    blocks.fine_tuned_selffers = {"treatments": ("BnB+",), "targets": ("A",), "split_seeds": (0, 1)}
    blocks.fine_tuned_transfers = {"treatments": ("AnB+",), "split_seeds": (0, 1)}
    blocks.natural_man_made = {"split": "natural/man-made", "treatments": ("AnB",)}
    whole = {"split": "all", "targets": ("B",)}
    blocks.all_classes = whole | {"treatments": ()}
    blocks.random_filters = whole | {"treatments": ("RnB",)}
    blocks.reduced_volumes = whole | {
        "treatments": (),
        "images_per_class": _VOLUMES,
        "steps": 200_000,
        "evaluations": 200,
    }

    recipe = config.recipe
    recipe.batch_size = 256
    recipe.steps = 450_000
    recipe.evaluations = 450  # every 1,000 steps
    recipe.learning_rate = 0.01
    recipe.learning_rate_schedule = "step"
    recipe.learning_rate_decay_steps = 100_000
    recipe.bias_learning_rate_multiplier = 2.0
    recipe.crop_size = 227
    recipe.random_flip = True
    recipe.normalisation = "mean image"
    recipe.precision = "float32"
    return config

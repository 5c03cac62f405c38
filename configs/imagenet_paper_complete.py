"""The paper's experiment, and what its authors left out: BnB of both directions, fine-tuning for all seeds, preserve.

tf-transfer sweep --config=imagenet_paper_complete --dry_run --gflops=580
tf-transfer sweep --config=imagenet_paper_complete --workdir=work/imagenet

In a workdir of configs/imagenet_paper.py it goes on with what that has trained.
"""

import ml_collections

from configs import imagenet_paper


def get_config() -> ml_collections.ConfigDict:
    """Returns the experiment with every treatment for every seed and direction."""
    config = imagenet_paper.get_config()
    blocks = config.blocks
    blocks.selffers = {"treatments": ("BnB",)}
    blocks.fine_tuned_selffers = {"treatments": ("BnB+",)}
    blocks.fine_tuned_transfers = {"treatments": ("AnB+",)}
    natural = ("BnB", "BnB+", "AnB", "AnB+")
    blocks.natural_man_made = {"split": "natural/man-made", "treatments": natural}
    preserve = ("BnB-preserve1", "BnB-preserve2", "AnB-preserve1", "AnB-preserve2")
    blocks.preserve = {"treatments": preserve, "split_seeds": (0,)}
    return config

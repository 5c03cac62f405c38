"""CaffeNet on a GPU (or whatever JAX finds), in bfloat16: alone, frozen and fine-tuned cohorts, and the paper's sweep.

KERAS_BACKEND=jax python -m bench.gpu       (needs JAX: pip install "jax[cuda12]"; TensorFlow need not be installed)
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Sequence

os.environ.setdefault("KERAS_BACKEND", "jax")  # read when Keras is imported

import jax
import keras
import numpy as np

from bench import alternating
from tf_transfer.experiment import layer_tables, seeds, treatments
from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.plan import Run
from tf_transfer.networks import cohort_model, layer_blocks
from tf_transfer.training.compiled import CompiledCohort
from tf_transfer.training.optimizers import build_optimizer

FROZEN = [f"{source}{n}B" for source in "AB" for n in range(1, 8)]
COHORTS = {
    "alone": ["baseB"],
    "frozen cohort of 14": FROZEN,
    "fine-tuned cohort of 4": ["A3B+", "A5B+", "B3B+", "B5B+"],
}
K20_DAYS = 163 * 9.5  # the paper's networks, and what each of them took
# Its networks: 11 bases, 28 + 56 + 14 of BnB, AnB and natural/man-made with frozen layers, 42 fine-tuned ones, 450,000
# steps of 256 images each; 12 of reduced volume of 200,000 steps.
IMAGES_ALONE = 256 * (11 * 450_000 + 12 * 200_000)
IMAGES_FROZEN, IMAGES_FINE_TUNED = 256 * 98 * 450_000, 256 * 42 * 450_000


def matrix_rate(size: int, rounds: int) -> float:
    """Measures a product of two bfloat16 matrices, in FLOP/s."""
    matrix = jax.random.normal(jax.random.key(0), (size, size), "bfloat16")
    multiply = jax.jit(jax.numpy.matmul)
    wait = alternating.stopwatch(lambda: multiply(matrix, matrix).block_until_ready())
    return 2 * size**3 / alternating.medians({"product": wait}, rounds)["product"]


def images_per_second(names: Sequence[str], batch_size: int, input_size: int, steps: int, rounds: int) -> float:
    """Trains networks with such treatments side by side, on one batch that lies on the device.

    Returns:
      Images that all of the networks together are trained on in a second.
    """
    keras.backend.clear_session()
    architecture = layer_tables.caffenet(500, input_size)
    runs = [Run(treatments.parse(name), ClassSplit("random", 0), 0) for name in names]
    base = layer_blocks.get_weights(layer_blocks.build_blocks(architecture, "", seeds.derive_seed))
    model = cohort_model.build_cohort(architecture, runs, {run.base.name: base for run in runs if run.base}).model
    recipe = Recipe(learning_rate_schedule="constant", learning_rate=1e-3)
    compiled = CompiledCohort(model, build_optimizer(recipe, steps))
    images = jax.random.normal(jax.random.key(0), (batch_size, input_size, input_size, 3))
    batches = itertools.repeat((images, (np.arange(batch_size) % 500,) * len(runs)))

    def train() -> None:
        compiled.train(batches, steps)
        jax.block_until_ready([variable.value for variable in compiled.variables])

    seconds = alternating.medians({"steps": alternating.stopwatch(train)}, rounds)["steps"]
    return len(runs) * batch_size * steps / seconds


def training_flops(names: Sequence[str], input_size: int) -> float:
    """FLOPs per image and network that training must spend, a frozen prefix counted once for all that share it."""
    flops = [cost.flops for cost in layer_tables.caffenet(500, input_size).costs()]
    total, shared = 0.0, {}
    for treatment in map(treatments.parse, names):
        shared[treatment.source] = max(shared.get(treatment.source, 0), treatment.num_frozen)
        learning = flops[treatment.num_frozen :]
        total += 3 * sum(learning) - learning[0]
    return (total + sum(sum(flops[:frozen]) for frozen in shared.values())) / len(names)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--input_size", type=int, default=227)
    parser.add_argument("--matrix", type=int, default=8192, help="side of the matrices that give the device's rate")
    parser.add_argument("--steps", type=int, default=20, help="steps in a round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    keras.config.set_dtype_policy("mixed_bfloat16")
    start = time.perf_counter()
    rate = matrix_rate(args.matrix, args.rounds)
    rates, rows = {}, []
    for what, names in COHORTS.items():
        rates[what] = images_per_second(names, args.batch_size, args.input_size, args.steps, args.rounds)
        share = rates[what] * training_flops(names, args.input_size) / rate
        rows.append([f"CaffeNet, {what}", f"{rates[what]:,.0f} images/s", f"{share:.0%}"])
    alone, frozen, fine_tuned = rates.values()
    days = (IMAGES_ALONE / alone + IMAGES_FROZEN / frozen + IMAGES_FINE_TUNED / fine_tuned) / 86_400
    rows.append(["the paper's 163 networks, training steps alone", f"{days:,.1f} device-days", f"K20: {K20_DAYS:,.0f}"])
    device = jax.devices()[0].device_kind
    title = (
        f"{device}, {rate / 1e12:.1f} TFLOP/s in products of bfloat16 matrices ({time.perf_counter() - start:.0f} s)"
    )
    alternating.print_table(title, ["what", "rate", "share of the matrix rate"], rows)


if __name__ == "__main__":
    main()

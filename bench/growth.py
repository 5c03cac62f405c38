"""How time and memory grow with images, networks and layers.

python -m bench.growth
"""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
import resource
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from bench import alternating, command
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment import layer_tables, plan, treatments
from tf_transfer.experiment.class_splits import ClassSplit

SIDE, BATCH = 32, 64
AIM = "at most 2.2"


def sweep_seconds(workdir: pathlib.Path, store: str, epochs: float, layers: int, images: int) -> float:
    """Seconds of a sweep of `layers` networks B1B+, B2B+, ... on so many images of each class, one after another.

    Their base is trained before, untimed.
    """
    fields = {"recipe.epochs": epochs, "recipe.evaluations": 1, "processes": 1, "images_per_class": f"({images},)"}
    command.sweep(workdir, store, "default", fields | {"treatments": "()"})
    wanted = {"treatments": "('BnB+',)", "layers": tuple(range(1, layers + 1))}
    return command.sweep(workdir, store, "default", fields | wanted)


def chain(num_layers: int) -> layer_tables.Architecture:
    """A chain of equal convolutions, after a first one of three channels, and a classifier."""
    conv = layer_tables.Layer("conv", 32, kernel=3)
    return layer_tables.Architecture("chain", SIDE, (conv,) * (num_layers + 1) + (layer_tables.Layer("dense", 10),))


def cohort_costs(architecture: layer_tables.Architecture, names: Sequence[str], steps: int) -> tuple[float, ...]:
    """Builds and trains networks with such treatments side by side; meant for a process of its own.

    Returns:
      Seconds until the first step is done, seconds of each of the next `steps` steps, and the most memory held, in MB.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported
    import keras
    import tensorflow as tf

    from tf_transfer.experiment import seeds
    from tf_transfer.experiment.config import Recipe
    from tf_transfer.networks import cohort_model, layer_blocks
    from tf_transfer.training import optimizers

    start = time.perf_counter()
    runs = [plan.Run(treatments.parse(name), ClassSplit("random", 0), 0) for name in names]
    base = layer_blocks.get_weights(layer_blocks.build_blocks(architecture, "", seeds.derive_seed))
    bases = {run.base.name: base for run in runs if run.base}
    model = cohort_model.build_cohort(architecture, runs, bases, small_map_kernels=True).model
    loss = [keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in runs]
    model.compile(
        optimizers.build_optimizer(Recipe(learning_rate_schedule="constant"), 1), loss=loss, jit_compile=False
    )
    rng = np.random.default_rng(0)
    images = rng.normal(size=(BATCH, SIDE, SIDE, 3)).astype(np.float32)
    batches = tf.data.Dataset.from_tensors((images, (rng.integers(0, 10, BATCH),) * len(runs))).repeat()
    model.fit(batches, steps_per_epoch=1, shuffle=False, verbose=0)
    first = time.perf_counter() - start
    start = time.perf_counter()
    model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    each = (time.perf_counter() - start) / steps
    return first, each, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def cohort_costs_in_new_process(
    architecture: layer_tables.Architecture, names: Sequence[str], steps: int
) -> tuple[float, ...]:
    """`cohort_costs` in a new process."""
    with alternating.Worker(functools.partial, cohort_costs) as worker:
        return worker(architecture, names, steps)


def measure_sweeps(epochs: float, rounds: int) -> list[list[str]]:
    """Returns the table's rows on sweeps with twice as many networks and twice as many images."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        store = str(root / "store")
        prepare_store(open_source("shapes"), store)
        numbers = iter(range(100))
        sizes = {"once": (3, 20), "networks": (6, 20), "images": (3, 40)}
        ways = {
            what: lambda size=size: sweep_seconds(root / str(next(numbers)), store, epochs, *size)
            for what, size in sizes.items()
        }
        seconds = alternating.medians(ways, rounds, warm_up=False)
    return [
        [f"a sweep, twice the {what}", f"{seconds['once']:.1f} s", f"{seconds[what]:.1f} s",
         f"{seconds[what] / seconds['once']:.2f}", AIM]
        for what in ("networks", "images")
    ]  # fmt: skip


def measure_cohorts(steps: int, rounds: int) -> list[list[str]]:
    """Returns the table's rows on a network with twice the layers, and on cohorts with twice the networks."""
    convnet = layer_tables.convnet(50)
    seven, fourteen = [[f"{source}{n}B" for source in sources for n in range(1, 8)] for sources in ("B", "AB")]
    sizes = {
        "8 layers": (chain(8), ["baseB"]),
        "16 layers": (chain(16), ["baseB"]),
        "7 networks": (convnet, seven),
        "14 networks": (convnet, fourteen),
    }
    ways = {what: functools.partial(cohort_costs_in_new_process, *size, steps) for what, size in sizes.items()}
    costs = alternating.medians(ways, rounds, warm_up=False)
    rows = []
    for what, once, twice in (
        ("one network, twice the layers", "8 layers", "16 layers"),
        ("a frozen cohort, twice the networks", "7 networks", "14 networks"),
    ):
        for figure, name in enumerate(("first step", "step")):
            one, two = costs[once][figure], costs[twice][figure]
            rows.append([f"{what}: {name}", f"{one:.3f} s", f"{two:.3f} s", f"{two / one:.2f}", AIM])
    memory = [costs[what][2] for what in ("7 networks", "14 networks")]
    rows.append(
        [
            "memory of that cohort",
            *(f"{held:.0f} MB" for held in memory),
            f"{(memory[1] - memory[0]) / 7:.0f} MB each",
            "",
        ]
    )
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=float, default=100.0, help="of sweeps of 240 or 480 images; 0: none")
    parser.add_argument("--steps", type=int, default=60, help="of the cohorts")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rows = measure_sweeps(args.epochs, args.rounds) if args.epochs else []
    rows += measure_cohorts(args.steps, args.rounds)
    alternating.print_table("Growth", ["what", "once", "twice", "ratio", "aim"], rows)


if __name__ == "__main__":
    main()

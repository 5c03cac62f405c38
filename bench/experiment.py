"""A whole experiment, against the plain Keras loop over its networks and against the work that cannot be avoided.

python -m bench.experiment                                                  (quickstart)
python -m bench.experiment --config=cifar100 --store=stores/cifar100 --epochs=2
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import tempfile
import time

import numpy as np

from bench import alternating, command
from tf_transfer.data import image_store
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment.machine import Machine
from tf_transfer.experiment.plan import Cohort, Plan, make_plan
from tf_transfer.results import result_files, workdir


def gemm_rate(precision: str) -> float:
    """Measures what all cores reach together in a product of two matrices, in FLOP/s."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported
    import tensorflow as tf

    size = 2048
    matrix = tf.cast(tf.random.normal([size, size]), tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32)
    times = []
    for _ in range(12):
        start = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        times.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(times)


def forward_flops(plan: Plan, cohort: Cohort) -> float:
    """Floating-point operations of a cohort's forward pass for one image, frozen layers of one source counted once."""
    flops = [cost.flops for cost in plan.architecture(cohort.runs[0]).costs()]
    frozen: dict[str, int] = {}
    for treatment in (run.treatment for run in cohort.runs):
        frozen[treatment.source] = max(frozen.get(treatment.source, 0), treatment.num_frozen)
    learning = sum(sum(flops[run.treatment.num_frozen :]) for run in cohort.runs)
    return learning + sum(sum(flops[:count]) for count in frozen.values())


def needed_flops(plan: Plan) -> float:
    """Floating-point operations of all training and all tests, the frozen layers of a cohort counted once."""
    flops = 0.0
    for cohort in plan.cohorts:
        task, recipe = plan.task(cohort.runs[0], cohort.target), plan.recipe(cohort.runs[0])
        num_images = len(image_store.ImageStore(task.store).indices("test", task.classes))
        flops += plan.cohort_flops(cohort) + forward_flops(plan, cohort) * num_images * recipe.evaluations
    return flops


def paired_difference(directory: pathlib.Path, plain: pathlib.Path) -> tuple[float, float]:
    """Compares our networks with the plain loop's on the same test images.

    Returns:
      The mean difference in top-1, in points, and its standard error over test images, the networks of one image
      taken together.
    """
    runs = result_files.finished_runs(directory)
    ours = [result_files.read_predictions(directory, run).correct.astype(float) for run in runs]
    theirs = [np.load(plain / f"{run}.npy").astype(float) for run in runs]
    per_target: dict[int, list[np.ndarray]] = {}
    for one, other in zip(ours, theirs, strict=True):
        per_target.setdefault(len(one), []).append(one - other)
    differences = np.concatenate([np.mean(group, axis=0) for group in per_target.values()])
    return 100 * differences.mean(), 100 * differences.std() / len(differences) ** 0.5


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="quickstart")
    parser.add_argument("--store", help="image store; without it, the drawn shapes")
    parser.add_argument("--epochs", type=int, default=0, help="0: those of the config")
    parser.add_argument("--layers", default="", help="for example (1,4,7); empty: those of the config")
    parser.add_argument("--precision", default="auto", help="ours; the plain loop's is always float32")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        store = args.store or str(root / "store")
        if not args.store:
            prepare_store(open_source("shapes"), store)
        epochs = args.epochs or 20
        fields = {"recipe.epochs": float(epochs), "recipe.evaluations": epochs, "recipe.precision": args.precision}
        fields |= {"layers": args.layers} if args.layers else {}
        ours, plain = root / "ours-0", root / "plain"
        plain.mkdir()
        numbers = iter(range(1000))
        ways = {
            "ours": lambda: command.sweep(root / f"ours-{next(numbers)}", store, args.config, fields),
            "plain": lambda: command.run("-m", "bench.plain_loop", str(ours), str(plain)),
        }
        seconds = alternating.medians(ways, args.rounds, warm_up=False)
        plan = make_plan(workdir.read_experiment(ours))
        flops = needed_flops(plan)
        precision = Machine.detect().fastest_precision
        floor = flops / gemm_rate(precision)
        difference, error = paired_difference(ours, plain)
    rows = [
        ["plain Keras loop, float32", f"{seconds['plain']:.0f}", f"{seconds['plain'] / seconds['ours']:.2f}", "2.5"],
        [f"floor: {flops / 1e12:.1f} TFLOP at the rate of GEMM, {precision}", f"{floor:.1f}",
         f"{floor / seconds['ours']:.3f}", "0.77"],
    ]  # fmt: skip
    title = f"{args.config}, {len(plan.runs)} networks, {epochs} epochs: ours {seconds['ours']:.0f} s"
    alternating.print_table(title, ["against", "seconds", "its time / ours", "aim"], rows)
    print(f"\ntop-1, ours - plain, mean of all networks: {difference:+.2f} points, standard error {error:.2f}")


if __name__ == "__main__":
    main()

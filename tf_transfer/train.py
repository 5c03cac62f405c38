"""Training one cohort, in a process of its own: `python -m tf_transfer.train WORKDIR PARENT THREADS RUN...`."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import sys
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported

import keras
import tensorflow as tf

from tf_transfer import dashboard, input_pipeline, networks, optimizers, results, transfer, workdir
from tf_transfer.evaluation import CohortHistory
from tf_transfer.plan import Cohort, Plan, Run, make_cohort, make_plan
from tf_transfer.tensorboard_log import TensorBoardLog


def train_cohort(directory: str | os.PathLike, plan: Plan, cohort: Cohort) -> list[results.Result]:
    """Trains the runs of a cohort side by side and writes their results.

    Args:
      directory: The experiment's workdir.
      plan: The experiment's plan.
      cohort: Runs with the same target and group, whose bases are done.

    Returns:
      The results in the order of the cohort's runs.

    Raises:
      FileNotFoundError: A base is not done.
      RuntimeError: Frozen weights moved. Nothing is written then.
    """
    keras.config.set_dtype_policy(plan.experiment.recipe.resolved().precision)
    base_weights = {base.name: results.read_weights(directory, base.name) for base in cohort.needs}
    trained = transfer.build_cohort(plan.architecture(cohort.runs[0]), cohort.runs, base_weights)
    frozen_before = [trained.frozen_sha256(run) for run in cohort.runs]
    logs = [TensorBoardLog(pathlib.Path(directory) / "tensorboard" / run.name) for run in cohort.runs]
    start = time.monotonic()
    history = _fit(trained.model, plan, cohort, logs)
    seconds = time.monotonic() - start
    for run, sha256 in zip(cohort.runs, frozen_before, strict=True):
        if trained.frozen_sha256(run) != sha256:
            raise RuntimeError(f"{run.name}: frozen weights moved while training; nothing was written of this cohort")
    outcomes = []
    for number, run in enumerate(cohort.runs):
        outcome = _result(plan, cohort, number, history, frozen_before[number], seconds)
        weights = networks.get_weights(trained.blocks[run.name])
        results.write_result(directory, outcome, weights, history.correct[number])
        logs[number].session(
            dashboard.hyperparameters(outcome), name=outcome.run, finished=outcome.status == results.FINISHED
        )
        logs[number].close()
        outcomes.append(outcome)
    return outcomes


def _fit(model: keras.Model, plan: Plan, cohort: Cohort, logs: list[TensorBoardLog]) -> CohortHistory:
    run = cohort.runs[0]
    recipe = plan.recipe(run)
    task, num_steps = plan.task(run, cohort.target), plan.num_steps(run)
    steps_per_test = num_steps // recipe.tests
    model.compile(
        optimizers.build_optimizer(recipe, num_steps),
        loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in cohort.runs],
        metrics=[[keras.metrics.SparseCategoricalAccuracy(name="top1")] for _ in cohort.runs],
        jit_compile=False,  # on the CPU, XLA is slower than the plain kernels
    )
    history = CohortHistory(
        model.output_names,
        input_pipeline.test_stream(task, recipe),
        input_pipeline.test_labels(task),
        steps_per_test=steps_per_test,
        on_test=lambda history: _report_test(history, cohort.runs, logs, recipe.tests),
    )
    model.fit(
        input_pipeline.train_stream(task, recipe, run.seed, num_outputs=len(cohort.runs)),
        epochs=recipe.tests,
        steps_per_epoch=steps_per_test,
        callbacks=[history],
        shuffle=False,  # the stream has its own order
        verbose=0,
    )
    return history


def _report_test(history: CohortHistory, runs: tuple[Run, ...], logs: list[TensorBoardLog], num_tests: int) -> None:
    for number, (run, log) in enumerate(zip(runs, logs, strict=True)):
        values = {
            "loss": history.loss[number][-1],
            "learning_rate": history.learning_rate[-1],
            "top1": history.top1[number][-1],
            dashboard.top1_tag(run.treatment.kind): history.top1[number][-1],
            "train_top1": history.train_top1[number][-1],
        }
        log.scalars({tag: value for tag, value in values.items() if value is not None}, step=history.steps[-1])
    accuracies = "  ".join(f"{run.treatment.name} {top1[-1]:.3f}" for run, top1 in zip(runs, history.top1, strict=True))
    # `sweep.py` reads the first three words.
    print(f"test {len(history.steps)}/{num_tests}  step {history.steps[-1]}  top-1: {accuracies}", flush=True)


def _result(
    plan: Plan, cohort: Cohort, number: int, history: CohortHistory, frozen_sha256: str, seconds: float
) -> results.Result:
    run = cohort.runs[number]
    recipe, treatment = plan.recipe(run).resolved(), run.treatment
    task = plan.task(run, treatment.target)
    return results.Result(
        run=run.name,
        treatment=treatment.name,
        kind=treatment.kind,
        split=run.split,
        source=treatment.source or treatment.target,
        target=treatment.target,
        n=treatment.n,
        images_per_class=run.images_per_class,
        seed=run.seed,
        status=results.DIVERGED if history.loss[number][-1] is None else results.FINISHED,
        steps=history.steps[-1],
        num_classes=len(task.classes),
        test_steps=history.steps,
        top1_history=history.top1[number],
        loss_history=history.loss[number],
        train_top1_history=history.train_top1[number],
        frozen_sha256=frozen_sha256,
        precision=recipe.precision,
        settings_hash=plan.experiment.settings_hash(),
        versions=_versions(),
        cohort=cohort.name,
        seconds=round(seconds, 2),
        images_per_second=round(history.steps[-1] * recipe.batch_size / seconds, 1),
    )


def _versions() -> dict[str, str]:
    packages = {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")}
    return {"python": platform.python_version(), "machine": platform.machine(), **packages}


def _exit_with_parent(parent: int) -> None:
    # A sweep that was killed cannot stop its cohorts, and the next sweep would train them a second time.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def main(directory: str, parent: str, threads: str, *run_names: str) -> None:
    """Trains the runs called `run_names`, one cohort, with so many threads (0: all), while process `parent` lives."""
    threading.Thread(target=_exit_with_parent, args=[int(parent)], daemon=True).start()
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    plan = make_plan(workdir.read_experiment(directory))
    runs = tuple(run for run in plan.runs if run.name in run_names)
    train_cohort(directory, plan, make_cohort(runs))


if __name__ == "__main__":
    main(*sys.argv[1:])

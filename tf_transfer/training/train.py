"""Training cohorts, in a process of its own: `python -m tf_transfer.training.train DIR PARENT THREADS CONNECTION`."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import socket
import sys
import threading

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported

import keras
import tensorflow as tf

from tf_transfer.experiment.config import has_gpu
from tf_transfer.experiment.plan import Cohort, Plan, Run, make_cohort, make_plan
from tf_transfer.networks import cohort_model, layer_blocks, normalisation
from tf_transfer.report import dashboard
from tf_transfer.results import checkpoints, result_files, versions, workdir
from tf_transfer.results.result import DIVERGED, FINISHED, Result
from tf_transfer.results.tensorboard_log import TensorBoardLog
from tf_transfer.sweep import trainer_process
from tf_transfer.training import fitting, preemption, stream
from tf_transfer.training.backup import Backup, BackupPlan
from tf_transfer.training.evaluation import CohortHistory
from tf_transfer.training.threads import use_threads

# Keras and TensorFlow keep something of every model that was trained: 10 MB of `convnet`, 500 MB of CaffeNet. A process
# that has held so many times as much as it had by the end of its first cohort is replaced.
_MOST_GROWTH = 1.25

# A call of TensorFlow costs about 1 ms, and while it lasts nobody looks whether it is time to save or to stop.
_FLOPS_PER_CALL = 2e10  # half a second's work of one slow core
MOST_STEPS_PER_CALL = 20


def train_cohort(
    directory: str | os.PathLike, plan: Plan, cohort: Cohort, stop: threading.Event | None = None
) -> list[Result]:
    """Trains the runs of a cohort side by side and writes their results; goes on from a checkpoint if there is one.

    Args:
      directory: The experiment's workdir.
      plan: The experiment's plan.
      cohort: Runs with the same target and group, whose bases are done. Results that stand are left alone.
      stop: Set when the training is to be saved and given up.

    Returns:
      The results in the order of the cohort's runs.

    Raises:
      FileNotFoundError: A base is not done.
      Preempted: It was asked to stop.
      RuntimeError: Copied weights differ from their origin, or frozen weights moved. Nothing is written then.
    """
    if all(result_files.is_done(directory, run.name) for run in cohort.runs):
        return [result_files.read_result(directory, run.name) for run in cohort.runs]  # another sweep was faster
    keras.config.set_dtype_policy(plan.experiment.recipe.resolved().precision)
    base_weights = {base.name: result_files.read_weights(directory, base.name) for base in cohort.needs}
    architecture = plan.architecture(cohort.runs[0])
    trained = cohort_model.build_cohort(architecture, cohort.runs, base_weights, _of_pixels(plan, cohort))
    provenance = {run.name: _provenance(trained, run, base_weights) for run in cohort.runs}
    todo = {n: run for n, run in enumerate(cohort.runs) if not result_files.is_done(directory, run.name)}
    backup_plan = BackupPlan(
        checkpoints.directory_of(directory, cohort.name),
        _identity(plan, cohort, base_weights),
        plan.experiment.checkpoint_minutes,
        plan.experiment.checkpoint_steps,
        stop or threading.Event(),
    )
    with contextlib.ExitStack() as stack:
        logs = {
            number: stack.enter_context(TensorBoardLog(pathlib.Path(directory) / "tensorboard" / run.name))
            for number, run in todo.items()
        }
        history, seconds = _fit(trained, plan, backup_plan, logs)
        for run in cohort.runs:
            if trained.frozen_sha256(run) != provenance[run.name]["frozen_sha256"]:
                checkpoints.remove(backup_plan.directory)  # the moved weights are in there, too
                raise RuntimeError(f"{run.name}: frozen weights moved in training; nothing of this cohort is written")
        for number, run in todo.items():
            outcome = _result(plan, cohort, number, history, seconds, provenance[run.name])
            logs[number].session(
                dashboard.hyperparameters(outcome), name=outcome.run, finished=outcome.status == FINISHED
            )
            weights = layer_blocks.get_weights(trained.blocks[run.name])
            result_files.write_result(directory, outcome, weights, history.correct[number])
    checkpoints.remove(backup_plan.directory)
    return [result_files.read_result(directory, run.name) for run in cohort.runs]


def _of_pixels(plan: Plan, cohort: Cohort) -> normalisation.Normalisation | None:
    """How the networks are to normalise pixels themselves; None if the stream subtracts a mean image."""
    run = cohort.runs[0]
    by_channels = plan.recipe(run).normalisation == "channels"
    return normalisation.of_task(plan.task(run, cohort.target), plan.recipe(run)) if by_channels else None


def _provenance(trained: cohort_model.CohortModel, run: Run, base_weights) -> dict[str, str]:
    """Shows, before the first step, that what was copied equals its origin."""
    copied = trained.copied_sha256(run)
    if run.base and copied != cohort_model.hash_layers(base_weights[run.base.name], run.treatment.num_copied):
        raise RuntimeError(f"{run.name}: its copied weights are not those of {run.base.name}; nothing was trained")
    return {"copied_sha256": copied, "frozen_sha256": trained.frozen_sha256(run)}


def _identity(plan: Plan, cohort: Cohort, base_weights) -> dict:
    """What a checkpoint must belong to, so that training may go on from it."""
    return {
        "runs": [run.name for run in cohort.runs],
        "settings": plan.experiment.settings_hash(),
        "steps": [plan.num_steps(cohort.runs[0]), plan.recipe(cohort.runs[0]).evaluations],
        "bases": {name: cohort_model.hash_weights(weights) for name, weights in sorted(base_weights.items())},
        "versions": versions.that_compute(versions.installed()),
    }


def _fit(
    trained: cohort_model.CohortModel, plan: Plan, backup_plan: BackupPlan, logs: dict[int, TensorBoardLog]
) -> tuple[CohortHistory, float]:
    recipe, runs = plan.recipe(trained.runs[0]), trained.runs
    task, num_steps = plan.task(runs[0], runs[0].treatment.target), plan.num_steps(runs[0])
    fitting.compile_cohort(trained.model, recipe, num_steps)
    history = CohortHistory(
        trained.model.output_names,
        [[variable for block in trained.blocks[run.name] for variable in block.weights] for run in runs],
        stream.test_stream(task, recipe),
        stream.test_labels(task),
        steps_per_test=num_steps // recipe.evaluations,
        on_test=lambda history: _report_test(history, runs, logs, recipe.evaluations),
    )
    backup = Backup(trained.model, history, backup_plan)
    backup.restore()
    print(f"starts at step {backup.step} of {num_steps}", flush=True)
    for number in range(len(history.steps)):
        _log_test(history, number, runs, logs)
    backup.finish_test()
    fitting.fit(
        lambda step: stream.train_stream(task, recipe, runs[0].seed, len(runs), first_step=step),
        history,
        backup,
        recipe.evaluations,
        _steps_per_call(plan, runs),
    )
    return history, backup.seconds


def _steps_per_call(plan: Plan, runs: tuple[Run, ...]) -> int:
    steps = round(_FLOPS_PER_CALL * plan.num_steps(runs[0]) / plan.cohort_flops(make_cohort(runs)))
    return max(1, min(steps, MOST_STEPS_PER_CALL, plan.experiment.checkpoint_steps or steps))


def _report_test(
    history: CohortHistory, runs: tuple[Run, ...], logs: dict[int, TensorBoardLog], num_tests: int
) -> None:
    _log_test(history, -1, runs, logs)
    accuracies = "  ".join(f"{run.treatment.name} {top1[-1]:.3f}" for run, top1 in zip(runs, history.top1, strict=True))
    # `sweep.py` reads the first two words.
    print(f"test {len(history.steps)}/{num_tests}  step {history.steps[-1]}  top-1: {accuracies}", flush=True)


def _log_test(history: CohortHistory, test: int, runs: tuple[Run, ...], logs: dict[int, TensorBoardLog]) -> None:
    for number, log in logs.items():
        values = {
            "loss": history.loss[number][test],
            "learning_rate": history.learning_rate[test],
            "top1": history.top1[number][test],
            dashboard.top1_tag(str(runs[number].treatment.kind)): history.top1[number][test],
            "train_top1": history.train_top1[number][test],
        }
        values = {tag: value for tag, value in values.items() if value is not None}
        log.scalars(values, history.steps[test], history.times[test])


def _result(
    plan: Plan, cohort: Cohort, number: int, history: CohortHistory, seconds: float, provenance: dict[str, str]
) -> Result:
    run = cohort.runs[number]
    recipe, task = plan.recipe(run).resolved(), plan.task(run, cohort.target)
    return Result(
        run=run.name,
        status=DIVERGED if history.loss[number][-1] is None else FINISHED,
        steps=history.steps[-1],
        num_classes=len(task.classes),
        test_steps=history.steps,
        top1_history=history.top1[number],
        loss_history=history.loss[number],
        train_top1_history=history.train_top1[number],
        **provenance,
        precision=recipe.precision,
        settings_hash=plan.experiment.settings_hash(),
        versions=versions.installed(),
        cohort=cohort.name,
        cohort_runs=[run.name for run in cohort.runs],
        seconds=round(seconds, 2),
        images_per_second=round(history.steps[-1] * recipe.batch_size / seconds, 1),
    )


def main(directory: str, parent: str, threads: str, connection: str) -> None:
    """Trains the cohorts that come through the socket `connection`, with so many threads, while `parent` lives."""
    stop = preemption.watch(int(parent))
    experiment = workdir.read_experiment(directory)
    if experiment.deterministic == "yes" or (experiment.deterministic == "auto" and not has_gpu()):
        tf.config.experimental.enable_op_determinism()
    plan = make_plan(experiment)
    runs = {run.name: run for run in plan.runs}
    use_threads(int(threads), plan.architecture(plan.runs[0]), experiment.recipe.batch_size)
    most_memory = 0.0
    with socket.socket(fileno=int(connection)) as sweep:
        for names in trainer_process.orders(sweep):
            try:
                train_cohort(directory, plan, make_cohort([runs[name] for name in names]), stop)
            except preemption.Preempted as stopped:
                print(stopped, flush=True)
                sys.exit(preemption.STOPPED)
            keras.backend.clear_session()
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            most_memory = most_memory or _MOST_GROWTH * memory
            if memory > most_memory:
                break  # and the sweep starts a new process


if __name__ == "__main__":
    main(*sys.argv[1:])

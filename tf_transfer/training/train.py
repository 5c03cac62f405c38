"""Training one cohort: its networks are built, trained on one stream, checked, and written as results."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras

from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.plan import Cohort, Plan, Run, make_cohort
from tf_transfer.experiment.settings import settings_hash
from tf_transfer.experiment.tasks import Task
from tf_transfer.networks import cohort_model, layer_blocks, normalisation
from tf_transfer.results import checkpoints, result_files, workdir
from tf_transfer.results.result import DIVERGED, FINISHED, Result
from tf_transfer.results.tensorboard_log import TensorBoardLog, hyperparameters, top1_tag
from tf_transfer.training import loop, optimizers, stream
from tf_transfer.training.checkpointing import Checkpointer, CheckpointPolicy
from tf_transfer.training.compiled import CompiledCohort
from tf_transfer.training.evaluation import Evaluation, History

# A call of TensorFlow costs about 1 ms, and a training cannot be saved or stopped while it lasts.
_FLOPS_PER_CALL = 2e10  # half a second's work for one slow core
MAX_STEPS_PER_CALL = 20


def train_cohort(
    directory: str | os.PathLike,
    plan: Plan,
    cohort: Cohort,
    *,
    on_gpu: bool = False,
    stop: threading.Event | None = None,
    on_step: Callable[[int], None] = lambda step: None,
) -> list[Result]:
    """Trains the runs of a cohort side by side and writes their results; goes on from a checkpoint if there is one.

    Args:
      directory: The experiment's workdir.
      plan: The experiment's plan.
      cohort: Runs with the same target and group, whose bases are done. Existing results are left as they are.
      on_gpu: Whether TensorFlow computes on a GPU.
      stop: Set when the training is to save and stop.
      on_step: Called with the number of steps done, between two calls of TensorFlow, also in evaluations.

    Returns:
      The results in the order of the cohort's runs.

    Raises:
      FileNotFoundError: A base is not done.
      Preempted: It was asked to stop.
      RuntimeError: Copied weights differ from their origin, or frozen weights moved. Nothing is written then.
    """
    if all(result_files.is_done(directory, run.name) for run in cohort.runs):
        return [result_files.read_result(directory, run.name) for run in cohort.runs]  # by another sweep
    keras.config.set_dtype_policy(plan.experiment.recipe.precision)
    base_weights = {base.name: result_files.read_weights(directory, base.name) for base in cohort.needs}
    networks = cohort_model.build_cohort(
        plan.architecture(cohort.runs[0]),
        cohort.runs,
        base_weights,
        _network_normalisation(plan, cohort),
        small_map_kernels=not on_gpu,
    )
    provenance = {run.name: _provenance(networks, run, base_weights) for run in cohort.runs}
    unfinished = {n: run for n, run in enumerate(cohort.runs) if not result_files.is_done(directory, run.name)}
    policy = CheckpointPolicy(
        checkpoints.directory_of(directory, cohort.name),
        _checkpoint_identity(plan, cohort, base_weights),
        plan.experiment.checkpoint_minutes,
        plan.experiment.checkpoint_steps,
        stop or threading.Event(),
    )
    with contextlib.ExitStack() as stack:
        logs = {
            number: stack.enter_context(TensorBoardLog(pathlib.Path(directory) / "tensorboard" / run.name))
            for number, run in unfinished.items()
        }
        history, seconds = _train(networks, plan, policy, logs, on_step)
        for run in cohort.runs:
            if networks.frozen_sha256(run) != provenance[run.name]["frozen_sha256"]:
                checkpoints.remove(policy.directory)  # the moved weights are in there too
                raise RuntimeError(f"{run.name}: frozen weights moved in training; nothing of this cohort is written")
        for number, run in unfinished.items():
            result = _result(plan, cohort, number, history, seconds, provenance[run.name])
            logs[number].session(hyperparameters(result), name=result.run, finished=result.status == FINISHED)
            weights = layer_blocks.get_weights(networks.blocks[run.name])
            result_files.write_result(directory, result, weights, history.predictions[number])
    checkpoints.remove(policy.directory)
    return [result_files.read_result(directory, run.name) for run in cohort.runs]


def _network_normalisation(plan: Plan, cohort: Cohort) -> normalisation.Normalisation | None:
    """How the networks normalise pixels themselves; None if the stream subtracts a mean image."""
    run = cohort.runs[0]
    by_channels = plan.recipe(run).normalisation == "channels"
    return normalisation.of_task(plan.task(run, cohort.target), plan.recipe(run)) if by_channels else None


def _provenance(networks: cohort_model.CohortModel, run: Run, base_weights: Mapping) -> dict[str, str]:
    """Checks, before the first step, that what was copied equals its origin, and returns the hashes."""
    copied = networks.copied_sha256(run)
    if run.base and copied != cohort_model.hash_layers(base_weights[run.base.name], run.treatment.num_copied):
        raise RuntimeError(f"{run.name}: its copied weights are not those of {run.base.name}; nothing was trained")
    return {"copied_sha256": copied, "frozen_sha256": networks.frozen_sha256(run)}


def _checkpoint_identity(plan: Plan, cohort: Cohort, base_weights: Mapping) -> dict:
    """What identifies this training: its checkpoints must have the same, or are not used."""
    return {
        "runs": [run.name for run in cohort.runs],
        "settings": settings_hash(plan.experiment),
        "steps": [plan.num_steps(cohort.runs[0]), plan.recipe(cohort.runs[0]).evaluations],
        "bases": {name: cohort_model.hash_weights(weights) for name, weights in sorted(base_weights.items())},
        "versions": workdir.computing_versions(workdir.installed_versions()),
    }


def _train(
    networks: cohort_model.CohortModel,
    plan: Plan,
    policy: CheckpointPolicy,
    logs: Mapping[int, TensorBoardLog],
    on_step: Callable[[int], None],
) -> tuple[History, float]:
    """Trains the networks, and returns their history and the seconds that it took."""
    runs = networks.runs
    recipe, task = plan.recipe(runs[0]), plan.task(runs[0], runs[0].treatment.target)
    num_steps = plan.num_steps(runs[0])
    weights = task.balanced_class_weights() if recipe.class_weights == "balanced" else None
    compiled = CompiledCohort(networks.model, optimizers.build_optimizer(recipe, num_steps), weights)
    evaluation = Evaluation(
        stream.test_stream(task, recipe),
        stream.test_labels(task),
        [networks.variables(run) for run in runs],
        on_done=lambda history: _report_evaluation(history, runs, logs, recipe.evaluations),
    )
    history = evaluation.new_history()
    checkpointer = Checkpointer(compiled, history, policy)
    step = checkpointer.restore()
    print(f"starts at step {step} of {num_steps}", flush=True)
    for number in range(len(history.steps)):
        _log_evaluation(history, number, runs, logs)
    loop.train(
        compiled,
        lambda step: _batches(task, recipe, runs, step),
        evaluation,
        history,
        loop.LoopPlan(num_steps, num_steps // recipe.evaluations, _steps_per_call(plan, runs)),
        checkpointer,
        step,
        on_step,
    )
    return history, checkpointer.seconds


def _batches(task: Task, recipe: Recipe, runs: Sequence[Run], step: int) -> Iterator:
    dataset = stream.train_stream(task, recipe, runs[0].seed, len(runs), first_step=step)
    return iter(dataset if keras.backend.backend() == "tensorflow" else dataset.as_numpy_iterator())


def _steps_per_call(plan: Plan, runs: Sequence[Run]) -> int:
    steps = round(_FLOPS_PER_CALL * plan.num_steps(runs[0]) / plan.cohort_flops(make_cohort(runs)))
    return max(1, min(steps, MAX_STEPS_PER_CALL, plan.experiment.checkpoint_steps or steps))


def _report_evaluation(
    history: History, runs: Sequence[Run], logs: Mapping[int, TensorBoardLog], num_evaluations: int
) -> None:
    _log_evaluation(history, -1, runs, logs)
    accuracies = "  ".join(f"{run.treatment.name} {top1[-1]:.3f}" for run, top1 in zip(runs, history.top1, strict=True))
    print(f"test {len(history.steps)}/{num_evaluations}  step {history.steps[-1]}  top-1: {accuracies}", flush=True)


def _log_evaluation(history: History, evaluation: int, runs: Sequence[Run], logs: Mapping[int, TensorBoardLog]) -> None:
    for number, log in logs.items():
        values = {
            "loss": history.loss[number][evaluation],
            "learning_rate": history.learning_rate[evaluation],
            "top1": history.top1[number][evaluation],
            top1_tag(str(runs[number].treatment.kind)): history.top1[number][evaluation],
            "mean_per_class": history.per_class[number][evaluation],
            "train_top1": history.train_top1[number][evaluation],
        }
        finite = {tag: value for tag, value in values.items() if value is not None}
        log.scalars(finite, history.steps[evaluation], history.times[evaluation])


def _result(
    plan: Plan, cohort: Cohort, number: int, history: History, seconds: float, provenance: dict[str, str]
) -> Result:
    run = cohort.runs[number]
    recipe, task = plan.recipe(run), plan.task(run, cohort.target)
    return Result(
        run=run.name,
        status=DIVERGED if history.loss[number][-1] is None else FINISHED,
        steps=history.steps[-1],
        num_classes=len(task.classes),
        num_train_images=task.num_images("train"),
        test_images_per_class=task.test_images_per_class(),
        test_steps=history.steps,
        top1_history=history.top1[number],
        per_class_history=history.per_class[number],
        top5_last=history.predictions[number].top5(),
        loss_history=history.loss[number],
        train_top1_history=history.train_top1[number],
        **provenance,
        precision=recipe.precision,
        settings_hash=settings_hash(plan.experiment),
        versions=workdir.installed_versions(),
        cohort=cohort.name,
        cohort_runs=[run.name for run in cohort.runs],
        seconds=round(seconds, 2),
        images_per_second=round(history.steps[-1] * recipe.batch_size / seconds, 1),
    )

"""The loop: train some steps; evaluate if due; save if due or asked to stop."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator

from tf_transfer.training.checkpointing import Checkpointer
from tf_transfer.training.compiled import CompiledCohort
from tf_transfer.training.evaluation import Evaluation, History


@dataclasses.dataclass(frozen=True)
class LoopPlan:
    """How long to train.

    Attributes:
      num_steps: Steps in all.
      steps_per_evaluation: Steps from one evaluation to the next; it divides `num_steps`.
      steps_per_call: The most steps that one call trains; a training can be saved between two calls.
    """

    num_steps: int
    steps_per_evaluation: int
    steps_per_call: int = 1


def train(
    compiled: CompiledCohort,
    batches_from: Callable[[int], Iterator],
    evaluation: Evaluation,
    history: History,
    plan: LoopPlan,
    checkpointer: Checkpointer,
    step: int = 0,
    on_step: Callable[[int], None] = lambda step: None,
) -> None:
    """Trains until the last evaluation, or until all networks have diverged.

    Args:
      compiled: The networks.
      batches_from: Returns the endless batches from a given step on.
      evaluation: How to evaluate them.
      history: The evaluations so far; later ones are appended.
      plan: How long to train.
      checkpointer: Saves the training when that is due.
      step: Steps done already.
      on_step: Called with the number of steps done, before each call and between the batches of an evaluation.

    Raises:
      Preempted: It was asked to stop; all is saved.
    """
    batches = None
    while True:
        on_step(step)
        checkpointer.save_if_due(step)
        evaluated = step in (0, *history.steps[-1:])
        if step and step % plan.steps_per_evaluation == 0 and not evaluated:
            evaluation.evaluate(
                compiled, step, history, functools.partial(_between_batches, checkpointer, step, on_step)
            )
        elif step == plan.num_steps or history.all_diverged:
            return
        else:
            if batches is None:
                batches = batches_from(step)
            to_evaluation = plan.steps_per_evaluation - step % plan.steps_per_evaluation
            count = min(plan.steps_per_call, to_evaluation)
            compiled.train(batches, count)
            step += count


def _between_batches(checkpointer: Checkpointer, step: int, on_step: Callable[[int], None]) -> None:
    on_step(step)
    checkpointer.save_if_due(step)

"""A training that stops, however often and wherever, ends as one that was never stopped: bit for bit."""

import dataclasses
import types

import keras
import pytest

from tests.helpers.sweeps import assert_same_runs
from tf_transfer.experiment.plan import make_plan
from tf_transfer.results import checkpoints, result_files
from tf_transfer.training import checkpointing, train
from tf_transfer.training.checkpointing import Checkpointer, CheckpointPolicy, Preempted
from tf_transfer.training.compiled import CompiledCohort
from tf_transfer.training.evaluation import History

FROZEN, FINE_TUNED = "A1B", "A1B+"  # a run of the cohort of each kind


class StopAt:
    """Asks to stop when it has been looked at so many times: before each call, each evaluation and each test batch."""

    def __init__(self, looks):
        self.looks = looks

    def is_set(self):
        self.looks -= 1
        return self.looks < 0


def cohort_of(treatment, experiment):
    [cohort] = [c for c in make_plan(experiment).cohorts if treatment in [run.treatment.name for run in c.runs]]
    return cohort


def stop(directory, experiment, cohort, looks):
    with pytest.raises(Preempted, match="stopped at step .*; all is saved in"):
        train.train_cohort(directory, make_plan(experiment), cohort, stop=StopAt(looks))


def finish(directory, experiment, cohort):
    return train.train_cohort(directory, make_plan(experiment), cohort)


def saved_steps(directory, cohort):
    return sorted(int(path.name[5:]) for path in checkpoints.directory_of(directory, cohort.name).iterdir())


# Each interval has 6 steps and one batch of test images. Stops lie between steps, before evaluations and within them.
@pytest.mark.parametrize("treatment, steps_per_call, looks", [
    (FROZEN, 1, [9, 0, 4, 13]), (FINE_TUNED, 1, [6, 1, 7, 14]), (FROZEN, 4, [1, 0, 1, 7, 0]),
])  # fmt: skip
def test_stopped_and_continued_is_the_same_bit_for_bit(
    treatment, steps_per_call, looks, trained, bases, experiment, monkeypatch
):
    monkeypatch.setattr(train, "MAX_STEPS_PER_CALL", steps_per_call)  # what was never stopped had 6 in a call
    cohort = cohort_of(treatment, experiment)
    for number in looks:
        stop(bases, experiment, cohort, number)
    names = [outcome.run for outcome in finish(bases, experiment, cohort)]
    assert_same_runs(bases, trained, names)
    assert not checkpoints.directory_of(bases, cohort.name).exists()


def test_checkpoints_come_with_the_steps_and_two_are_kept(bases, experiment):
    cohort, often = cohort_of(FROZEN, experiment), dataclasses.replace(experiment, checkpoint_steps=2)
    stop(bases, often, cohort, 7)
    assert saved_steps(bases, cohort) == [8, 10]


@pytest.mark.parametrize("minutes, seconds, expected", [
    (5, 0, [5, 10, 15, 20, 25, 30, 35, 40, 45]),
    (5, 2.5, [5, 10, 15, 20, 25, 30, 35, 40, 45]),
    (5, 12, [5, 25, 45]),  # each 20 minutes
    (0.5, 1, [1, 3, 5, 7, 9]),  # each 2 minutes
    (0, 0, []),
])  # fmt: skip
def test_checkpoints_come_by_time_and_take_one_percent_of_it_at_most(minutes, seconds, expected, tmp_path, monkeypatch):
    """A step takes a minute here, and a checkpoint so many seconds."""
    now, save = [0.0], checkpoints.save

    def save_slowly(*given):
        save(*given)
        now[0] += seconds
        saved.append(given[1].step)

    monkeypatch.setattr(checkpointing, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(checkpoints, "save", save_slowly)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    compiled = CompiledCohort(model, keras.optimizers.SGD())
    checkpointer = Checkpointer(compiled, History.empty(1), CheckpointPolicy(tmp_path, {}, minutes))
    saved: list[int] = []
    for step in range(1, expected[-1] + 1 if expected else 50):
        now[0] += 60
        checkpointer.save_if_due(step)
    assert saved == expected


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(trained, bases, experiment, capsys):
    cohort, often = cohort_of(FROZEN, experiment), dataclasses.replace(experiment, checkpoint_steps=2)
    stop(bases, often, cohort, 7)
    newest = checkpoints.directory_of(bases, cohort.name) / "step-00000010" / "arrays.npz"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    capsys.readouterr()
    names = [outcome.run for outcome in finish(bases, often, cohort)]
    printed = capsys.readouterr().out
    assert f"{newest} is damaged (its SHA-256 is not the one in SHA256SUMS); that checkpoint is not used" in printed
    assert "starts at step 8 of 24" in printed
    assert_same_runs(bases, trained, names)


def test_a_checkpoint_of_another_training_is_not_used(bases, experiment, capsys, monkeypatch):
    monkeypatch.setattr(train, "MAX_STEPS_PER_CALL", 1)
    cohort = cohort_of(FROZEN, experiment)
    stop(bases, experiment, cohort, 3)
    name, origin = "baseA_random-0_seed-0", result_files.read_weights(bases, "baseA_random-0_seed-0")
    origin["layer1/0"] = origin["layer1/0"] + 1
    base = result_files.read_result(bases, name), result_files.read_predictions(bases, name)
    result_files.write_result(bases, base[0], origin, base[1])
    capsys.readouterr()
    stop(bases, experiment, cohort, 1)
    printed = capsys.readouterr().out
    assert "step-00000003 is of another training (bases) and is not used" in printed
    assert "starts at step 0 of 24" in printed

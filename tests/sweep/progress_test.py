import time

from tf_transfer.experiment.plan import make_plan
from tf_transfer.sweep.progress import CohortProgress, Failure, ProgressReporter, read_progress


def test_steps_go_to_the_file_every_second_and_to_the_log_every_two_minutes(experiment, tmp_path, monkeypatch, capsys):
    cohort = make_plan(experiment).cohorts[0]
    clock = iter([0.0, 0.5, 0.9, 1.6, 121.0, 150.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    reporter = ProgressReporter(tmp_path, cohort, 24)
    written = []
    for step in (1, 2, 3, 20, 21):
        reporter.on_step(step)
        written.append(read_progress(tmp_path, cohort).step)
    assert written == [1, 1, 3, 20, 21]
    assert capsys.readouterr().out == "step 20 of 24\n"
    reporter.on_failure(Failure("error", "ValueError: wrong"))
    assert read_progress(tmp_path, cohort) == CohortProgress(21, 24, Failure("error", "ValueError: wrong"))

"""The short form of `tests/chaos.py`, which BUILD.md tells of at length."""

import chaos


def test_a_killed_experiment_ends_like_one_left_in_peace(tmp_path):
    counts = chaos.torment(tmp_path, kills=3, seed=5)
    assert counts.pop("compared") >= 1 and counts.total() == 3

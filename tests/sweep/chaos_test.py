import pytest

from tests import chaos


@pytest.mark.slow
def test_killed_experiments_end_like_one_left_in_peace(tmp_path):
    counts = chaos.kill_and_compare(tmp_path, kills=5, seed=5)
    assert counts.pop("compared") >= 1 and counts.total() == 5

"""What several tests use. Fixtures are in conftest.py."""

import pytest

pytest.register_assert_rewrite("tests.helpers.sweeps")  # so that a failed assertion shows both sides, as in a test

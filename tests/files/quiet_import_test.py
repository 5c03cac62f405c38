from tests.helpers.commands import run_python

NOISY = """
import os, sys
os.write(2, b"cudart_stub\\n")
level = os.environ["TF_CPP_MIN_LOG_LEVEL"]
print("printed while it was imported")
{}
"""
PROGRAM = """
import os
from tf_transfer.files.quiet_import import import_quietly
noisy = import_quietly("noisy")
print(noisy.level, os.environ.get("TF_CPP_MIN_LOG_LEVEL"))
os.write(2, b"later\\n")
"""


def run_with(tmp_path, last_line, **variables):
    (tmp_path / "noisy.py").write_text(NOISY.format(last_line))
    environment = {"PYTHONPATH": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "1", **variables}  # 1 as TensorFlow leaves it
    return run_python("-c", PROGRAM, env=environment)


def test_what_native_code_prints_during_the_import_is_hidden(tmp_path):
    done = run_with(tmp_path, "")
    assert done.stdout.splitlines() == ["printed while it was imported", "3 1"]
    assert (done.returncode, done.stderr) == (0, "later\n")


def test_what_was_hidden_is_shown_if_the_import_fails(tmp_path):
    done = run_with(tmp_path, "raise ImportError('no library')")
    assert done.returncode == 1 and done.stderr.startswith("cudart_stub\n") and "no library" in done.stderr


def test_who_asks_for_messages_gets_them(tmp_path):
    done = run_with(tmp_path, "", TF_CPP_MIN_LOG_LEVEL="0")
    assert done.stdout.splitlines()[1] == "0 0" and done.stderr == "cudart_stub\nlater\n"

import subprocess

import tf_transfer
from tf_transfer.files import child_process


def test_the_same_package_is_found_from_everywhere_and_nothing_else_there_is_imported(tmp_path):
    (tmp_path / "dataclasses.py").write_text("raise RuntimeError('a file of a data set was imported')")
    code = "import dataclasses, tf_transfer; print(tf_transfer.__file__)"
    python = child_process.command("files.printable")[:2]
    done = subprocess.run([*python, "-c", code], cwd=tmp_path, env=child_process.environment(), capture_output=True)
    assert (done.returncode, done.stdout.decode().strip(), done.stderr) == (0, tf_transfer.__file__, b"")
    assert child_process.command("files.printable")[1:] == ["-P", "-m", "tf_transfer.files.printable"]

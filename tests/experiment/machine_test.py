import os
import pathlib

import pytest

from tf_transfer.experiment.machine import Machine


def test_this_machine_is_what_the_system_says():
    machine = Machine.detect()
    assert machine.num_cores == os.cpu_count()
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    assert machine.has_bfloat16 == bool({"avx512_bf16", "amx_bf16"} & set(flags))
    assert not machine.has_gpu or pathlib.Path("/proc/driver/nvidia/version").exists()


@pytest.mark.parametrize(("has_gpu", "has_bfloat16", "precision"), [
    (False, False, "float32"), (False, True, "mixed_bfloat16"), (True, False, "mixed_bfloat16"),
])  # fmt: skip
def test_bfloat16_is_taken_where_hardware_computes_it(has_gpu, has_bfloat16, precision):
    assert Machine(2, has_gpu, has_bfloat16).fastest_precision == precision

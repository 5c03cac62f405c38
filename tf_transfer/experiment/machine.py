"""What this machine computes with, seen without importing TensorFlow. Asked once, at the start, and passed on."""

from __future__ import annotations

import ctypes.util
import dataclasses
import importlib.util
import os
import pathlib
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a machine computes with.

    Attributes:
      num_cores: Number of processor cores.
      has_gpu: Whether TensorFlow will find an NVIDIA GPU.
      has_bfloat16: Whether the processor has instructions for bfloat16.
    """

    num_cores: int
    has_gpu: bool
    has_bfloat16: bool

    @classmethod
    def detect(cls) -> Machine:
        """Looks at this machine: its processor's flags, NVIDIA's driver and the CUDA libraries."""
        cpuinfo = pathlib.Path("/proc/cpuinfo")
        flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
        has_driver = pathlib.Path("/proc/driver/nvidia/version").exists()
        has_libraries = bool(importlib.util.find_spec("nvidia") or ctypes.util.find_library("cudart"))
        return cls(
            num_cores=os.cpu_count() or 1,
            has_gpu=has_driver and has_libraries,
            has_bfloat16="avx512_bf16" in flags or "amx_bf16" in flags,
        )

    @property
    def fastest_precision(self) -> Literal["float32", "mixed_bfloat16"]:
        """`mixed_bfloat16` where bfloat16 is computed in hardware, else `float32`."""
        return "mixed_bfloat16" if self.has_gpu or self.has_bfloat16 else "float32"

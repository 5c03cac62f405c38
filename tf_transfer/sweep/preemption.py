"""Being asked to stop: by SIGTERM, by Ctrl-C, or by the death of the sweep that started this process."""

from __future__ import annotations

import os
import select
import signal
import threading

GRACE_SECONDS = 6.0  # 10 seconds in all are promised; clouds, Kubernetes and Slurm give 30 seconds' notice
STOPPED = 128 + signal.SIGTERM  # exit status, as a shell reports it
_PARENT_SECONDS = 0.5


def watch(parent: int) -> threading.Event:
    """Watches for requests to stop, which then no longer end the process at once. Call it in the main thread.

    Args:
      parent: Id of the parent process. A sweep that was killed cannot stop its cohorts itself.

    Returns:
      An event that is set once the process is to stop. A process that has not ended `GRACE_SECONDS` later, because a
      single step takes longer, is ended; then the last checkpoint counts.
    """
    requested = threading.Event()
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    # Python runs signal handlers between two of its own instructions, which a long step of TensorFlow delays; the byte
    # is written at once.
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    def wait() -> None:
        while os.getppid() == parent:
            if select.select([readable], [], [], _PARENT_SECONDS)[0]:
                break
        requested.set()
        threading.Event().wait(GRACE_SECONDS)
        os._exit(STOPPED)

    threading.Thread(target=wait, daemon=True).start()
    return requested

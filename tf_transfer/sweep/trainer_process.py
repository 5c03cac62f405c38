"""A process that trains cohorts one after another, so that each need not wait for TensorFlow to be imported.

A sweep sends it the names of a cohort's runs, and with them the open file that is to be its output. (Files can be sent
through Unix sockets.) It answers once the cohort is done; any failure ends it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
from collections.abc import Iterator, Sequence

from tf_transfer.files import child_process
from tf_transfer.training import preemption

_DONE, _MOST_BYTES = b"done", 1 << 20


@dataclasses.dataclass
class TrainerProcess:
    """A process of `python -m tf_transfer.training.train`, as the sweep sees it.

    Attributes:
      process: The process.
      connection: What its orders go through.
    """

    process: subprocess.Popen
    connection: socket.socket

    @classmethod
    def start(cls, workdir: pathlib.Path, threads: int, output) -> TrainerProcess:
        """Starts a process with so many threads that writes to the file `output` what it says at its start."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [*child_process.command("training.train"), str(workdir), str(os.getpid()), str(threads)]
            process = subprocess.Popen(
                [*command, str(theirs.fileno())], env=child_process.environment(), pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        return cls(process, ours)

    def train(self, runs: Sequence[str], output) -> None:
        """Has it train a cohort, given by the names of its runs, with the open file `output` as its output."""
        message = json.dumps(list(runs)).encode() + b"\n"
        with contextlib.suppress(ConnectionError):  # it has ended already, as the sweep will notice
            socket.send_fds(self.connection, [message], [output.fileno()])

    def take_answer(self) -> bool:
        """Whether the cohort that it was given is done, which is told once, or the process has ended."""
        answer = b""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            answer = self.connection.recv(len(_DONE), socket.MSG_DONTWAIT)
        return answer == _DONE or self.process.poll() is not None

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def terminate(self) -> None:
        """Asks it to save and end itself; if it has no work, it ends at once."""
        self.connection.close()
        self.process.terminate()

    def end(self) -> None:
        """Waits until it has ended, which takes no longer than the grace that it has."""
        self.connection.close()
        try:
            self.process.wait(preemption.GRACE_SECONDS + 1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def orders(connection: socket.socket) -> Iterator[tuple[str, ...]]:
    """What the sweep asks for, in the process that trains: yields the names of the runs of one cohort after the other.

    Meanwhile this process's output goes to the file that came with them; when the next is asked for, the sweep hears
    that the cohort is done, and nobody holds that file any more. Ends when the sweep does.
    """
    while True:
        received, files, _, _ = socket.recv_fds(connection, _MOST_BYTES, 1)
        while received and not received.endswith(b"\n"):
            more = connection.recv(_MOST_BYTES)
            received = received + more if more else b""
        if not received:
            return
        _send_output_to(files[0])
        os.close(files[0])
        yield tuple(json.loads(received))
        with open(os.devnull, "wb") as nowhere:
            _send_output_to(nowhere.fileno())
        connection.sendall(_DONE)


def _send_output_to(file: int) -> None:
    for output in (1, 2):
        os.dup2(file, output)

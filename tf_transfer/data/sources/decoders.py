"""Decoding in child processes, so that a file which hangs or crashes the decoder costs that one image.

`python -m tf_transfer.data.sources.decoders` is such a child. It sees the bytes of encoded images alone, and answers
with bytes of pixels or with the reason why there are none.
"""

from __future__ import annotations

import os
import queue
import resource
import select
import signal
import struct
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from typing import IO, BinaryIO

import numpy as np
from PIL import Image

from tf_transfer.data.sources.decoding import Unusable, decode, fit
from tf_transfer.files import child_process

SECONDS = 30.0  # for one image; the largest that are decoded take about 3 s
MEMORY = 4 << 30  # bytes a child may take; 89 million transparent pixels need 1.9 GB
_REQUEST = struct.Struct("<II")  # side of the square, number of bytes of the encoded image
_REPLY = struct.Struct("<III")  # height, width, number of bytes of pixels; or 0, 0, number of bytes of the reason


class Decoders:
    """A pool of decoding processes; a context manager, at whose end they are gone.

    Example:
      with Decoders(2) as decoders:
          pixels = decoders.decode(encoded, side=256)
    """

    def __init__(self, count: int = 0, seconds: float = SECONDS, command: Sequence[str] = ()):
        """Starts no process yet.

        Args:
          count: How many processes; 0 for one per core.
          seconds: Time that one image may take.
          command: What to run instead of this module, for tests.
        """
        self._children = [_Child(seconds, command) for _ in range(count or os.cpu_count() or 1)]
        self._idle: queue.SimpleQueue = queue.SimpleQueue()
        for child in self._children:
            self._idle.put(child)

    def __enter__(self) -> Decoders:
        """Returns itself."""
        return self

    def __exit__(self, *_) -> None:
        """Ends all processes."""
        for child in self._children:
            child.stop()

    def decode(self, image: bytes | Image.Image, side: int = 0) -> np.ndarray:
        """Decodes an image and resizes it to a square; may be called from many threads at once.

        Args:
          image: An image file; or a PIL image, which is only resized.
          side: Side of the square, in pixels; 0 keeps the image's own size.

        Returns:
          uint8 [height, width, 3].

        Raises:
          Unusable: It cannot be decoded, or twice took the decoder too long or made it crash.
        """
        if isinstance(image, Image.Image):
            return fit(image.convert("RGB"), side)
        child = self._idle.get()
        try:
            try:
                return child.ask(image, side)
            except _Lost:  # perhaps the machine was short of memory or time, which is not the image's fault
                return child.ask(image, side)
        except _Lost as lost:
            raise Unusable(str(lost)) from None
        finally:
            self._idle.put(child)


class _Lost(Exception):
    """A child had to be stopped, or stopped itself."""


class _Child:
    def __init__(self, seconds: float, command: Sequence[str]):
        self._command = command or child_process.command("data.sources.decoders")
        self._seconds, self._process = seconds, None

    def ask(self, encoded: bytes, side: int) -> np.ndarray:
        self._process = self._process or self._start()
        deadline = time.monotonic() + self._seconds
        try:
            self._write(_REQUEST.pack(side, len(encoded)), deadline)
            self._write(encoded, deadline)
            height, width, size = _REPLY.unpack(self._read(_REPLY.size, deadline))
            answer = self._read(size, deadline)
        except (OSError, EOFError) as error:
            hangs = isinstance(error, TimeoutError)
            ending = self.stop(patience=0.0 if hangs else 1.0)
            took = f"takes the decoder longer than {self._seconds:g} s"
            raise _Lost(took if hangs else f"makes the decoder crash ({ending})") from None
        if height == 0:
            raise Unusable(answer.decode(errors="replace"))
        return np.frombuffer(answer, np.uint8).reshape(height, width, 3)

    def _start(self) -> subprocess.Popen:
        process = subprocess.Popen(
            self._command, bufsize=0, env=child_process.environment(OPENBLAS_NUM_THREADS="1"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.set_blocking(process.stdin.fileno(), False)  # a write may block for longer than an image may take
        return process

    def _write(self, data: bytes, deadline: float) -> None:
        left = memoryview(data)
        while left:
            self._wait_for(self._process.stdin, select.POLLOUT, deadline)
            left = left[self._process.stdin.write(left) or 0 :]

    def _read(self, count: int, deadline: float) -> bytearray:
        received = bytearray(count)
        left = memoryview(received)
        while left:
            self._wait_for(self._process.stdout, select.POLLIN, deadline)
            size = self._process.stdout.readinto(left)
            if not size:
                raise EOFError
            left = left[size:]
        return received

    def _wait_for(self, pipe: IO[bytes], event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
            raise TimeoutError

    def stop(self, patience: float = 0.0) -> str:
        """Ends the process, if any, after so many seconds, and says how it ended."""
        process, self._process = self._process, None
        if process is None:
            return ""
        with process:  # closes the pipes
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
        status = process.returncode
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answers one request after another, until there are no more."""
    while header := requests.read(_REQUEST.size):
        side, size = _REQUEST.unpack(header)
        try:
            pixels = fit(decode(requests.read(size)), side)
            replies.write(_REPLY.pack(*pixels.shape[:2], pixels.size))
            replies.write(np.ascontiguousarray(pixels).data)
        except Unusable as error:
            reason = str(error).encode(errors="backslashreplace")
            replies.write(_REPLY.pack(0, 0, len(reason)) + reason)
        replies.flush()


def _limit_itself() -> None:
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and then there are no more requests
    warnings.simplefilter("ignore")  # nobody would read them


if __name__ == "__main__":
    _limit_itself()
    serve(sys.stdin.buffer, sys.stdout.buffer)

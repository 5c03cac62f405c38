"""Decoding in child processes, so that a file which hangs or crashes the decoder costs that one image.

`python -m tf_transfer.data.sources.decoder_pool` is such a child. It is given nothing but the bytes of image files, and
replies with pixels or with the reason why there are none.
"""

from __future__ import annotations

import contextlib
import io
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
from typing import IO, BinaryIO, cast

import numpy as np
from PIL import Image

from tf_transfer.data.sources.decoding import RESIZES, Resize, UnusableImageError, decode, resize_to_square
from tf_transfer.files import child_process

SECONDS = 30.0  # for one image; the largest that are decoded take about 3 s
MEMORY = 4 << 30  # bytes that a child may take; 89 million transparent pixels need 1.9 GB
_REQUEST = struct.Struct(
    "<IBI"
)  # side of the square, number of the way of resizing, number of bytes of the encoded image
_REPLY = struct.Struct("<III")  # height, width, number of bytes of pixels; or 0, 0, number of bytes of the reason


class DecoderPool:
    """A pool of decoding processes; a context manager, at whose end they are gone.

    Example:
      with DecoderPool(2) as pool:
          pixels = pool.decode(encoded, side=256)
    """

    def __init__(self, count: int = 0, seconds: float = SECONDS, command: Sequence[str] = ()):
        """Starts no process yet.

        Args:
          count: How many processes; 0 for one per core.
          seconds: Time that one image may take.
          command: What to run instead of this module, for tests.
        """
        self._processes = [_DecoderProcess(seconds, command) for _ in range(count or os.cpu_count() or 1)]
        self._idle: queue.SimpleQueue[_DecoderProcess] = queue.SimpleQueue()
        for process in self._processes:
            self._idle.put(process)

    def __enter__(self) -> DecoderPool:
        """Returns itself."""
        return self

    def __exit__(self, *_) -> None:
        """Ends all processes."""
        for process in self._processes:
            process.stop()

    def decode(self, image: bytes | Image.Image, side: int = 0, how: Resize = "squash") -> np.ndarray:
        """Decodes an image and resizes it to a square; may be called from many threads at once.

        Args:
          image: An image file; or a PIL image, which is only resized.
          side: Side of the square, in pixels; 0 keeps the image's own size.
          how: As in `decoding.resize_to_square`.

        Returns:
          uint8 [height, width, 3].

        Raises:
          UnusableImageError: It cannot be decoded, or the decoder crashed or took too long, twice.
        """
        if isinstance(image, Image.Image):
            return resize_to_square(image.convert("RGB"), side, how)
        process = self._idle.get()
        try:
            try:
                return process.decode(image, side, how)
            except _DecoderFailedError:  # perhaps the machine was short of memory or time: not the image's fault
                return process.decode(image, side, how)
        except _DecoderFailedError as error:
            raise UnusableImageError(str(error)) from None
        finally:
            self._idle.put(process)


class _DecoderFailedError(Exception):
    """The decoder crashed, or took too long and was stopped."""


class _DecoderProcess:
    def __init__(self, seconds: float, command: Sequence[str]):
        self._command = command or child_process.command("data.sources.decoder_pool")
        self._seconds = seconds
        self._process: subprocess.Popen | None = None

    def decode(self, encoded: bytes, side: int, how: Resize) -> np.ndarray:
        if self._process is None:
            self._process = self._start()
        requests, replies = self._process.stdin, self._process.stdout
        assert requests and replies
        deadline = time.monotonic() + self._seconds
        try:
            _write(requests, _REQUEST.pack(side, RESIZES.index(how), len(encoded)), deadline)
            _write(requests, encoded, deadline)
            height, width, size = _REPLY.unpack(_read(replies, _REPLY.size, deadline))
            reply = _read(replies, size, deadline)
        except TimeoutError:
            self.stop()
            raise _DecoderFailedError(f"takes the decoder longer than {self._seconds:g} s") from None
        except (OSError, EOFError):
            ending = self.stop(patience=1.0)
            raise _DecoderFailedError(f"makes the decoder crash ({ending})") from None
        if height == 0:
            raise UnusableImageError(reply.decode(errors="replace"))
        return np.frombuffer(reply, np.uint8).reshape(height, width, 3)

    def _start(self) -> subprocess.Popen:
        process = subprocess.Popen(
            self._command, bufsize=0, env=child_process.environment(OPENBLAS_NUM_THREADS="1"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin
        os.set_blocking(process.stdin.fileno(), False)  # a write may block for longer than an image may take
        return process

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


def _write(pipe: IO[bytes], data: bytes, deadline: float) -> None:
    left = memoryview(data)
    while left:
        _wait_for(pipe, select.POLLOUT, deadline)
        left = left[pipe.write(left) or 0 :]


def _read(pipe: IO[bytes], count: int, deadline: float) -> bytearray:
    received = bytearray(count)
    left = memoryview(received)
    while left:
        _wait_for(pipe, select.POLLIN, deadline)
        size = cast(io.RawIOBase, pipe).readinto(left)
        if not size:
            raise EOFError
        left = left[size:]
    return received


def _wait_for(pipe: IO[bytes], event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
        raise TimeoutError


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answers one request after another, until there are no more."""
    while header := requests.read(_REQUEST.size):
        side, how, size = _REQUEST.unpack(header)
        try:
            pixels = resize_to_square(decode(requests.read(size)), side, RESIZES[how])
            replies.write(_REPLY.pack(*pixels.shape[:2], pixels.size))
            replies.write(np.ascontiguousarray(pixels).data)
        except UnusableImageError as error:
            reason = str(error).encode(errors="backslashreplace")
            replies.write(_REPLY.pack(0, 0, len(reason)) + reason)
        replies.flush()


def _limit_resources() -> None:
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # macOS has no RLIMIT_AS; then memory is not limited
            hard = resource.getrlimit(kind)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and then there are no more requests
    warnings.simplefilter("ignore")  # nobody reads them


if __name__ == "__main__":
    _limit_resources()
    serve(sys.stdin.buffer, sys.stdout.buffer)

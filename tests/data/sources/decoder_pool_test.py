import io
import os
import sys
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.helpers.images import encode_image
from tf_transfer.data.sources import decoder_pool
from tf_transfer.data.sources.decoder_pool import DecoderPool
from tf_transfer.data.sources.decoding import UnusableImageError


def encoded(value, size=(4, 4)):
    return encode_image(Image.new("RGB", size, (value, 0, 0)))


def children():
    return [process for process in psutil.Process().children() if process.status() != psutil.STATUS_ZOMBIE]


def test_images_come_back_square_or_as_they_are():
    with DecoderPool(1) as pool:
        assert pool.decode(encoded(7, (3, 5)), side=2).tolist() == [[[7, 0, 0]] * 2] * 2
        assert pool.decode(encoded(7, (3, 5))).shape == (5, 3, 3)
        assert pool.decode(Image.new("L", (3, 5), 9), side=1).tolist() == [[[9, 9, 9]]]
        large = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)  # more than a pipe holds
        assert np.array_equal(pool.decode(encode_image(Image.fromarray(large), "BMP")), large)


@pytest.mark.parametrize("how, corner", [("squash", 7), ("crop", 7), ("pad", 0)])
def test_images_are_made_square_in_the_way_that_is_asked_for(how, corner):
    with DecoderPool(1) as pool:
        for image in (encoded(7, (2, 8)), Image.new("RGB", (2, 8), (7, 0, 0))):
            assert pool.decode(image, 4, how)[0, [0, 1], 0].tolist() == [corner, 7]


def test_the_reason_comes_back_and_the_process_goes_on():
    with DecoderPool(1) as pool:
        pool.decode(encoded(1))
        before = children()
        torn = encoded(1, (64, 64))[:80]
        for bad, reason in ((b"", "empty file"), (b"text", "not recognised as"), (torn, "cannot be decoded")):
            with pytest.raises(UnusableImageError, match=reason):
                pool.decode(bad)
        assert pool.decode(encoded(2))[0, 0, 0] == 2
        assert children() == before
    assert not set(children()) & set(before)


def playing(tmp_path, code, seconds=decoder_pool.SECONDS):
    """A pool whose processes run some code on the bytes of an image instead of decoding it."""
    script = tmp_path / "child.py"
    script.write_text(
        "import os, signal, sys, time\nfrom tf_transfer.data.sources import decoder_pool, decoding\n"
        f"def decode(data):\n    if data != b'good':\n        {code}\n"
        "    return decoding.Image.new('RGB', (1, 1))\n"
        "decoder_pool.decode = decode\ndecoder_pool.serve(sys.stdin.buffer, sys.stdout.buffer)\n"
    )
    return DecoderPool(1, seconds=seconds, command=(sys.executable, str(script)))


@pytest.mark.parametrize(
    "code, reason",
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", r"^makes the decoder crash \(SIGSEGV\)$"),
        ("os._exit(3)", r"^makes the decoder crash \(exit status 3\)$"),
        ("time.sleep(60)", r"^takes the decoder longer than 2 s$"),
    ],
)
def test_a_decoder_that_crashes_or_hangs_costs_one_image(tmp_path, code, reason):
    with playing(tmp_path, code, seconds=2.0) as pool:  # enough to start it on a busy machine
        assert pool.decode(b"good").shape == (1, 1, 3)
        with pytest.raises(UnusableImageError, match=reason):
            pool.decode(b"bad")
        assert pool.decode(b"good").shape == (1, 1, 3)


def test_what_happens_once_is_not_held_against_the_image(tmp_path):
    flag = tmp_path / "seen"
    code = f"os.path.exists({str(flag)!r}) or (open({str(flag)!r}, 'w').close(), os._exit(1))"
    with playing(tmp_path, code) as pool:
        assert pool.decode(b"bad").shape == (1, 1, 3)


def test_a_process_that_reads_nothing_is_not_waited_for():
    with DecoderPool(1, seconds=0.2, command=("sleep", "60")) as pool:
        start = time.monotonic()
        with pytest.raises(UnusableImageError, match="takes the decoder longer than 0.2 s"):
            pool.decode(bytes(10**6))
        assert time.monotonic() - start < 5


def test_a_module_in_the_current_directory_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text(f"open({str(tmp_path / 'way_in')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    with DecoderPool(1) as pool:
        assert pool.decode(encoded(3))[0, 0, 0] == 3
    assert not (tmp_path / "way_in").exists()


def test_memory_is_bounded():
    code = "from tf_transfer.data.sources import decoder_pool as d; d.MEMORY = 300 << 20; d._limit_resources(); "
    code += "d.serve(d.sys.stdin.buffer, d.sys.stdout.buffer)"
    file = encode_image(Image.new("1", (9000, 9000)))
    with DecoderPool(1, command=(sys.executable, "-c", code)) as pool:
        with pytest.raises(UnusableImageError, match="takes too much memory to decode"):
            pool.decode(file, side=8)
        assert pool.decode(encoded(5))[0, 0, 0] == 5


def test_where_memory_cannot_be_limited_images_are_decoded(tmp_path):
    code = "from tf_transfer.data.sources import decoder_pool as d\nset = d.resource.setrlimit\n"
    code += "def refuse(kind, limits):\n    if kind == d.resource.RLIMIT_AS:\n        raise ValueError('not allowed')\n"
    code += "    set(kind, limits)\nd.resource.setrlimit = refuse\nd._limit_resources()\n"  # as on macOS
    code += "d.serve(d.sys.stdin.buffer, d.sys.stdout.buffer)"
    with DecoderPool(1, command=(sys.executable, "-c", code)) as pool:
        assert pool.decode(encoded(5))[0, 0, 0] == 5


def test_a_process_may_write_no_file(tmp_path):
    code = "from tf_transfer.data.sources import decoder_pool; decoder_pool._limit_resources()\n"
    code += f"open({str(tmp_path / 'x')!r}, 'w').write('x')"
    with DecoderPool(1, command=(sys.executable, "-c", code)) as pool:
        with pytest.raises(UnusableImageError, match="crash"):
            pool.decode(b"x")
    assert (tmp_path / "x").stat().st_size == 0


def test_one_process_a_core_and_none_before_it_is_needed():
    before = len(children())
    with DecoderPool() as pool:
        assert len(pool._processes) == os.cpu_count() and len(children()) == before


def test_serving_ends_with_the_requests():
    replies = io.BytesIO()
    decoder_pool.serve(io.BytesIO(), replies)
    assert replies.getvalue() == b""

import struct

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event

from tf_transfer.tensorboard_log import TensorBoardLog


def read_values(directory):
    """Returns (step, value) of everything in the directory's event files: records of length, check, data, check."""
    found = []
    for file in directory.iterdir():
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            found += [(event.step, value) for value in event.summary.value]
            content = content[12 + length + 4 :]
    return found


def test_scalars(tmp_path):
    log = TensorBoardLog(tmp_path / "log")
    log.scalars({"loss": 2.5, "top1": 0.25}, step=10)
    log.scalars({"loss": 1.5}, step=20)
    log.close()
    written = [(step, value.tag, value.simple_value) for step, value in read_values(tmp_path / "log")]
    assert written == [(10, "loss", 2.5), (10, "top1", 0.25), (20, "loss", 1.5)]


def test_an_image(tmp_path):
    file = tmp_path / "red.png"
    Image.new("RGB", (5, 3), "red").save(file)
    log = TensorBoardLog(tmp_path / "log")
    log.image("figure", file, step=7)
    log.close()
    ((step, value),) = read_values(tmp_path / "log")
    assert (step, value.tag, value.image.width, value.image.height) == (7, "figure", 5, 3)
    assert value.image.encoded_image_string == file.read_bytes()


def test_hyper_parameters(tmp_path):
    log = TensorBoardLog(tmp_path / "log")
    log.hparams({"treatment": "A3B", "n": 3}, name="A3B_random-0_seed-0")
    log.close()
    assert {value.metadata.plugin_data.plugin_name for _, value in read_values(tmp_path / "log")} == {"hparams"}


def test_a_log_begun_again_forgets_the_interrupted_one(tmp_path):
    interrupted = tmp_path / "events.out.tfevents.1700000000.host.1"
    interrupted.write_bytes(b"half a rec")
    log = TensorBoardLog(tmp_path)
    log.scalars({"loss": 2.0}, step=1)
    log.close()
    assert not interrupted.exists()
    assert [value.simple_value for _, value in read_values(tmp_path)] == [2.0]

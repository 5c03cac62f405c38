import pytest

from tf_transfer.data.sources import open_source


@pytest.mark.parametrize("spec", ["", "folder:", "tfds:", "shape", "pictures", "http://pictures"])
def test_unknown_sources(spec):
    with pytest.raises(ValueError, match=f"unknown source '{spec}': expected tfds:NAME.*, folder:DIR or shapes"):
        open_source(spec)


def test_a_folder(image_folder):
    source = open_source(f"folder:{image_folder}")
    assert source.name == "folder:pictures"
    assert source.counts == {"train": 72, "test": 24}

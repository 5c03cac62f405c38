import pytest

from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store


@pytest.fixture(scope="session")
def jpeg_store(image_folder, tmp_path_factory):
    """Path of a JPEG image store of the same pictures as `store`. Not to be changed."""
    path = tmp_path_factory.mktemp("jpeg") / "pictures"
    prepare_store(open_source(f"folder:{image_folder}"), str(path), image_format="jpeg")
    return path

import pathlib

import pytest

from tf_transfer.files.paths import local_path


@pytest.mark.parametrize(
    "written, path",
    [("~/a b", "/home/ann/a b"), ("~", "/home/ann"), ("a/~", "a/~"), ("./~/a", "./~/a"), ("~$x", "~$x"), ("/é", "/é")],
)
def test_home_is_expanded_at_the_beginning_alone(monkeypatch, written, path):
    monkeypatch.setenv("HOME", "/home/ann")
    assert local_path(written) == pathlib.Path(path)


@pytest.mark.parametrize(
    "written, message",
    [
        ("gs://bucket/x", "no path of this machine"),
        ("https://a.org/x.zip", "no path of this machine"),
        ("C:\\My pictures\\x", "'/mnt/c/My pictures/x'"),
        ("d:/x", "'/mnt/d/x'"),
        ("~nobody.here/x", "no such user"),
    ],
)
def test_what_is_no_path_of_this_machine(written, message):
    with pytest.raises(ValueError, match=message):
        local_path(written)

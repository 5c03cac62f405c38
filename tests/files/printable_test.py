import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.files.printable import printable


@pytest.mark.parametrize(
    "text, written",
    [
        ("Katze 猫 – ć", "Katze 猫 – ć"),
        ("\x1b[2J\x07\r\n\t\x7f", r"\x1b[2J\x07\x0d\x0a\x09\x7f"),
        ("caf\udce9", r"caf\xe9"),  # a Latin-1 name as Python reads it
        ("\x9b1m\u202egpj.exe\u2028", r"\u009b1m\u202egpj.exe\u2028"),
        ("\U000e0001", r"\U000e0001"),
        (r"a\b", r"a\b"),
    ],
)
def test_what_is_escaped(text, written):
    assert printable(text) == written


@given(st.text())
def test_nothing_unprintable_is_left_and_nothing_is_escaped_twice(text):
    written = printable(text)
    assert written.isprintable() and printable(written) == written
    written.encode()


@given(st.binary(max_size=8))
def test_any_file_name(name):
    assert printable(name.decode("utf-8", "surrogateescape")).isprintable()

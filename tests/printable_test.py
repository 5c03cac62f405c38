import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.printable import printable


@pytest.mark.parametrize(
    "text, written",
    [
        ("Katze 猫 – ć", "Katze 猫 – ć"),
        ("\x1b[2J\x07\r\n\t\x7f", r"\x1b[2J\x07\x0d\x0a\x09\x7f"),
        ("caf\udce9", r"caf\xe9"),  # a Latin-1 name as Python reads it
        ("\x9b1m\u202egpj.exe\u2028", r"\u009b1m\u202egpj.exe\u2028"),
        ("\U000e0001", r"\U000e0001"),
        (r"a\x1b", r"a\\x1b"),
    ],
)
def test_what_is_escaped(text, written):
    assert printable(text) == written


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_nothing_unprintable_is_left_and_different_texts_stay_different(texts):
    first, second = map(printable, texts)
    assert first != second and (first + second).isprintable()
    (first + second).encode()


@given(st.binary(max_size=8))
def test_any_file_name(name):
    assert printable(name.decode("utf-8", "surrogateescape")).isprintable()

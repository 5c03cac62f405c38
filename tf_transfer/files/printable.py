"""Text from elsewhere (names of files and classes, errors of decoders) made safe to print on one line."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Escapes everything that a terminal might interpret; to do so twice changes nothing more.

    Control characters, line ends, marks that reverse the direction of writing and bytes that are not UTF-8 become
    `\x1b`, `\u202e`, `\xff`; letters of all scripts stay as they are.

    Example:
      >>> printable("caf\u00e9\x1b[2J")
      'caf\u00e9\\x1b[2J'
    """
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

"""Text out of the bytes of files that others wrote."""

from __future__ import annotations

import codecs
import re

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Encodings by the byte order mark that a file begins with."""

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]"
)
"""All but tab and line feed, and what turns the direction of writing."""


def visible(text: str) -> str:
    """A text in which control characters are written out, so that they do nothing."""
    return _CONTROLS.sub(lambda sign: repr(sign[0])[1:-1], text)


def decoded(content: bytes) -> str:
    """The text: UTF-8, or what its byte order mark says (UTF-8, UTF-16, UTF-32).

    Raises:
        UnicodeError: It is in another encoding, or no text; the message says which byte tells.
    """
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnicodeError(f"it is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise UnicodeError("it is not UTF-8 (zero bytes, as UTF-16 without its mark has)")
    return text

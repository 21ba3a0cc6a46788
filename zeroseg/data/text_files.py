"""The door for text that others wrote: lists of pictures, annotation files."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from zeroseg.errors import ImageError

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Encodings by the byte order mark that a file begins with."""


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, or what its byte order mark says (UTF-8, UTF-16, UTF-32).

    Raises:
        ImageError: There is no such file, or it is in another encoding.
    """
    if not path.is_file():
        raise ImageError(f"'{path}' cannot be read: there is no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImageError(f"'{path}' cannot be read: {error.strerror}") from error
    marked = (encoding for mark, encoding in _MARKS.items() if content.startswith(mark))
    try:
        text = content.decode(next(marked, "utf-8"))
    except UnicodeDecodeError as error:
        raise _not_utf8(path, f"byte {error.start}") from error
    if "\0" in text:
        raise _not_utf8(path, "zero bytes, as UTF-16 without its mark has")
    return text


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ImageError: There is no such file, or it is no JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"'{path}' cannot be read as JSON: {error}") from error


def _not_utf8(path: Path, what: str) -> ImageError:
    return ImageError(f"'{path}' cannot be read: it is not UTF-8 ({what}); save it as UTF-8")

"""The door for text that others wrote: lists of pictures, annotation files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zeroseg.decoding import decoded
from zeroseg.errors import ImageError
from zeroseg.regular_file import open_regular


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, or what its byte order mark says (UTF-8, UTF-16, UTF-32).

    Raises:
        ImageError: There is no such file, or it is in another encoding.
    """
    try:
        with open_regular(path) as file:
            return decoded(file.read())
    except OSError as error:
        raise ImageError(f"'{path}' cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise ImageError(f"'{path}' cannot be read: {error}") from error


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

"""The single values of a vocabulary, as YAML, JSON and Python hold them."""

from __future__ import annotations

import io
import re
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real

from zeroseg.errors import VocabularyError

Color = tuple[int, int, int]
"""Red, green and blue in 0..255."""

LONGEST_NAME = 200
"""Characters; what is longer is a text and no name."""

LARGEST_ID = 65535
"""What a pixel of a 16-bit mask file can hold."""

_UNSEEN = dict.fromkeys(map(ord, "\ufeff\u200b\u2060"))
"""A byte order mark and spaces without width, which editors and web pages leave behind."""

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother = 2, 80, 80


def shown(value: object) -> str:
    """A value as a message shows it: whatever it is, one short line."""
    return _short.repr(value)


def read_name(value: object, where: str) -> str:
    """A name or a few words, without what cannot be seen.

    Raises:
        VocabularyError: It is not text, is empty or too long, holds a control character, or no
            letter, digit or symbol.
    """
    if not isinstance(value, str):
        word = "" if isinstance(value, Iterable) else '; in YAML, a word within quotes is one: "no"'
        raise VocabularyError(f"{where} is {shown(value)}, which is not text{word}")
    text = value.translate(_UNSEEN).strip()
    categories = {unicodedata.category(character) for character in text}
    if categories & {"Cc", "Cs", "Zl", "Zp"}:
        raise VocabularyError(f"{where}, {shown(value)}, holds a line end or control character")
    if len(text) > LONGEST_NAME:
        raise VocabularyError(
            f"{where}, {shown(value)}, has {len(text)} characters; at most {LONGEST_NAME}"
        )
    if not any(category[0] in "LN" or category == "So" for category in categories):
        raise VocabularyError(f"{where} is empty: {shown(value)} has no letter or digit")
    return " ".join(text.split())


def is_whole(value: object) -> bool:
    """Whether this is a whole number, also written as text; true and false are none."""
    if isinstance(value, str):
        return _WHOLE.fullmatch(value.strip()) is not None
    return isinstance(value, Integral) and not isinstance(value, bool)


def read_whole(value: object, where: str) -> int:
    """A whole number in 0..65535, also one written as text.

    Raises:
        VocabularyError: It is something else.
    """
    number = int(value) if is_whole(value) else -1  # type: ignore[call-overload]
    if not 0 <= number <= LARGEST_ID:
        raise VocabularyError(
            f"{where}: {shown(value)} is not a whole number in 0..{LARGEST_ID} (as a 16-bit mask "
            f"file holds), written without leading zeros"
        )
    return int(number)


def check_count(count: int) -> None:
    """Refuse more classes than there are numbers for.

    Raises:
        VocabularyError: There are more.
    """
    if count > LARGEST_ID:
        raise VocabularyError(
            f"{count} classes do not fit a 16-bit mask file, which holds {LARGEST_ID} and the "
            f"ignore value; split them into several vocabularies"
        )


def read_list(value: object, where: str) -> list[object]:
    """The items of a list, tuple, array or generator, in order.

    Raises:
        VocabularyError: It is no list, or a set, which has no order.
    """
    if isinstance(value, set | frozenset):
        raise VocabularyError(f"{where}: a set has no order, and order matters; give a list")
    if hasattr(value, "tolist"):  # numpy, torch and pandas, down to Python's own numbers
        value = value.tolist()
    unlike = str | bytes | bytearray | Mapping | io.IOBase
    if isinstance(value, unlike) or not isinstance(value, Iterable):
        raise VocabularyError(f"{where}: {shown(value)} is not a list")
    return list(value)


def read_ids(value: object) -> tuple[int, ...]:
    """Ids, from a list or from text such as "0, 1, 2".

    Raises:
        VocabularyError: One is not in 0..65535.
    """
    items = value.replace(",", " ").split() if isinstance(value, str) else read_list(value, "ids")
    return tuple(read_whole(item, f"ids: number {n}") for n, item in enumerate(items, 1))


def read_colors(value: object) -> tuple[Color, ...]:
    """Colours, each three numbers, a name or "#ff8800".

    Numbers are in 0..255; fractions of which none is above 1, as matplotlib writes them, are of 1.

    Raises:
        VocabularyError: One is no colour.
    """
    rows = [_color(color) for color in read_list(value, "colors")]
    numbers = [channel for row in rows for channel in row]
    fractions = any(isinstance(n, float) for n in numbers) and max(numbers) <= 1
    if not fractions and any(0 < n < 1 for n in numbers):
        raise VocabularyError("colors: some are in 0..1, others in 0..255; write all in one way")
    scale = 255 if fractions else 1
    return tuple((round(scale * r), round(scale * g), round(scale * b)) for r, g, b in rows)


def _color(value: object) -> tuple[float, float, float]:
    try:
        red, green, blue = _channels(value)
        if not all(0 <= channel <= 255 for channel in (red, green, blue)):
            raise ValueError(value)
    except (ValueError, VocabularyError):
        raise VocabularyError(
            f"colors: {shown(value)} is not a colour; write red, green, blue in 0..255 or in 0..1, "
            f'a name, or "#ff8800" (in YAML within quotes, since # begins a comment)'
        ) from None
    return red, green, blue


def _channels(value: object) -> Sequence[float]:
    if isinstance(value, str):
        if re.search("[a-zA-Z#]", value):
            from PIL import ImageColor

            return ImageColor.getrgb(value.strip())
        value = value.strip(" []()").replace(",", " ").split()
    return [_channel(item) for item in read_list(value, "colors")]


def _channel(item: object) -> float:
    """A number that stays a whole one where it is; what is not finite is in no range."""
    if is_whole(item):
        return int(item)  # type: ignore[call-overload]
    if isinstance(item, bool) or not isinstance(item, Real | str):
        raise ValueError(item)
    return float(item)

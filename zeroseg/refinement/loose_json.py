"""JSON as language models write it: somewhere in a text, and not always JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|#[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\""
    r"|'(?P<single>(?:[^'\\\n]|\\.|'(?!\s{0,9}(?:[,:\]}]|\Z)))*)'"
    r"|\u201c(?P<curly>[^\u201d\n]*)\u201d"
    r"|(?P<mark>[\[\]{},:])"
    r"|(?P<bare>[^\s\[\]{},:\"][^\[\]{},:\"\n]*)",
    re.DOTALL,
)
_LITERALS = {"true": True, "false": False, "null": None, "none": None, "undefined": None}
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_NUMBERS_ALONE = re.compile(r"\[[^\w\]]{0,99}\d[\W\d]*")
_WORD = re.compile(r"\w")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CLOSING = {"[": "]", "{": "}"}
_DEEPEST = 50
"""Brackets within each other that are followed."""
_EFFORT = 200_000
"""Characters that are looked at in vain before brackets are no longer followed."""


@dataclass(frozen=True)
class Found:
    """An array or an object in a text.

    Attributes:
        content: As `json.loads` gives it; values under a key that is there twice are one list.
        start: Where it begins in the text.
        end: Where it ends.
        whole: Whether all that was opened was closed by its own bracket; else it holds what was
            complete when the text broke off.
    """

    content: Any
    start: int
    end: int
    whole: bool = True


@dataclass
class _Open:
    """A container that is not closed yet."""

    bracket: str
    parts: list[Any] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    pairs: list[tuple[str, Any]] = field(default_factory=list)

    def add(self, value: Any) -> None:
        if self.keys:
            self.pairs.append((self.keys.pop(), value))
        else:
            self.parts.append(value)

    def colon(self) -> None:
        if self.parts:
            self.keys = [str(self.parts.pop())]

    def content(self) -> Any:
        """An object, or a list: `{"dog", "cat"}` is a set in Python."""
        is_object = self.pairs or self.keys or (self.bracket == "{" and not self.parts)
        return merged(self.pairs) if is_object else self.parts


def merged(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of these pairs; a key that is there twice has a list of its values."""
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            before = content[key] if isinstance(content[key], list) else [content[key]]
            value = before + (value if isinstance(value, list) else [value])
        content[key] = value
    return content


def values_in(text: str) -> Iterator[Found]:
    """Every outermost array and object in a text, in turn.

    Besides JSON, what people and models make of it: single and curly quotes, comments, commas too
    many or too few, bare keys, the literals of Python, sets, and an end that is missing. Words in
    brackets without any quotation marks are not taken for JSON, nor are numbers alone: "[1]".
    """
    decoder = json.JSONDecoder(object_pairs_hook=merged, strict=False)
    past = effort = 0
    for opening in re.finditer(r"[\[{]", text):
        start = opening.start()
        if start < past or effort > _EFFORT:
            continue
        try:
            content, past = decoder.raw_decode(text, start)
            found = Found(content, start, past)
        except (ValueError, RecursionError):
            loose, end = _loose(text, start)
            if loose is None:
                effort += end - start
                continue
            found, past = loose, end
        if not (_NUMBERS_ALONE.fullmatch(text, start, past) or _is_box(found, text)):
            yield found


def _is_box(found: Found, text: str) -> bool:
    """Whether it is the box of a checklist, "- [ ] dog", and not a list of nothing."""
    if found.content != []:
        return False
    before = text[: found.start].rpartition("\n")[2]
    behind = text[found.end :].partition("\n")[0]
    return not _WORD.search(before) and _WORD.search(behind) is not None


def _loose(text: str, start: int) -> tuple[Found | None, int]:
    """What begins at a bracket, if anything, and how far the text was looked at for it."""
    opened: list[_Open] = []
    quoted, whole = False, True
    end = start
    while len(opened) < _DEEPEST and (token := _TOKEN.match(text, end)):
        end = token.end()
        kind, word = token.lastgroup, token[0]
        if word in ("[", "{"):
            opened.append(_Open(word))
        elif word in ("]", "}"):
            closed = opened.pop()
            whole = whole and _CLOSING[closed.bracket] == word
            content = closed.content()
            if not opened:
                return (Found(content, start, end, whole) if quoted else None), end
            opened[-1].add(content)
        elif word == ":":
            opened[-1].colon()
        elif kind == "bare":
            opened[-1].add(_literal(word.strip()))
        elif kind in ("double", "single", "curly"):
            quoted = True
            opened[-1].add(_ESCAPED.sub(r"\1", token[kind]))
    broken_off = _broken_off(text, start, opened) if quoted else None
    return broken_off, len(text)


def _broken_off(text: str, start: int, opened: list[_Open]) -> Found | None:
    """What an array or object holds that is never closed; in the midst of a sentence, nothing."""
    before = text[:start].rstrip(" ")
    if before and before[-1] not in "\n:`":
        return None
    while len(opened) > 1:
        inner = opened.pop().content()
        opened[-1].add(inner)
    return Found(opened[0].content(), start, len(text), whole=False)


def _literal(word: str) -> Any:
    if word.lower() in _LITERALS:
        return _LITERALS[word.lower()]
    return float(word) if _NUMBER.fullmatch(word) else word

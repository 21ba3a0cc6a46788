"""Reading the answers of language models: lenient on form, strict on vocabulary.

An answer is text from outside. What is read out of it is nothing but classes of the vocabulary,
each named by its name, prompt or one of its aliases, in any case, plural or hyphenation. It may be
JSON (bare, fenced, or with words around it, even cut off) or a list with commas, new lines, bullets
or numbers. Sentences are not searched for class names: "There is no dog, but a cat" names neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.words import words_of
from zeroseg.values import UNRESOLVED

_NONE = frozenset({"none", "nothing", "empty", "no class", "no classes", "no label", "no labels"})
_NEGATIONS = frozenset(
    "no not none never without absent missing excluded excluding except unlikely neither nor "
    "isn't aren't don't doesn't can't cannot wasn't unclear dropped rejected irrelevant "
    "false".split()
)
_SENTENCE = frozenset(
    "i you we he she it they there this that these those is are was were be been am has have had "
    "do does did can could may might will would should but because since so if here which who "
    "contains contain shows show see sees include includes depicts based".split()
)
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*\n?")
_QUOTED = re.compile(r"(?:\"((?:[^\"\\\n]|\\.)*)\"|'([^'\n]*)')(\s*:)?")
_COMMA = re.compile("[,;|\u3001\uff0c\uff1b]")
_MARKER = re.compile(r"^\s*[-*•·\u2013]\s+|(?:^|(?<=\s))\[?\d{1,3}[.)\]]\s+", re.MULTILINE)
_NUMBERED = re.compile(r"^\W*(\d{1,4})\s*[.):=\-]+>?\s*(.*)$")
_ARROW = re.compile(r"\s*(?:->|=>|→|:|=)\s*|\s+[-\u2013\u2014]\s+")
_NOTE = re.compile(r"\s*\(([^()]*)\)")
_LONGEST = 20_000
"""Characters of an answer that are read; one class for each of many phrases takes fewer."""
_ATTEMPTS = 50
"""Brackets that may turn out to open no JSON before it is no longer looked for."""
_TRIM = " \t\r\n\"'`*_.,;:!?[]{}<>\u201c\u201d\u2018\u2019"


@dataclass(frozen=True)
class Parsed:
    """What was read out of an answer that lists classes.

    Attributes:
        labels: Class indices, rising, never the background.
        dropped: Parts of the answer that name no class, as they stood.
        empty: Whether the answer says that no class is present.
    """

    labels: tuple[int, ...]
    dropped: tuple[str, ...] = ()
    empty: bool = False

    @property
    def understood(self) -> bool:
        """Whether the answer needs no second asking."""
        return bool(self.labels) or self.empty


@dataclass(frozen=True)
class Answers:
    """What was read out of an answer that gives a class to each of several phrases.

    Attributes:
        labels: For the position of each phrase that was answered, a class index or -1 for none.
        dropped: Answers that name no class, as they stood.
    """

    labels: dict[int, int]
    dropped: tuple[str, ...] = ()


def parse_labels(text: str, names: ClassNames) -> Parsed:
    """Read a list of classes.

    Args:
        text: The answer as it came.
        names: The classes that may be named. The background is never selected: naming it is
            neither a class nor an error.
    """
    text = _plain(text)
    content = _json_in(text)
    items, dropped = _listed(text, names) if content is None else (list(_strings(content)), [])
    labels: set[int] = set()
    empty = content is not None and not items and _lists_nothing(content)
    for item in items:
        found = _classes_in(item, names)
        labels.update(found)
        if not found and " ".join(words_of(item)) in _NONE:
            empty = True
        elif not found:
            dropped.append(item.strip())
    background = names.vocabulary.background
    empty = empty or background in labels
    return Parsed(tuple(sorted(labels - {background})), tuple(filter(None, dropped)), empty)


def parse_answers(text: str, phrases: Sequence[str], names: ClassNames) -> Answers:
    """Read one class for each phrase.

    Understood are JSON (`{"answers": [{"number": 1, "label": "dog"}]}`, a mapping from numbers or
    phrases to classes, or a list as long as the phrases), lines with a number or the phrase and a
    class ("1. dog", "puppy -> dog"), and as many bare lines as there are phrases. An answer to a
    phrase that names no class is an answer: none. A bare line that names no class is not.

    Args:
        text: The answer as it came.
        phrases: What was asked, in that order; numbers in the answer count from 1.
        names: The classes that may be named, the background among them.
    """
    text = _plain(text)
    place = {" ".join(words_of(phrase)): index for index, phrase in enumerate(phrases)}
    content = _json_in(text)
    read = content is not None
    pairs = _json_pairs(content) if read else _line_pairs(text, place, names)
    in_step = len(pairs) == len(phrases) and all(key is None for key, _ in pairs)
    labels: dict[int, int] = {}
    dropped: list[str] = []
    for turn, (key, value) in enumerate(pairs):
        position = turn if in_step else _position(key, place, len(phrases))
        found = names.find(_NOTE.sub("", value).strip(_TRIM))
        stray = found is None and " ".join(words_of(value)) not in _NONE
        if stray or position is None:
            dropped.append(value.strip())
        if position is not None and not (stray and in_step):
            labels.setdefault(position, UNRESOLVED if found is None else found)
    return Answers(labels, tuple(dropped))


def _plain(text: str) -> str:
    text = re.sub(r"[^\S\n]+", " ", text[:_LONGEST])
    return _FENCE.sub("\n", _THOUGHT.sub("\n", text)).strip()


def _json_in(text: str) -> Any:
    """The first JSON array or object in a text; of a broken one, what is whole within it."""
    whole = list(_decoded(text))
    broken = text[:1] in ("[", "{") and (not whole or whole[0][0] > 0)
    if not broken:
        return whole[0][1] if whole else None
    strings = [a or b for a, b, colon in _QUOTED.findall(text) if not colon]
    return [content for _, content in whole] or strings or None


def _decoded(text: str) -> Iterator[tuple[int, Any]]:
    """Every outermost JSON array or object that says something, with the place where it starts."""
    decoder = json.JSONDecoder()
    past = failures = 0
    for start in (i for i, character in enumerate(text) if character in "[{"):
        if start < past or failures == _ATTEMPTS:
            continue
        try:
            content, past = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            failures += 1
            continue
        if isinstance(content, dict) or not content or any(_strings(content)):
            yield start, content


def _strings(content: Any) -> Iterator[str]:
    """The strings of JSON: of a list all, of an object those of its first list or of all values.

    Of `{"dog": true, "cat": false}` those that are true; nothing under a key such as "absent".
    """
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for item in content:
            yield from _strings(item)
    elif _is_checklist(content):
        yield from (key for key, present in content.items() if present)
    elif isinstance(content, dict):
        values = [value for key, value in content.items() if not _denies(key)]
        lists = [value for value in values if isinstance(value, list)]
        yield from _strings(content.get("labels", lists[0] if lists else values))


def _lists_nothing(content: Any) -> bool:
    """Whether JSON is empty or an object with an empty value; a mere number is no answer."""
    values = content.values() if isinstance(content, dict) else ()
    return not content or any(value in ([], "", None, False) for value in values)


def _is_checklist(content: Any) -> bool:
    """Whether JSON says of each of several names if it is true."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(value, bool) for value in content.values())
    )


def _listed(text: str, names: ClassNames) -> tuple[list[str], list[str]]:
    """The items of a list in plain text, and the lines that list nothing or what is absent."""
    items: list[str] = []
    dropped: list[str] = []
    rejecting = False
    for line in _lines(text):
        head, colon, rest = line.partition(":")
        if colon and names.find(head.strip(_TRIM)) is None:
            rejecting = _denies(head)
        else:
            rest = line
        parts = [part for part in _COMMA.split(rest) if part.strip(_TRIM)]
        if rejecting or any(_is_prose(part, names) for part in parts):
            dropped.append(line)
        else:
            items += parts
    return items, dropped


def _lines(text: str) -> Iterator[str]:
    for line in _MARKER.sub("\n", text).split("\n"):
        yield from (part for part in re.split(r"(?<=[.!?])\s+", line) if part.strip(_TRIM))


def _is_prose(item: str, names: ClassNames) -> bool:
    words = words_of(_NOTE.sub("", item))
    if names.find_words(words) is not None or " ".join(words) in _NONE:
        return False
    named = names.find(_ARROW.split(item)[0].strip(_TRIM)) is not None
    return not named and (_denies(item) or not _SENTENCE.isdisjoint(words) or len(words) > 6)


def _denies(text: str) -> bool:
    return not _NEGATIONS.isdisjoint(words_of(text))


def _classes_in(item: str, names: ClassNames) -> list[int]:
    """The classes an item names: one, or several joined by "and" or commas, or none."""
    notes = _NOTE.findall(item)
    bare = _NOTE.sub("", item).strip(_TRIM)
    if names.find(bare) is None:
        parts = _ARROW.split(bare)
        known = [part for part in parts if names.find(part.strip(_TRIM)) is not None]
        bare = known[0] if known else parts[0]
        notes += [part for part in parts if part != bare]
    if any(_denies(note) for note in notes):
        return []
    whole = names.find(bare.strip(_TRIM))
    if whole is not None:
        return [whole]
    parts = [part.strip(_TRIM) for part in re.split(r",|&|/|\band\b|\bor\b", bare)]
    found = [names.find(part) for part in parts if part]
    return [index for index in found if index is not None] if None not in found else []


def _json_pairs(content: Any) -> list[tuple[str | None, str]]:
    """Number or phrase (None where there is neither) and answer."""
    if isinstance(content, list):
        return [pair for item in content for pair in _json_pairs(item)]
    if not isinstance(content, dict):
        return [(None, str(content))]
    label = content.get("label", content.get("class"))
    if label is not None:
        key = content.get("number", content.get("phrase"))
        return [(None if key is None else str(key), str(label))]
    if len(content) == 1 and isinstance(next(iter(content.values())), list | dict):
        return _json_pairs(next(iter(content.values())))
    return [(str(key), str(value)) for key, value in content.items()]


def _line_pairs(
    text: str, place: dict[str, int], names: ClassNames
) -> list[tuple[str | None, str]]:
    """The same from lines such as "1. dog", "puppy -> dog" or "dog"."""
    pairs: list[tuple[str | None, str]] = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        numbered = _NUMBERED.match(line)
        parts = _ARROW.split(numbered.group(2) if numbered else line.lstrip("-*• "))
        key = numbered.group(1) if numbered else (parts[0] if len(parts) > 1 else None)
        answers = [part for part in parts if " ".join(words_of(part)) not in place] or parts
        known = [part for part in answers if names.find(part.strip(_TRIM)) is not None]
        pairs.append((key, (known or answers)[0]))
    return pairs


def _position(key: str | None, place: dict[str, int], count: int) -> int | None:
    text = (key or "").strip(_TRIM)
    if text.isdecimal():
        number = int(text)
        return number - 1 if 1 <= number <= count else None
    return place.get(" ".join(words_of(text)))

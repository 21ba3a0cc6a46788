"""Reading the answers of language models: lenient on form, strict on vocabulary.

An answer is text from outside. What is read out of it is nothing but classes of the vocabulary,
each named by its name, prompt or one of its aliases, in any case, plural or hyphenation. Thoughts
and drafts are taken off first (see `zeroseg.chat.final_answer`). What is left may be JSON (bare,
fenced, with words around it, not quite JSON or cut off), a table, a checklist, or a list with
commas, new lines, bullets or numbers. Sentences are not searched for class names: "There is no dog,
but a cat" names neither, and neither does a refusal. Of several JSON answers the last whole one
counts, since a model that answers twice corrects itself; those with nothing but commas and new
lines between them are one list.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from zeroseg.chat.final_answer import final_answer
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.json_answers import Pair, named, pairs, says_none
from zeroseg.refinement.loose_json import Found, values_in
from zeroseg.refinement.plain_lists import NONE, TRIM, classes_in, line_pairs, listed
from zeroseg.refinement.refusals import is_refusal
from zeroseg.refinement.words import words_of
from zeroseg.values import UNRESOLVED

_REJECTED = frozenset("excluded excluding rejected dropped removed absent".split())
_BETWEEN = re.compile(r"(?:[\s,;`*.)\]\d\u2022-]|and\b|json\b)*")
_NOTE = re.compile(r" ?\(([^()]*)\)")
_LINE_END = re.compile("\r\n?|[\v\f\u0085\u2028\u2029]")
_ENTITY = re.compile(r"&(?:#\d{1,6}|[a-z]{2,8});")
_KEYCAP = re.compile("(\\d)\ufe0f?\u20e3")
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))
_ELEMENTS = r"(?:\s[^<>]{0,100})?/?>"
_BLOCK = re.compile(
    r"</?(?:ul|ol|li|p|br|div|pre|h\d|tr|label|class|item|object|name|list|tag)(?:s|es)?"
    + _ELEMENTS,
    re.IGNORECASE,
)
_INLINE = re.compile(r"</?(?:b|i|em|strong|span|code|u|font|table|tbody|thead)" + _ELEMENTS, re.I)
_CELL = re.compile(r"</?t[dh]" + _ELEMENTS, re.IGNORECASE)
_LONGEST = 20_000
"""Characters of an answer that are read; one class for each of many phrases takes fewer."""


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
        strays: Positions of phrases whose answer neither names a class nor says "none".
    """

    labels: dict[int, int]
    dropped: tuple[str, ...] = ()
    strays: frozenset[int] = frozenset()


def parse_labels(text: str, names: ClassNames) -> Parsed:
    """Read a list of classes.

    Args:
        text: The answer as it came.
        names: The classes that may be named. The background is never selected: naming it is
            neither a class nor an error.
    """
    text = _plain(text)
    if is_refusal(text):
        return Parsed((), (text,))
    values = list(values_in(text))
    decided = _decided(values, text, names)
    items, dropped = _strings(decided, names) if decided else listed(text, names)
    labels: set[int] = set()
    empty = bool(decided) and not items and all(_says_none(found, names) for found in decided)
    for item in items:
        found = classes_in(item, names)
        labels.update(found)
        if not found and " ".join(words_of(item)) in NONE:
            empty = True
        elif not found:
            dropped.append(item.strip())
    background = names.vocabulary.background
    empty = empty or background in labels
    return Parsed(tuple(sorted(labels - {background})), tuple(filter(None, dropped)), empty)


def parse_answers(text: str, phrases: Sequence[str], names: ClassNames) -> Answers:
    """Read one class for each phrase.

    Understood are JSON (`{"answers": [{"number": 1, "label": "dog"}]}`, a mapping from numbers or
    phrases to classes, or a whole list as long as the phrases), lines with a number or the phrase
    and a class ("1. dog", "puppy -> dog"), and as many bare lines as there are phrases. An answer
    to a phrase that names no class is an answer: none. A bare line that names no class is not.
    Where a later JSON value answers a phrase again, its answer counts.

    Args:
        text: The answer as it came.
        phrases: What was asked, in that order; numbers in the answer count from 1.
        names: The classes that may be named, the background among them.
    """
    text = _plain(text)
    if is_refusal(text):
        return Answers({}, (text,))
    place = {" ".join(words_of(phrase)): index for index, phrase in enumerate(phrases)}
    groups, in_step = _groups(text, place, len(phrases), names)
    labels: dict[int, int] = {}
    dropped: list[str] = []
    strays: set[int] = set()
    for group in _from_one(groups, len(phrases)):
        for turn, (key, value) in enumerate(group):
            position = turn if in_step else _position(key, place, len(phrases))
            found = names.find(_NOTE.sub("", value).strip(TRIM))
            stray = found is None and " ".join(words_of(value)) not in NONE
            if stray or position is None:
                dropped.append(value.strip())
            if position is None or position in labels or (stray and in_step):
                continue
            labels[position] = UNRESOLVED if found is None else found
            strays.update([position] if stray else [])
    return Answers(labels, tuple(dropped), frozenset(strays))


def _plain(text: str) -> str:
    """The answer alone, with one kind of line end, space and hyphen, and without HTML."""
    text = _unquoted(final_answer(text)[:_LONGEST])
    text = html.unescape(text) if _ENTITY.search(text) else text
    text = unicodedata.normalize("NFKC", _KEYCAP.sub(r"\1. ", text))
    text = _UNSEEN.sub("", _LINE_END.sub("\n", text)).translate(_DASHES)
    if "</" in text:
        text = _CELL.sub("|", _INLINE.sub("", _BLOCK.sub("\n", text)))
    return re.sub(r"[^\S\n]+", " ", text).strip()


def _unquoted(text: str) -> str:
    """The text that a JSON string holds, for a model that wraps its JSON in one."""
    if not (text.startswith('"{') or text.startswith('"[')):
        return text
    try:
        inner = json.loads(text, strict=False)
    except ValueError:
        return text
    return inner if isinstance(inner, str) else text


def _decided(values: Sequence[Found], text: str, names: ClassNames) -> Sequence[Found]:
    """What JSON in a text counts: the last that answers, with those it makes one list with."""
    if not values:
        return ()
    telling = [place for place in range(len(values)) if _answers(values[place], names)]
    kept = [place for place in telling if not _is_rejected(values, place, text)] or telling
    last = ([place for place in kept if values[place].whole] or kept or [len(values) - 1])[-1]
    first = last
    while first and _is_one_list(values[first - 1], values[first], text):
        first -= 1
    return values[first : last + 1]


def _answers(found: Found, names: ClassNames) -> bool:
    items, _ = _strings([found], names)
    if not items:
        return _says_none(found, names)
    return any(classes_in(item, names) or " ".join(words_of(item)) in NONE for item in items)


def _says_none(found: Found, names: ClassNames) -> bool:
    return found.whole and says_none(found.content, names)


def _is_rejected(values: Sequence[Found], place: int, text: str) -> bool:
    lead = text[values[place - 1].end if place else 0 : values[place].start]
    return not _REJECTED.isdisjoint(words_of(re.split(r"[.!?\n]", lead)[-1]))


def _is_one_list(before: Found, after: Found, text: str) -> bool:
    """Whether two are parts of a list, and not each a whole answer."""
    lists = [
        isinstance(c, dict) and any(isinstance(v, list) for v in c.values())
        for c in (before.content, after.content)
    ]
    return not any(lists) and _BETWEEN.fullmatch(text, before.end, after.start) is not None


def _strings(values: Sequence[Found], names: ClassNames) -> tuple[list[str], list[str]]:
    """What JSON lists, item by item, and what of it lists nothing."""
    items: list[str] = []
    dropped: list[str] = []
    for value in values:
        for string in named(value.content, names):
            found, lost = (
                ([string], []) if names.find(string) is not None else listed(string, names)
            )
            items += found
            dropped += lost
    return items, dropped


def _groups(
    text: str, place: dict[str, int], count: int, names: ClassNames
) -> tuple[list[list[Pair]], bool]:
    """The answers of each JSON value, the last one's first, or of all lines.

    Returns:
        Besides them, whether there is one answer without number or phrase for each phrase.
    """
    values = [found for found in values_in(text) if pairs(found.content)]
    groups = [pairs(found.content) for found in values] or [line_pairs(text, place, names)]
    joined = [pair for group in groups for pair in group]
    for group in (joined, *reversed(groups)):
        bare = all(key is None for key, _ in group)
        if bare and len(group) == count and all(found.whole for found in values):
            return [group], True
    return groups[::-1], False


def _from_one(groups: list[list[Pair]], count: int) -> list[list[Pair]]:
    """The same with numbers from 1; where they contradict each other, none is believed."""
    numbers = {_number(key) for group in groups for key, _ in group} - {None}
    if 0 not in numbers:
        return groups
    step = 1 if max(filter(None, numbers), default=0) < count else None
    return [[(_moved(key, step), value) for key, value in group] for group in groups]


def _moved(key: str | None, step: int | None) -> str | None:
    number = _number(key)
    return key if number is None else str(number + step) if step is not None else "0"


def _number(key: str | None) -> int | None:
    text = (key or "").strip(TRIM)
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _position(key: str | None, place: dict[str, int], count: int) -> int | None:
    number = _number(key)
    if number is not None:
        return number - 1 if 1 <= number <= count else None
    return place.get(" ".join(words_of((key or "").strip(TRIM))))

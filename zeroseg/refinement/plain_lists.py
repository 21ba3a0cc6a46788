"""What a plain text lists: items with commas, bullets, numbers, boxes to tick, or in a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.json_answers import ASIDE, Pair, denies, is_there
from zeroseg.refinement.words import words_of

NONE = frozenset({"none", "nothing", "empty", "no class", "no classes", "no label", "no labels"})
"""Words that say that no class is there."""
TRIM = " \t\r\n\"'`*_~#.,;:!?[]{}<>\u201c\u201d\u2018\u2019\u201e\u00ab\u00bb\u300c\u300d\u3002"
"""What may stand around a name."""

_SENTENCE = frozenset(
    "i you we he she it they there this that these those is are was were be been am has have had "
    "do does did can could may might will would should but because since so if here which who "
    "contains contain shows show see sees include includes depicts based".split()
)
_ANSWERS = frozenset("label labels class classes answer answers final list".split())
_REMARKS = frozenset("note notes comment comments".split())
_COMMA = re.compile("[,;|\u3001\u060c\u061b\u00b7\u30fb\u2022]|(?<=[`*]) (?=[`*])|(?<=\\w) #")
_MARKER = re.compile(
    r"^[^\S\n]{0,20}[-*+>\u2022\u00b7\u2023\u25aa\u25cf\u25e6]\s"
    r"|(?:^|(?<=\s))[\[(]?\d{1,3}(?:[.)\]]\s|\u3001)"
    r"|^[^\S\n]{0,20}[\[(]?[a-z][.)]\s",
    re.MULTILINE,
)
_TICKED = re.compile(r"^\W{0,9}?[\[(][xXvV+\u2713\u2714\u2705][\])] ")
_NOT_TICKED = re.compile(r"^\W{0,9}?[\[(][ -]?[\])] |[\u2610\u2612\u274c\u274e\u2716-\u2718]")
_COUNT = re.compile(r"^(\d{1,4}) ?[x\u00d7]? (?=[^\W\d])| ?[x\u00d7] ?(\d{1,4})$")
_NUMBERED = re.compile(r"^\W{0,9}(\d{1,4})[ *]{0,3}[.):=|\u3001\-]+>? ?(.*)$")
_ARROW = re.compile(r" ?(?:->|=>|\u2192|:|=|\u2014) ?| -{1,2} | (?:because|since) ")
_CELL = re.compile(r" ?(?:->|=>|\u2192|:|=|\u2014|\|) ?| -{1,2} ")
_NOTE = re.compile(r" ?\(([^()]*)\)")
_JOINED = re.compile(r",|&|/|\+|\band\b|\bor\b", re.IGNORECASE)
_STRUCK = re.compile(r"~~[^~\n]*~~|<(del|s)>[^<]*</\1>")
_DASH = re.compile(r"[-\u2013\u2014\u00d7]")


def listed(text: str, names: ClassNames) -> tuple[list[str], list[str]]:
    """The items of a list in plain text, and the lines that list nothing or what is absent."""
    items, dropped, rest = _rows(_STRUCK.sub("", text).replace("\\n", "\n"), names)
    for line, told, rejected in _lines(rest, names):
        parts = None if rejected else _parts(told, names)
        if parts is None:
            dropped.append(line)
        else:
            items += parts
    return items, dropped


def classes_in(item: str, names: ClassNames) -> list[int]:
    """The classes an item names: one, or several joined by "and" or commas, or none."""
    if _NOT_TICKED.search(item):
        return []
    item = _TICKED.sub("", item)
    notes = _NOTE.findall(item)
    bare = _NOTE.sub("", item).strip(TRIM)
    if names.find(bare) is None:
        parts = _ARROW.split(bare)
        known = [part for part in parts if names.find(part.strip(TRIM)) is not None]
        bare = known[0] if known else parts[0]
        notes += [part for part in parts if part != bare]
    if not all(is_there(note) for note in notes if note.strip()):
        return []
    whole = names.find(bare.strip(TRIM))
    if whole is not None:
        return [whole]
    joined = [_uncounted(part.strip(TRIM)) for part in _JOINED.split(bare)]
    found = [names.find(part) for part in joined if part]
    return [index for index in found if index is not None] if None not in found else []


def _uncounted(item: str) -> str:
    """An item without its number ("2 dogs", "dog x2"); of 0 dogs "no dogs"."""
    count = _COUNT.search(item)
    if not count:
        return item
    return _COUNT.sub("", item) if int(count[1] or count[2]) else f"no {item}"


def line_pairs(text: str, place: dict[str, int], names: ClassNames) -> list[Pair]:
    """Number or phrase and answer, from lines such as "1. dog", "puppy -> dog" or "dog".

    Args:
        text: The lines.
        place: The phrases that were asked about, as words.
        names: The classes.
    """
    found: list[Pair] = []
    for line in text.split("\n"):
        line = line.strip(" |")
        if not line or _is_rule(line):
            continue
        numbered = _NUMBERED.match(line)
        parts = _CELL.split(numbered[2] if numbered else line.lstrip("-*\u2022 "))
        parts = [part for part in parts if part.strip(TRIM)] or [""]
        key = numbered[1] if numbered else (parts[0] if len(parts) > 1 else None)
        answers = [part for part in parts if " ".join(words_of(part)) not in place] or parts
        known = [part for part in answers if names.find(part.strip(TRIM)) is not None]
        found.append((key, (known or answers)[0]))
    return found


def _rows(text: str, names: ClassNames) -> tuple[list[str], list[str], str]:
    """Items and other rows of the tables in a text, and the text without them."""
    lines = text.split("\n")
    rules = {place for place, line in enumerate(lines) if "|" in line and _is_rule(line)}
    if not rules:
        return [], [], text
    items: list[str] = []
    dropped: list[str] = []
    for place, line in enumerate(lines):
        if "|" in line and not rules & {place, place + 1}:
            cells = ["no" if _DASH.fullmatch(c.strip()) else c.strip() for c in line.split("|")]
            label = next((cell for cell in cells if classes_in(cell, names)), None)
            if label is None:
                dropped.append(line)
            else:
                cells.remove(label)
                items.append(f"{label} {' '.join(f'({cell})' for cell in cells if cell)}")
    return items, dropped, "\n".join("" if "|" in line else line for line in lines)


def _is_rule(line: str) -> bool:
    """Whether a line is the rule under the head of a table."""
    return "--" in line and not set(line) - set(" |:-+")


@dataclass(frozen=True)
class _Heading:
    """What is said of the text below or behind it: whether it lists nothing, and how far."""

    rejects: bool = False
    holds_for: Literal["line", "paragraph", "rest"] = "rest"


def _lines(text: str, names: ClassNames) -> Iterator[tuple[str, str, bool]]:
    """Each sentence, what it says behind a heading, and whether the last heading rejects that."""
    over = _Heading()
    for paragraph in re.split(r"\n ?\n", text):
        over = over if over.holds_for == "rest" else _Heading()
        for line in _MARKER.sub("\n", paragraph).split("\n"):
            over = _Heading() if over.holds_for == "line" else over
            for sentence in re.split(r"(?<=[.!?]) ", line):
                if sentence.strip(TRIM):
                    heading, told = _headed(sentence, names)
                    over = heading or over
                    yield sentence, told, over.rejects


def _headed(sentence: str, names: ClassNames) -> tuple[_Heading | None, str]:
    """A heading and the text behind it: "Labels: dog", "# Reasoning", "Not present:"."""
    head, colon, told = sentence.partition(":")
    is_title = not colon and sentence.startswith(("# ", "##"))
    if not (colon or is_title) or names.find(head.strip(TRIM)) is not None:
        return None, sentence
    words = frozenset(words_of(head))
    aside = len(words) < 5 and not ASIDE.isdisjoint(words) and _ANSWERS.isdisjoint(words)
    if not aside or not told.strip(TRIM):
        return _Heading(aside or denies(head)), told
    return _Heading(True, "paragraph" if _REMARKS.isdisjoint(words) else "line"), told


def _parts(line: str, names: ClassNames) -> list[str] | None:
    """The items of a line: one with its reasons, or several with commas; None for a sentence."""
    parts = [part for part in _COMMA.split(line) if part.strip(TRIM)]
    if not any(_is_prose(part, names) for part in parts):
        return parts
    head, *reasons = _ARROW.split(line, maxsplit=1)
    named = names.find(_bare(head)) is not None
    return [line] if reasons and named else None


def _is_prose(item: str, names: ClassNames) -> bool:
    words = words_of(_bare(item))
    if names.find_words(words) is not None or " ".join(words) in NONE:
        return False
    named = names.find(_bare(_ARROW.split(item)[0])) is not None
    return not named and (denies(item) or not _SENTENCE.isdisjoint(words) or len(words) > 6)


def _bare(item: str) -> str:
    return _NOTE.sub("", _TICKED.sub("", item)).strip(TRIM)

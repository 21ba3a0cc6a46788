"""What JSON in an answer says: which classes there are, or which class a phrase is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.loose_json import values_in
from zeroseg.refinement.words import words_of

NEGATIONS = frozenset(
    "no not none never without absent missing excluded excluding except unlikely neither nor "
    "isn't aren't don't doesn't can't cannot wasn't unclear dropped rejected irrelevant "
    "false uncertain".split()
)
ASIDE = frozenset(
    "reason reasons reasoning thought thoughts thinking explanation explanations rationale "
    "analysis description caption note notes comment comments draft justification evidence "
    "candidates considered refusal error confusion".split()
)
"""Words above what is said besides the answer, in JSON and in headings."""

_WANTED = (
    *("arguments", "parameters", "input", "labels", "final answer", "final labels", "answer"),
    *("answers", "final", "classes", "label", "class", "class name", "name", "category"),
    *("categories", "object", "objects", "tag", "title", "value", "present"),
)
_PRESENCE = ("present", "visible", "detected", "found", "applies", "included", "selected")
_SCORES = ("score", "confidence", "probability", "likelihood", "certainty")
_ABSENT = frozenset("n x false absent low".split())
_SHARE = re.compile(r"\W*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s?(%?)\W*")
_DEEPEST = 20


def denies(text: str) -> bool:
    """Whether a text has a word that negates."""
    return not NEGATIONS.isdisjoint(words_of(text))


def is_there(said: Any) -> bool:
    """Whether what is said of a class means that it is there: true, 0.9, "yes", "in front"."""
    if isinstance(said, dict):
        told = [said[key] for key in (*_PRESENCE, *_SCORES) if key in said]
        return is_there(told[0]) if told else bool(said)
    if isinstance(said, str):
        share = _SHARE.fullmatch(said)
        if share:
            return float(share[1]) >= (50 if share[2] else 0.5)
        cross = any(mark in said for mark in "\u274c\u2717\u2718\u2716\u2612\u2610")
        absent = denies(said) or " ".join(words_of(said)) in _ABSENT
        return bool(said.strip()) and not cross and not absent
    if isinstance(said, int | float) and not isinstance(said, bool):
        return said >= 0.5
    return bool(said)


def named(content: Any, names: ClassNames, depth: int = 0) -> Iterator[str]:
    """The strings that JSON lists as what is there.

    Of a list all; of `{"dog": true, "cat": 0.1}` the keys that are there; of another object what
    stands under "labels", "answer" and the like, else its first list, else all that is not said
    besides ("reasoning") or denied ("absent"). A number names nothing: classes are not counted.
    """
    if depth > _DEEPEST:
        return
    if isinstance(content, str):
        inner = list(values_in(content)) if content.lstrip()[:1] in ("[", "{") else []
        yield from ([content] if not inner else ())
        content = [found.content for found in inner]
    if isinstance(content, dict):
        content = _of_object(content, names)
    if isinstance(content, list):
        for item in content:
            yield from named(item, names, depth + 1)


def _of_object(content: dict[str, Any], names: ClassNames) -> list[Any]:
    classes = [key for key in content if names.find(key) is not None]
    if classes:
        return [key for key in classes if is_there(content[key])]
    words = {" ".join(words_of(key)): value for key, value in content.items()}
    if not all(is_there(words[key]) for key in (*_PRESENCE, *_SCORES) if _is_measure(words, key)):
        return []
    told = {key: value for key, value in words.items() if not _is_aside(key)}
    wanted = [told[key] for key in _WANTED if isinstance(told.get(key), str | list | dict)]
    lists = [value for value in told.values() if isinstance(value, list)]
    return (wanted or lists)[:1] or list(told.values())


def _is_measure(words: dict[str, Any], key: str) -> bool:
    return isinstance(words.get(key), bool | int | float | str)


def _is_aside(key: str) -> bool:
    return denies(key) or not ASIDE.isdisjoint(key.split())


def says_none(content: Any, names: ClassNames) -> bool:
    """Whether JSON that lists nothing means that nothing is there; a mere number is no answer."""
    if isinstance(content, list) and content:
        return all(isinstance(item, dict) and says_none(item, names) for item in content)
    if not isinstance(content, dict) or not content:
        return isinstance(content, list | dict)
    if any(content.get(key) for key in ("refusal", "error")):
        return False
    of_classes = any(names.find(key) is not None for key in content)
    return of_classes or any(value in ([], "", None, False) for value in content.values())


_NUMBERS = ("number", "id", "index", "no", "n", "phrase", "key", "item", "text")
_LABELS = ("label", "class", "class name", "category", "answer", "name", "value")
Pair = tuple[str | None, str]


def pairs(content: Any, depth: int = 0) -> list[Pair]:
    """Number or phrase (None where there is neither) and answer, of each that JSON gives."""
    if depth > _DEEPEST:
        return []
    if isinstance(content, str) and content.lstrip()[:1] in ("[", "{"):
        inner = [found.content for found in values_in(content)]
        return pairs(inner, depth + 1) if inner else [(None, content)]
    if isinstance(content, list):
        if content and all(_is_couple(item) for item in content):
            return [(_told(key), _told(label)) for key, label in content]
        return [pair for item in content for pair in pairs(item, depth + 1)]
    return _of_pairs(content, depth) if isinstance(content, dict) else [(None, _told(content))]


def _of_pairs(content: dict[str, Any], depth: int) -> list[Pair]:
    words = {" ".join(words_of(key)): value for key, value in content.items()}
    labels = [key for key in _LABELS if key in words and not isinstance(words[key], list | dict)]
    if labels:
        key = next((words[key] for key in _NUMBERS if key in words), None)
        return [(None if key is None else _told(key), _told(words[labels[0]]))]
    if words.keys() <= {"number", "phrase", "index", "id"}:
        return []
    nested = [value for value in content.values() if isinstance(value, list | dict)]
    told = [key for key in words if not _is_aside(key)]
    if nested and (len(told) == 1 or any(key in words for key in ("answers", "labels"))):
        return pairs(words.get("answers", words.get("labels", nested[0])), depth + 1)
    found: list[Pair] = []
    for key, value in content.items():
        inner = pairs(value, depth + 1) if isinstance(value, dict | list) else []
        found.append((str(key), inner[0][1] if inner else _told(value)))
    return found


def _is_couple(item: Any) -> bool:
    """Whether it is a phrase, or a number, and its class as a list of two."""
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str | int | float)


def _told(value: Any) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return "none" if value is None else str(int(value) if is_whole else value)

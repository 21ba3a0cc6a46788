"""What `Vocabulary.from_names` is given, each argument in all the ways people write it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zeroseg.class_lists.files import is_file_name
from zeroseg.class_lists.text import read_names, separated
from zeroseg.class_lists.values import (
    check_count,
    is_whole,
    read_list,
    read_name,
    read_whole,
    shown,
)
from zeroseg.errors import VocabularyError

_BARS = "|｜"  # noqa: RUF001
"""They part names in a text, but in a list they can only be meant."""

BACKGROUND_NAMES = ("background", "other", "unlabeled", "void", "none")
"""Names that mean "nothing of the above" without being told; the first that occurs is taken."""


def as_words(name: str) -> str:
    """A class name as plain words: "Potted-Plant" becomes "potted plant"."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(text.replace("-", " ").replace("_", " ").split())


def class_names(names: object) -> list[str]:
    """Names as they are shown: those of a list stand as they are, those of a text are found."""
    found: object = read_names(names) if isinstance(names, str) else names
    items = read_list(found, "classes")
    check_count(len(items))
    listed = []
    for number, item in enumerate(items, 1):
        name = read_name(item, f"classes: name {number}")
        separator = separated(name)
        if separator and separator not in _BARS:
            raise VocabularyError(
                f"classes: name {number}, {shown(name)}, holds '{separator}'; write each class as "
                f"an entry of its own (other words for one are its `aliases`)"
            )
        if is_file_name(name):
            raise VocabularyError(
                f"classes: name {number}, {shown(name)}, looks like a file; give its path alone"
            )
        listed.append(name)
    return listed


def background_of(names: Sequence[str]) -> str | None:
    """The one that means "nothing of the above" without being told."""
    words = [as_words(name) for name in names]
    return next((name for name in BACKGROUND_NAMES if name in words), None)


def background_index(background: object, names: Sequence[str]) -> int:
    """Where the background stands, which may be given by name, by index or not at all."""
    words = [as_words(name) for name in names]
    wanted = (background_of(names) or BACKGROUND_NAMES[0]) if background is None else background
    if isinstance(wanted, str) and as_words(wanted) in words:
        return words.index(as_words(wanted))
    if is_whole(wanted):
        index = read_whole(wanted, "background")
        if index < len(names):
            return index
    raise VocabularyError(
        f"the background {shown(wanted)} is not among the classes {shown(list(names))}; add it, "
        f"or say which one is with `background`"
    )


def names_and_ids(table: Mapping[Any, Any], background: object) -> tuple[list[Any], list[Any]]:
    """Names and ids of {0: background, 1: dog}, or of the same the other way round.

    Where no background is named and id 0 is free, one is put in front.
    """
    if table and all(map(is_whole, table)):
        names, ids = list(table.values()), list(table)
    elif table and all(map(is_whole, table.values())):
        names, ids = list(table), list(table.values())
    else:
        raise VocabularyError(
            f"classes: {shown(dict(table))} is neither a list of names nor names by id, such as "
            f"{{0: background, 1: dog}}"
        )
    listed = class_names(names)
    if background is None and not background_of(listed):
        if 0 in map(int, ids):
            raise VocabularyError(
                f"classes: the background is missing, and id 0 is {shown(listed[0])}; add it with "
                f"an id of its own, or write a list of names, whose ids are 1, 2, 3, ..."
            )
        return [BACKGROUND_NAMES[0], *listed], [0, *ids]
    return listed, ids


def by_class(table: object, words: Sequence[str], what: str) -> dict[str, Any]:
    """The values of {class: value}, by the class's name as words."""
    if table is None:
        return {}
    if not isinstance(table, Mapping):
        raise VocabularyError(f"{what}: {shown(table)} is no mapping from a class to its words")
    stray = [name for name in table if not isinstance(name, str) or as_words(name) not in words]
    if stray:
        raise VocabularyError(f"{what} are given for {stray}, which are not among the classes")
    found = {as_words(name): value for name, value in table.items()}
    if len(found) < len(table):
        raise VocabularyError(f"{what}: a class stands there twice: {shown(list(table))}")
    return found


def in_order(values: object, words: Sequence[str], what: str) -> object:
    """Values by class in the order of the classes; a list is in that order."""
    if not isinstance(values, Mapping):
        return values
    of_class = by_class(values, words, what)
    lacking = [word for word in words if word not in of_class]
    if lacking:
        raise VocabularyError(f"{what}: there is none for {shown(lacking)}")
    return [of_class[word] for word in words]


def read_aliases(value: object, word: str) -> tuple[str, ...]:
    """Other words for a class: a list, or one text of them."""
    if value is None:
        return ()
    where = f"aliases: a word for '{word}'"
    items = read_names(value) if isinstance(value, str) else read_list(value, where)
    return tuple(read_name(item, where) for item in items)


def read_words(value: object, word: str, prompt: str) -> tuple[str, ...]:
    """Further words that a class is asked for with: a list, or one text of them."""
    if value is None:
        return ()
    where = f"words: a word for '{word}'"
    items = read_names(value) if isinstance(value, str) else read_list(value, where)
    found = _each_once(read_name(item, where) for item in items)
    return tuple(text for text in found if as_words(text) != as_words(prompt))


def read_stuff(value: object, words: Sequence[str]) -> tuple[int, ...]:
    """The indices of the classes that are stuff, from their names."""
    if value is None:
        return ()
    items = read_names(value) if isinstance(value, str) else read_list(value, "stuff")
    named = [as_words(read_name(item, "stuff: a class")) for item in items]
    stray = [name for name in named if name not in words]
    if stray:
        raise VocabularyError(f"stuff: {shown(stray)} are not among the classes")
    return tuple(sorted({words.index(name) for name in named}))


def read_look_alikes(value: object, words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of classes that are taken for each other, as indices; each pair once."""
    if value is None:
        return ()
    found: set[tuple[int, int]] = set()
    for item in read_list(value, "look_alikes"):
        pair = () if isinstance(item, str) else read_list(item, "look_alikes: a pair")
        named = [as_words(read_name(name, "look_alikes: a class")) for name in pair]
        if len(set(named)) != 2 or len(named) != 2:
            raise VocabularyError(f"look_alikes: {shown(item)} is no pair of two classes")
        if stray := [name for name in named if name not in words]:
            raise VocabularyError(f"look_alikes: {shown(stray)} are not among the classes")
        first, second = sorted(map(words.index, named))
        found.add((first, second))
    return tuple(sorted(found))


def read_distractors(value: object) -> tuple[str, ...]:
    """Words that are asked for so that they claim what is none of the classes."""
    if value is None:
        return ()
    where = "distractors: a word"
    items = read_names(value) if isinstance(value, str) else read_list(value, where)
    return _each_once(read_name(item, where) for item in items)


def read_truth(value: object, what: str) -> bool:
    """True or false, which a YAML file of class names holds as text; false by default."""
    if value is None:
        return False
    found = {"true": True, "false": False}.get(str(value).strip().casefold())
    if found is None:
        raise VocabularyError(f"{what}: {shown(value)} is neither true nor false")
    return found


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts without those that are the same as words."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(as_words(text), text)
    return tuple(found.values())


def read_prompt(value: object, word: str) -> str:
    """What a detector is asked with for a class; its name as words by default."""
    return word if value is None else read_name(value, f"prompts: {word}'s prompt")

"""The taxonomy of the drawn world: what can be in a picture, and what else people call it."""

from __future__ import annotations

from typing import Any

from zeroseg import yaml_text

Words = tuple[str, ...]

_TABLES: dict[str, Any] = yaml_text.packaged("zeroseg.drawn", "world.yaml")


def _words(table: str) -> dict[str, Words]:
    return {name: tuple(words) for name, words in _TABLES[table].items()}


THINGS = _words("things")
"""Countable classes, each with the fine names that are drawn differently."""

STUFF: Words = tuple(_TABLES["stuff"])
"""Uncountable classes: the areas that a setting is made of."""

SYNONYMS = _words("synonyms")
"""Other common words for a class; none of them is a fine name."""

HYPERNYMS = _words("hypernyms")
"""Wider words, each with the classes that it covers."""

NEVER_DRAWN: Words = tuple(_TABLES["never_drawn"])
"""Common nouns of which no picture holds an example."""

STYLES: Words = tuple(_TABLES["styles"])
"""The ways in which a finished picture is painted."""

OFTEN: dict[str, float] = _TABLES["often"]
"""How often each class is tried; wide things fit more rarely and are tried more often."""

WIDE: dict[str, float] = _TABLES["wide"]
"""How much more often a wide fine name is tried than others of its class."""

FITS: dict[str, dict[str, float]] = _TABLES["fits"]
"""How well a class suits a setting: 1 if it is not named, or 0 where there is no ground."""

FINE_NAMES: Words = tuple(name for names in THINGS.values() for name in names)
"""All fine names, in the canonical order of captions."""

CATEGORIES: Words = (*THINGS, *STUFF)
"""All classes, things first."""

CATEGORY_OF = {name: kind for kind, names in THINGS.items() for name in names}
"""The class of each fine name."""

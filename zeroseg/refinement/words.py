"""English words, as far as class names need them: plain forms, plurals and head nouns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from zeroseg.vocabulary import as_words

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_BREAK = re.compile(r"[,;:.!?()\[\]\"|/&]")

_IRREGULAR = {
    "men": "man",
    "women": "woman",
    "people": "person",
    "children": "child",
    "oxen": "ox",
    "geese": "goose",
    "mice": "mouse",
    "teeth": "tooth",
    "feet": "foot",
    "cacti": "cactus",
}

_ARTICLES = frozenset("a an the".split())
_NEGATIONS = frozenset("no not without".split())
_SEPARATORS = frozenset(
    "a an the his her their its some several many this that these those each every and or but "
    "while who which of with in on at by near beside behind under over above below from for "
    "into onto next to between around through against along across inside outside during like "
    "as is are was were be has have".split()
)
_COLLECTIVES = frozenset(
    "couple crowd family team group herd flock pair bunch row band crew gang troop".split()
)


class Segment(NamedTuple):
    """A run of words with one noun at its end, or none.

    Attributes:
        words: The words, without articles and prepositions.
        negated: Whether the text says that there is none ("no dog", "without a dog").
    """

    words: tuple[str, ...]
    negated: bool


def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation: "A dog's Bowl." gives a, dog, bowl."""
    found = _WORD.findall(as_words(text).replace("\u2019", "'"))
    return tuple(word.removesuffix("'s") for word in found)


def without_article(words: Sequence[str]) -> tuple[str, ...]:
    """The words without an article in front."""
    return tuple(words[1:]) if words and words[0] in _ARTICLES else tuple(words)


def forms(word: str) -> tuple[str, ...]:
    """A word and what its singular may be, likeliest first.

    Several guesses are given for one ending ("vases": vas, vase); whoever looks them up finds the
    one that exists.
    """
    found = [word]
    if word in _IRREGULAR:
        found.append(_IRREGULAR[word])
    elif word.endswith("men") and len(word) > 5:
        found.append(f"{word[:-2]}an")
    elif word.endswith("ies") and len(word) > 4:
        found += [f"{word[:-3]}y", word[:-1]]
    elif word.endswith("ves"):
        found += [f"{word[:-3]}f", f"{word[:-3]}fe", word[:-1]]
    elif word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        found += [word[:-2], word[:-1]]
    elif word.endswith("s") and not word.endswith(("ss", "us")) and len(word) > 3:
        found.append(word[:-1])
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=2**14)
def keys(words: tuple[str, ...]) -> tuple[str, ...]:
    """All spellings under which a name or a phrase may be looked up, likeliest first.

    Names meet when they share a key: the last word in its singular forms, with and without the
    spaces ("row boats": row boats, row boat, rowboats, rowboat).
    """
    if not words:
        return ()
    spelled = [" ".join((*words[:-1], form)) for form in forms(words[-1])]
    return tuple(dict.fromkeys((*spelled, *(text.replace(" ", "") for text in spelled))))


def segments(text: str) -> Iterator[Segment]:
    """Cut a phrase or a sentence where a noun phrase ends.

    Cuts are made at punctuation, articles, prepositions and conjunctions ("a bottle of wine":
    bottle; wine). A collective before "of" is left out ("a couple of dogs": dogs).
    """
    for clause in _BREAK.split(text):
        words = words_of(clause)
        run: list[str] = []
        negated = False
        for position, word in enumerate(words):
            following = words[position + 1] if position + 1 < len(words) else ""
            if word in _COLLECTIVES and following == "of":
                run.clear()
            elif word in _SEPARATORS or word in _NEGATIONS:
                if run:
                    yield Segment(tuple(run), negated)
                    run, negated = [], False
                negated = negated or word in _NEGATIONS
            else:
                run.append(word)
        if run:
            yield Segment(tuple(run), negated)

"""What the tiny chat model is asked while it trains, and the right answers.

A question is a class list with a description (pre-refinement) or with numbered phrases
(post-refinement). Class lists are DRAM's, the drawn world's, or drawn from its words: classes by
their name or a synonym, fine names, wider words, stuff, words of nothing that is ever drawn, and
words of random letters. A description is what tagger and captioner would say of a scene that is
made up, not painted: each loses some things and mistakes some for others, mostly for their like.
Some descriptions use other words than tagger and captioner know.

The right answer follows from what words cover: a word stands for the narrowest class of the list
that covers it, "puppy" for "dog" where that is a class, else for "pet", "mammal", "animal". An
answer to a description names every class that one of its words stands for.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from benchmarks.recipes.chat_words import MOST_PHRASES, NONE, prompt
from benchmarks.recipes.words import phrases
from zeroseg.drawn.captions import BACKS, GROUNDS, PLURALS, caption, listed
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.scene import Region
from zeroseg.drawn.world import (
    CATEGORIES,
    CATEGORY_OF,
    FINE_NAMES,
    HYPERNYMS,
    NEVER_DRAWN,
    STUFF,
    STYLES,
    SYNONYMS,
    THINGS,
)
from zeroseg.refinement.prompting import described, quoted
from zeroseg.values import Description, Tag

DRAM: tuple[str, ...] = tuple(list(THINGS)[:11])
BACKGROUNDS = ("background", "background", "other", "unlabeled", "void")
_OTHER_WORDS = 0.25
"""Share of descriptions in words that neither tagger nor captioner uses."""
_HELD_OUT = 8
"""One class list of so many is never trained on."""


@dataclass(frozen=True)
class Question:
    """A question as the network sees it, with its answer.

    Attributes:
        prompt: See `chat_words.prompt`.
        answer: What the model should say.
        present: For each class of the list whether it occurs in the answer.
    """

    prompt: str
    answer: str
    present: tuple[bool, ...]


@lru_cache(maxsize=1)
def extents() -> dict[str, frozenset[str]]:
    """For every word all that it covers: itself, and every fine name and class below it."""
    covers = {name: frozenset([name]) for name in (*FINE_NAMES, *NEVER_DRAWN)}
    for kind in CATEGORIES:
        covers[kind] = frozenset([kind, *THINGS.get(kind, ())])
        covers.update(dict.fromkeys(SYNONYMS[kind], covers[kind]))
    for wide, kinds in HYPERNYMS.items():
        covers[wide] = frozenset([wide]).union(*(covers[kind] for kind in kinds))
    return covers


def class_of(word: str, classes: Sequence[str]) -> str | None:
    """The narrowest of the classes that covers a word, None if none does."""
    covers = extents()
    own = covers.get(word, frozenset([word]))
    wider = [name for name in classes if own <= covers.get(name, frozenset([name]))]
    return min(wider, key=lambda name: len(covers.get(name, ())), default=None)


@lru_cache(maxsize=1)
def _mention() -> re.Pattern[str]:
    words = sorted([*phrases(), *PLURALS.values()], key=len, reverse=True)
    return re.compile("|".join(rf"\b{re.escape(word)}\b" for word in words))


def mentions(description: Description) -> list[str]:
    """All words that tags and caption name things by, in the singular."""
    singular = {plural: name for name, plural in PLURALS.items()}
    named = [tag.name for tag in description.tags]
    said = _mention().findall(description.caption or "")
    return [singular.get(word, word) for word in (*named, *said)]


def pre_question(description: Description, classes: Sequence[str]) -> Question:
    """Which of the classes a description names."""
    found = {class_of(word, classes) for word in mentions(description)}
    answer = ", ".join(name for name in classes if name in found) or NONE
    present = tuple(name in found for name in classes)
    return Question(prompt(described(description), ", ".join(classes)), answer, present)


def post_question(said: Mapping[str, str], classes: Sequence[str]) -> Question:
    """Which class each phrase stands for.

    Args:
        said: What the detector says, each with the word in it that decides.
        classes: The classes, the background among them.
    """
    found = [class_of(word, classes) for word in said.values()]
    data = "\n".join(f"{number}. {quoted(phrase)}" for number, phrase in enumerate(said, 1))
    answer = "\n".join(f"{number}: {name or NONE}" for number, name in enumerate(found, 1))
    present = tuple(name in found for name in classes)
    return Question(prompt(data, ", ".join(classes)), answer, present)


def draw_question(dice: Dice, held_out: bool = False) -> Question:
    """A random question: three descriptions to one list of phrases."""
    classes = draw_classes(dice, held_out)
    if dice.chance(0.75):
        return pre_question(draw_description(dice, classes), classes)
    with_background = tuple(sorted({*classes, dice.pick(BACKGROUNDS)}))
    return post_question(draw_phrases(dice, classes), with_background)


def draw_classes(dice: Dice, held_out: bool) -> tuple[str, ...]:
    """A random class list, sorted; of the held-out ones, or of all others."""
    while True:
        drawn = dice.real(0, 1)
        names = DRAM if drawn < 0.12 else tuple(THINGS) if drawn < 0.2 else _draw_names(dice)
        classes = tuple(sorted(names))
        published = drawn < 0.2
        if held_out == (not published and crc32(",".join(classes).encode()) % _HELD_OUT == 0):
            return classes


def _draw_names(dice: Dice) -> tuple[str, ...]:
    count = int(2 ** dice.real(0, 4.8))
    kinds = {"thing": 5.0, "stuff": 1.5, "fine": 2.0, "wide": 1.0, "never": 2.0, "strange": 0.15}
    chosen: dict[frozenset[str], str] = {}
    for _ in range(2 * count):
        name = _draw_name(dice, dice.weighted(kinds))
        if len(chosen) < count:
            chosen.setdefault(extents().get(name, frozenset([name])), name)
    return tuple(chosen.values())


def _draw_name(dice: Dice, kind: str) -> str:
    if kind in ("thing", "stuff"):
        name = dice.pick(tuple(THINGS) if kind == "thing" else STUFF)
        return name if dice.chance(0.6) else dice.pick(SYNONYMS[name])
    if kind == "strange":
        return "".join(dice.pick(string.ascii_lowercase) for _ in range(dice.whole(3, 7)))
    return dice.pick({"fine": FINE_NAMES, "wide": tuple(HYPERNYMS), "never": NEVER_DRAWN}[kind])


def draw_description(dice: Dice, classes: Sequence[str]) -> Description:
    """What the recognisers would say of a made-up scene, with their mistakes.

    Some descriptions use other words, preferably those of `classes`.
    """
    count = dice.weighted({1: 0.13, 2: 0.18, 3: 0.25, 4: 0.24, 5: 0.2})
    names: list[str] = []
    for _ in range(count):
        again = bool(names) and dice.chance(0.15)
        names.append(dice.pick(names) if again else dice.pick(FINE_NAMES))
    stuff = [dice.pick(tuple(GROUNDS))]
    stuff += [name for name in BACKS if dice.chance(0.35)]
    tags = [*_mistaken(names, dice), *(name for name in stuff if dice.chance(0.93))]
    if dice.chance(0.15):
        tags.append(dice.pick((*FINE_NAMES, *STUFF)))
    if dice.chance(0.75):
        tags.sort(key=(*FINE_NAMES, *STUFF).index)
    text = _caption(_mistaken(names, dice) or names[:1], stuff, dice)
    if dice.chance(_OTHER_WORDS):
        tags = [_other_word(tag, classes, dice) for tag in tags]
        text = listed([_counted(_other_word(name, classes, dice)) for name in names])
    left_out = dice.real(0, 1)
    shown = () if left_out < 0.08 else tuple(Tag(name, 1.0) for name in dict.fromkeys(tags))
    return Description(shown, None if 0.08 <= left_out < 0.16 else text)


def draw_phrases(dice: Dice, classes: Sequence[str]) -> dict[str, str]:
    """What a detector might say, sorted, each phrase with the word in it that decides."""
    drawn: dict[str, str] = {}
    for _ in range(dice.whole(1, dice.whole(1, MOST_PHRASES))):
        word = _other_word(dice.pick((*FINE_NAMES, *STUFF)), classes, dice)
        drawn.setdefault(_phrase(word, dice), word)
    return dict(sorted(drawn.items()))


def _mistaken(names: Sequence[str], dice: Dice) -> list[str]:
    """The names as a recogniser sees them: 8 % overlooked, 6 % taken for something else."""
    seen = []
    for name in names:
        drawn = dice.real(0, 1)
        if drawn < 0.04:
            seen.append(dice.pick(THINGS[CATEGORY_OF[name]]))
        elif drawn < 0.06:
            seen.append(dice.pick(FINE_NAMES))
        elif drawn < 0.92:
            seen.append(name)
    return seen


def _caption(names: Sequence[str], stuff: Sequence[str], dice: Dice) -> str:
    box = (0, 0, 1, 1)
    things = [Region(CATEGORY_OF[name], name, True, box, 1, 1.0) for name in names]
    areas = [Region(name, name, False, box, dice.whole(1, 99), 1.0) for name in stuff]
    return caption([*areas, *things], dice.pick(stuff), dice.pick(STYLES), dice)


def _other_word(name: str, classes: Sequence[str], dice: Dice) -> str:
    """Another word for a thing, a class of the list, or a word of nothing that is drawn."""
    kind = CATEGORY_OF.get(name, name)
    wider = [wide for wide, kinds in HYPERNYMS.items() if kind in kinds]
    words = [name, kind, *SYNONYMS[kind], *SYNONYMS[kind], *wider, dice.pick(NEVER_DRAWN)]
    return dice.pick(classes) if dice.chance(0.25) else dice.pick(words)


def _counted(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _phrase(word: str, dice: Dice) -> str:
    """A word as a detector says it: bare, with an article, in the plural, or after another."""
    drawn = dice.real(0, 1)
    if drawn < 0.6:
        return word
    if drawn < 0.75:
        return _counted(word)
    return PLURALS.get(word, f"{word}s") if drawn < 0.9 else f"{dice.pick(FINE_NAMES)} {word}"

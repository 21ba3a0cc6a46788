"""Which words a class can be asked for with; the same rules for proposals and for files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from zeroseg.class_lists.arguments import BACKGROUND_NAMES
from zeroseg.class_lists.values import read_name, shown
from zeroseg.compiling.proposals import Proposal
from zeroseg.errors import VocabularyError
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.lexical import matcher_of
from zeroseg.refinement.words import words_of
from zeroseg.vocabulary import Vocabulary, as_words

LONGEST = 4
"""Words in the longest text that is still a name of something, and no description of it."""

NEVER = "the background is never asked for"

EXHAUSTIVE = "every pixel is of a class of this list, so nothing is left to distractors"

_NOTHING = frozenset(
    (*BACKGROUND_NAMES, *"nothing anything object objects thing things stuff unknown misc".split())
)
_QUALIFIERS = frozenset("other stuff merged misc miscellaneous".split())
_PLAIN = re.compile(r"[^\W_]+(?:[ '’&/-]{1,2}[^\W_]+)*\.?")  # noqa: RUF001


def bare(name: str) -> str:
    """A name as words, without what lists add to tell classes apart: "wall-other" is "wall"."""
    words = as_words(name).split()
    return " ".join([word for word in words if word not in _QUALIFIERS] or words)


def respells(text: str, name: str) -> bool:
    """Whether a text is a name in other spelling: "baby carriage" is "babycarriage".

    Words may change places ("stone floor" for "floor-stone"), and what lists add to tell classes
    apart may be missing ("wall" for "wall-other"; "flowerpot" for "pot (flowerpot)").
    """
    asked = words_of(text)
    for reading in (name, *re.split(r"[()]", name)):
        for own in (words_of(reading), words_of(bare(reading))):
            if own and ("".join(own) == "".join(asked) or sorted(own) == sorted(asked)):
                return True
    return False


class Rules:
    """Why a word cannot be a class's: it is none, is another's, means too much or nothing.

    Args:
        vocabulary: The classes. Names, prompts and aliases count; further words are judged.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = replace(vocabulary, words=(), distractors=())
        self.names = ClassNames(self.vocabulary)
        self.matcher = matcher_of(self.vocabulary)
        self.thesaurus = self.matcher.thesaurus
        background = vocabulary.background
        own = (vocabulary.names[background], vocabulary.prompts[background])
        said = (*own, *vocabulary.aliases[background], *_NOTHING)
        self._nothing = frozenset(map(as_words, said))

    def objection(self, proposal: Proposal) -> str:
        """What speaks against a proposal; empty if nothing does."""
        label, text = proposal.label, proposal.text
        if label == self.vocabulary.background:
            return NEVER
        if proposal.relation in ("thing", "stuff"):
            return ""
        if unfit := _unfit(text):
            return unfit
        if as_words(text) in self._nothing:
            return "it means the background"
        if proposal.relation == "looks like":
            return self._against_look_alike(text)
        named = self.names.find(text)
        if named == self.vocabulary.background:
            return "it means the background"
        if named not in (None, label):
            return f"it is the class {self.vocabulary.names[named]}"
        said = proposal.relation == "wording" and respells(text, self.vocabulary.names[label])
        return "" if named == label or said else self._against_word(text, label)

    def _against_word(self, text: str, label: int) -> str:
        """What speaks against another word for a class: its last word, or the thesaurus."""
        head, name = self._head(text), self.vocabulary.names[label]
        if head == label:  # "bar stool" for "stool", whatever else the thesaurus says
            return ""
        has_name = self._has_name(text, label)
        if head is not None:
            called = self.vocabulary.names[head]
            is_kind = has_name and self._is_wider(self.vocabulary.prompts[head], label)
            return "" if is_kind else f"its last word is the class {called}"  # "palm tree", "palm"
        if self._is_wider(text, label):
            return f"it means more than {name}"
        match = self.matcher.match(text)
        if match is not None and match.label != label:
            return f"the thesaurus counts it as {self.vocabulary.names[match.label]}"
        is_known = self.thesaurus.find(words_of(text)) is not None
        is_other = match is None and has_name and is_known  # "dog house" for "dog"
        return f"the thesaurus has it as no {name}" if is_other else ""

    def _head(self, text: str) -> int | None:
        """The class that the last words of a longer text name; the most of them count."""
        words = words_of(text)
        ends = (self.names.find_words(words[start:]) for start in range(1, len(words)))
        return next((found for found in ends if found is not None), None)

    def _has_name(self, text: str, label: int) -> bool:
        words, own = words_of(text), words_of(self.vocabulary.prompts[label])
        starts = range(len(words) - len(own) + 1)
        return any(words[start : start + len(own)] == own for start in starts)

    def _against_look_alike(self, text: str) -> str:
        """What speaks against a word that is to claim what is no class; another class may be."""
        if self.names.find(text) is not None:
            return ""
        match = self.matcher.match(text)
        if match is not None:
            return f"the thesaurus counts it as {self.vocabulary.names[match.label]}"
        wide = next((i for i in self.vocabulary.classes if self._is_wider(text, i)), None)
        return "" if wide is None else f"it could mean {self.vocabulary.names[wide]}, too"

    def _is_wider(self, text: str, label: int) -> bool:
        """Whether the thesaurus has a word above a class."""
        concept = self.thesaurus.find(words_of(text))
        own = self.thesaurus.find(words_of(self.vocabulary.prompts[label]))
        if concept is None or concept == own:
            return False
        is_kind = own is not None and own in self._above(concept)
        is_wide = concept in self.thesaurus.generic and not is_kind
        return is_wide or (own is not None and concept in self._above(own))

    def _above(self, concept: str) -> list[str]:
        """All concepts wider than one, nearest first."""
        found = list(self.thesaurus.wider.get(concept, ()))
        for wide in found:
            found += [c for c in self.thesaurus.wider.get(wide, ()) if c not in found]
        return found


def _unfit(text: str) -> str:
    """Why a text is no word for a class, whatever it says."""
    try:
        name = read_name(text, "a word")
    except VocabularyError:
        return "it is no word"
    if len(name.split()) > LONGEST:
        return f"it has more than {LONGEST} words"
    return "" if _PLAIN.fullmatch(name) else "it is no plain word"


def doubts(vocabulary: Vocabulary) -> Iterator[tuple[int | None, str, str]]:
    """What a reviewer should look at in a class file that can be read.

    A file that cannot be read breaks a rule that has no exception: see `Vocabulary`.

    Yields:
        A class (None for the distractors), a word, and what is to be said of it.
    """
    rules = Rules(vocabulary)
    background = vocabulary.background
    for word in (*vocabulary.words[background], *vocabulary.aliases[background]):
        yield background, word, NEVER
    for label in vocabulary.classes:
        name, prompt = vocabulary.names[label], vocabulary.prompts[label]
        if not respells(prompt, name):
            yield label, prompt, f"it is asked for instead of {shown(name)}; add it to `words`"
        for word in vocabulary.words[label]:
            if said := rules.objection(Proposal(label, "same", word, "")):
                yield label, word, said
    for word in vocabulary.distractors:
        if said := rules.objection(Proposal(-1, "looks like", word, "")):
            yield None, word, said
    if vocabulary.exhaustive and vocabulary.distractors:
        word = vocabulary.distractors[0]
        yield None, word, EXHAUSTIVE

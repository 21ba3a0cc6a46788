"""What tags say is in pictures, each thing by one word: the classes where nobody names any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from zeroseg.class_lists.arguments import BACKGROUND_NAMES
from zeroseg.errors import VocabularyError
from zeroseg.refinement.lexical import matcher_of
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.thesaurus import Thesaurus, built_in_thesaurus
from zeroseg.refinement.words import keys, words_of
from zeroseg.values import UNRESOLVED, Description, Selection
from zeroseg.vocabulary import Vocabulary, as_words

SEEN = "seen"
"""What a vocabulary of what was seen is called."""


class SeenThings(PreRefiner):
    """Looks for the things that the tags of an image name, whatever the classes are.

    Tags that mean one thing are one prompt; see `things`. A prompt that the vocabulary has a class
    for, by any of its words, is labelled with it, and every other one -1.

    Example:
        >>> from zeroseg import Description, Tag, Vocabulary
        >>> from zeroseg.refinement import SeenThings
        >>> seen = Description(tuple(Tag(word, 0.9) for word in ("bike", "bicycle", "puppy")))
        >>> selection = SeenThings()([seen], Vocabulary.parse("boat, bicycle"))[0]
        >>> selection.prompts, selection.labels
        (('bicycle', 'puppy'), (2, -1))
    """

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Choose what is named."""
        return [self._select(description, vocabulary) for description in descriptions]

    def _select(self, description: Description, vocabulary: Vocabulary) -> Selection:
        prompts = tuple(things(tag.name for tag in description.tags))
        found = (matcher_of(vocabulary).names.find(prompt) for prompt in prompts)
        none = (None, vocabulary.background)
        return Selection(prompts, tuple(UNRESOLVED if i in none else i for i in found))


def seen_vocabulary(descriptions: Iterable[Description]) -> Vocabulary:
    """One vocabulary of all things that the tags of several images name, the most frequent first.

    Words that mean the same are one class, and so are a kind and what it is a kind of where both
    were seen, if only in different images; the other words are its aliases.

    Raises:
        VocabularyError: The tags name nothing.

    Example:
        >>> from zeroseg import Description, Tag
        >>> from zeroseg.refinement import seen_vocabulary
        >>> pictures = (("dog", "animal", "boats"), ("puppy",), ("boat", "puppy"))
        >>> tags = (tuple(Tag(word, 0.9) for word in words) for words in pictures)
        >>> seen = seen_vocabulary(map(Description, tags))
        >>> seen.names, seen.aliases[1]
        (('background', 'dog', 'boat'), ('puppy',))
    """
    images, words = Counter[str](), dict[str, set[str]]()
    for description in descriptions:
        named = things(tag.name for tag in description.tags)
        images.update(named.keys())
        for name, own in named.items():
            words.setdefault(name, set()).update(own)
    if not images:
        raise VocabularyError("no tag names anything, so there is nothing to make classes of")
    classes = _kinds_joined({name: (name,) for name in sorted(images)}, built_in_thesaurus())
    often = {name: sum(images[own] for own in joined) for name, joined in classes.items()}
    return Vocabulary.from_names(
        [BACKGROUND_NAMES[0], *sorted(classes, key=lambda name: (-often[name], name))],
        aliases={
            name: sorted({*joined, *(word for own in joined for word in words[own])} - {name})
            for name, joined in classes.items()
        },
        name=SEEN,
    )


def things(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What words of one image stand for: each thing's name, and its words, in the order given.

    Synonyms of the built-in thesaurus are one thing, called as a detector is best asked for it,
    and so are singular and plural. A kind beside what it is a kind of is that ("puppy" beside "dog"
    is a dog), but a wide word such as "animal" is left out where a kind of it is named. Words that
    mean the background, such as "other", name nothing.
    """
    thesaurus = built_in_thesaurus()
    given = list(dict.fromkeys(as_words(word) for word in words))
    name_of = _names(given, thesaurus)
    groups: dict[str, tuple[str, ...]] = {}
    for word in (own for own in given if own in name_of):
        groups[name_of[word]] = (*groups.get(name_of[word], ()), word)
    wide = {w for name in groups for w in _above(name, groups, thesaurus)} & thesaurus.generic
    told = {name: own for name, own in groups.items() if name not in wide}
    return _kinds_joined(told, thesaurus)


def _names(words: Sequence[str], thesaurus: Thesaurus) -> dict[str, str]:
    """For each word that names a thing, the word that it goes by; a singular before its plural."""
    name_of: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for word in sorted(words, key=lambda own: (len(own), own)):
        spellings = keys(words_of(word))
        if not spellings or word in BACKGROUND_NAMES:
            continue
        known = thesaurus.find(words_of(word))
        name = known or next((spelled[key] for key in spellings if key in spelled), word)
        spelled |= {key: name for key in spellings if key not in spelled}
        name_of[word] = name
    return name_of


def _above(name: str, named: Mapping[str, object], thesaurus: Thesaurus) -> list[str]:
    """What is named, too, and what a thing is a kind of, the nearest first."""
    wider = (word for word in thesaurus.above(name) if word in named)
    return [word for word in wider if name not in thesaurus.above(word)]


def _kinds_joined(
    groups: Mapping[str, tuple[str, ...]], thesaurus: Thesaurus
) -> dict[str, tuple[str, ...]]:
    """The things, with the words of kinds under what they are kinds of, but for wide words."""
    joined: dict[str, tuple[str, ...]] = {}
    for name, words in groups.items():
        plain = [w for w in _above(name, groups, thesaurus) if w not in thesaurus.generic]
        whole = plain[-1] if plain else name
        joined[whole] = (*joined.get(whole, ()), *words)
    return joined

"""Looking up a class by the words that name it."""

from __future__ import annotations

from zeroseg.refinement.words import keys, without_article, words_of
from zeroseg.vocabulary import Vocabulary, as_words


class ClassNames:
    """The names of a vocabulary's classes: their names, prompts, aliases and further words.

    Case, hyphens, spaces, punctuation, a leading article and plural endings make no difference.
    Where two classes share a word, its own name beats a prompt, a prompt beats an alias, an alias
    beats a further word, and the word as it stands beats a singular guessed from it.

    Args:
        vocabulary: The classes, the background among them.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        order = sorted(range(len(vocabulary)), key=lambda index: vocabulary.names[index])
        named = [(vocabulary.names[i], i) for i in order]
        named += [(vocabulary.prompts[i], i) for i in order]
        named += [(alias, i) for i in order for alias in vocabulary.aliases[i]]
        named += [(word, i) for i in order for word in vocabulary.words[i]]
        self._exact: dict[str, int] = {}
        for name, index in named[: 2 * len(order)]:
            self._exact.setdefault(as_words(name), index)
        spelled = [(keys(words_of(name)), index) for name, index in named]
        self._index: dict[str, int] = {}
        for rank in range(max(len(found) for found, _ in spelled)):
            for found, index in spelled:
                if rank < len(found):
                    self._index.setdefault(found[rank], index)

    def find(self, text: str) -> int | None:
        """Index of the class that a text names, None if it names none."""
        exact = self._exact.get(as_words(text))
        if exact is not None:
            return exact
        words = words_of(text)
        found = self.find_words(words)
        return found if found is not None else self.find_words(without_article(words))

    def find_words(self, words: tuple[str, ...]) -> int | None:
        """Index of the class that words name as they stand, None if they name none."""
        return next((self._index[key] for key in keys(words) if key in self._index), None)

"""Words out of WordNet, read by the package `wn` from a wordnet that the user has added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zeroseg.compiling.proposals import Proposal, Proposed, Relation, WordSource
from zeroseg.errors import PackageNotFound, ZerosegError
from zeroseg.vocabulary import Vocabulary

_SEEN = frozenset(
    f"noun.{topic}" for topic in "animal artifact body food object person plant substance".split()
)
"""WordNet's files of what can be in a picture: a "light" there is no state of mind."""

_NAMES, _KINDS, _SISTERS = 2, 2, 3
"""Other names and kinds of a class, and what stands beside it; WordNet has dozens."""

_HOW = "`python -m wn download oewn:2025` adds the Open English WordNet"


class WordNetWords(WordSource):
    """Synonyms, kinds and sisters of the first sense of a name that can be in a picture.

    Which sense that is stands with each word, as the synset's id and definition: a reviewer sees
    where WordNet has meant something else. Latin and proper names are left out.

    Args:
        lexicon: A wordnet that `wn` has, such as "oewn:2025"; by default the first English one.

    Raises:
        PackageNotFound: `wn` is not installed (`pip install "zeroseg[wordnet]"`).
        ZerosegError: It has no such wordnet.
    """

    name = "WordNet"

    def __init__(self, lexicon: str | None = None) -> None:
        try:
            import wn
        except ImportError as error:
            raise PackageNotFound("wn", "WordNetWords", str(error), "wordnet") from error
        if not wn.config.database_path.is_file():  # asking for it would make an empty one
            raise ZerosegError(f"wn has no wordnet yet; {_HOW}")
        chosen = {"lexicon": lexicon} if lexicon is not None else {"lang": "en"}
        try:
            known = wn.lexicons(**chosen)
            self.net: Any = wn.Wordnet(known[0].specifier(), expand="") if known else None
        except wn.Error as error:
            raise ZerosegError(f"wn cannot read its wordnets: {error}") from error
        if self.net is None:
            raise ZerosegError(f"wn has no wordnet '{lexicon or 'of English'}'; {_HOW}")

    def propose(self, vocabulary: Vocabulary) -> Proposed:
        """See `WordSource.propose`."""
        found = [own for label in vocabulary.classes for own in self._of(label, vocabulary)]
        return Proposed(tuple(found))

    def _of(self, label: int, vocabulary: Vocabulary) -> Iterator[Proposal]:
        synset = self._meant(vocabulary.prompts[label])
        if synset is None:
            return
        origin = f"{self.name} {synset.id}"
        sense = " ".join((synset.definition() or "").split())
        prompt = vocabulary.prompts[label]
        wider = [sister for above in synset.hypernyms() for sister in above.hyponyms()]
        sisters = [sister for sister in wider if sister.id != synset.id][:_SISTERS]
        told: tuple[tuple[Relation, list[str]], ...] = (
            ("same", [word for word in _plain(synset) if word != prompt][:_NAMES]),
            (
                "narrower",
                [word for kind in synset.hyponyms() for word in _plain(kind)[:1]][:_KINDS],
            ),
            ("looks like", [word for sister in sisters for word in _plain(sister)[:1]]),
        )
        for relation, words in told:
            for word in words:
                yield Proposal(label, relation, word, origin, sense)

    def _meant(self, name: str) -> Any:
        """The first sense of a name that can be in a picture."""
        senses = self.net.synsets(name, pos="n")
        return next((own for own in senses if own.lexfile() in (None, *_SEEN)), None)


def _plain(synset: Any) -> list[str]:
    """A synset's words without Latin and proper names."""
    return [word for word in synset.lemmas() if word == word.lower()]

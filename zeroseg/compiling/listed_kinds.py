"""Things and stuff as the lists have them that come with zeroseg."""

from __future__ import annotations

from zeroseg.class_lists.built_in import NAMES
from zeroseg.compiling.proposals import Proposal, Proposed, WordSource
from zeroseg.vocabulary import Vocabulary


class ListedKinds(WordSource):
    """Whether a class is a thing or stuff, where lists that tell the two apart agree."""

    name = "class lists"

    def propose(self, vocabulary: Vocabulary) -> Proposed:
        """See `WordSource.propose`; no words, but "thing" and "stuff"."""
        lists = [found for found in map(Vocabulary.parse, NAMES) if found.stuff]
        found = []
        for label in vocabulary.classes:
            places = [(own, own.find(vocabulary.names[label])) for own in lists]
            stuff = [own.name for own, place in places if place in own.stuff]
            things = [own.name for own, place in places if place in own.things]
            if stuff and not things:
                found.append(Proposal(label, "stuff", "", " and ".join(stuff)))
            elif things and not stuff:
                found.append(Proposal(label, "thing", "", " and ".join(things)))
        return Proposed(tuple(found))

"""What sources of words propose for the classes of a list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from zeroseg.values import Exchange
from zeroseg.vocabulary import Vocabulary

Relation = Literal["same", "narrower", "wording", "looks like", "thing", "stuff"]
"""What a word is to a class: another word for it, for a kind of it, its name as a detector is asked
with it, or something else that looks like it. The last two are said of the class itself."""


@dataclass(frozen=True)
class Proposal:
    """One thing that a source says of a class.

    Attributes:
        label: Index of the class.
        relation: What the word is to it.
        text: The word; empty for "thing" and "stuff".
        origin: Who says so, such as "thesaurus" or "WordNet oewn-02086723-n".
        reason: Why, in a few words; may be empty.
    """

    label: int
    relation: Relation
    text: str
    origin: str
    reason: str = ""


@dataclass(frozen=True)
class Proposed:
    """All that a source says.

    Attributes:
        proposals: The best of each class first.
        unanswered: Classes that nothing could be learnt of, and why.
        exchanges: What a language model was asked.
    """

    proposals: tuple[Proposal, ...]
    unanswered: Mapping[int, str] = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()


class WordSource(ABC):
    """Somebody who knows words for classes.

    Attributes:
        name: What files call it.
    """

    name: str

    @abstractmethod
    def propose(self, vocabulary: Vocabulary) -> Proposed:
        """Words for every class but the background; whether they can be taken, others judge."""

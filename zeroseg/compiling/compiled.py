"""From what sources propose to the words of a class list: conflicts are left out, and said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from zeroseg.compiling.proposals import Proposal, Proposed
from zeroseg.compiling.rules import EXHAUSTIVE, Rules, respells
from zeroseg.refinement.words import keys, words_of
from zeroseg.values import DISTRACTOR
from zeroseg.vocabulary import Vocabulary, as_words

MOST_WORDS = 4
"""Further words a class: each is one more look of a detector, and recipes that filter what a
language model proposes keep about four (ProC-SAM3)."""

MOST_DISTRACTORS = 24
"""Distractors of a list, each of which is looked for in every picture; SCLIP's lists have 26."""

_RANK = {"same": 0, "narrower": 1}


@dataclass(frozen=True)
class Compiled:
    """A class list with its words, and where they come from.

    Attributes:
        vocabulary: The classes with everything that was kept.
        kept: What was taken, by class; look-alikes and distractors too.
        left_out: What was not, and why.
        unanswered: Classes that a source could not be asked about, and why.
    """

    vocabulary: Vocabulary
    kept: tuple[Proposal, ...]
    left_out: tuple[tuple[Proposal, str], ...]
    unanswered: tuple[tuple[int, str], ...] = ()


def compile_words(
    vocabulary: Vocabulary,
    proposed: Iterable[Proposed],
    most: int = MOST_WORDS,
    most_distractors: int = MOST_DISTRACTORS,
) -> Compiled:
    """Add to classes what sources propose, as far as it stands for one class alone.

    The name stays what a class is asked for with first; a wording takes its place only where it is
    the name itself, spelled for a detector. Words that two classes would share are left out of
    both, unless it is another word for the one and a kind of the other. What looks like a class
    becomes a pair where it is a class of the list, else a distractor; a list in which every pixel
    is of a class gets none. What the vocabulary has already stays.

    Args:
        vocabulary: The classes.
        proposed: What sources say, those that are preferred first.
        most: Further words of a class.
        most_distractors: Distractors of the list.
    """
    said = list(proposed)
    unanswered = tuple((i, why) for own in said for i, why in own.unanswered.items())
    settling = _Settling(vocabulary, most, most_distractors)
    settling.take([proposal for own in said for proposal in own.proposals])
    return Compiled(settling.vocabulary, tuple(settling.kept), tuple(settling.left_out), unanswered)


class _Settling:
    """Decides about proposals, one kind of them after the other."""

    def __init__(self, vocabulary: Vocabulary, most: int, most_distractors: int) -> None:
        self.vocabulary, self.most, self.most_distractors = vocabulary, most, most_distractors
        self.rules = Rules(vocabulary)
        self.kept: list[Proposal] = []
        self.left_out: list[tuple[Proposal, str]] = []
        self.owners: dict[str, int] = {}
        for label in range(len(vocabulary)):
            asked = (vocabulary.names[label], vocabulary.prompts[label], *vocabulary.words[label])
            self._own(asked, label)
        self._own(vocabulary.distractors, DISTRACTOR)

    def take(self, proposals: Sequence[Proposal]) -> None:
        """Settle all that is proposed."""
        said = list(map(self._as_word, proposals))
        self._spell([p for p in said if p.relation == "wording" and self._passes(p)])
        self.rules = Rules(self.vocabulary)  # a class is known by its wording, too
        passed = [p for p in said if p.relation != "wording" and self._passes(p)]
        self._add_words([p for p in passed if p.relation in _RANK])
        self._tell_apart([p for p in passed if p.relation == "looks like"])
        self._sort_kinds([p for p in passed if p.relation in ("thing", "stuff")])

    def _own(self, texts: Iterable[str], label: int) -> None:
        for text in texts:
            for spelling in _spellings(text):
                self.owners.setdefault(spelling, label)

    def _owner(self, text: str) -> int | None:
        """The class that a text is already asked for, or `DISTRACTOR`."""
        return next((self.owners[s] for s in _spellings(text) if s in self.owners), None)

    def _keep(self, proposal: Proposal, label: int) -> None:
        self.kept.append(proposal)
        self._own([proposal.text], label)

    def _leave(self, proposal: Proposal, why: str) -> None:
        self.left_out.append((proposal, why))

    def _as_word(self, proposal: Proposal) -> Proposal:
        """A wording that is another word than the name is a word like any other."""
        swaps = proposal.relation == "wording" and not respells(
            proposal.text, self.vocabulary.names[proposal.label]
        )
        return replace(proposal, relation="same") if swaps else proposal

    def _passes(self, proposal: Proposal) -> bool:
        if objection := self.rules.objection(proposal):
            self._leave(proposal, objection)
        return not objection

    def _spell(self, wordings: Sequence[Proposal]) -> None:
        """Have names asked for as a detector knows them; the first wording of a class counts."""
        prompts = list(self.vocabulary.prompts)
        spelled: set[int] = set()
        for proposal in wordings:
            label, owner = proposal.label, self._owner(proposal.text)
            if label in spelled or as_words(proposal.text) == as_words(prompts[label]):
                continue
            if owner not in (None, label):
                self._leave(proposal, f"it would mean {self._called(owner)}, too")
                continue
            prompts[label] = proposal.text
            spelled.add(label)
            self._keep(proposal, label)
        self.vocabulary = replace(self.vocabulary, prompts=tuple(prompts))

    def _add_words(self, proposals: Sequence[Proposal]) -> None:
        """Add words in the order they are proposed in, as many as a class may have."""
        claims = _claims(proposals)
        words = [list(own) for own in self.vocabulary.words]
        for proposal in proposals:
            label, owner = proposal.label, self._owner(proposal.text)
            if owner == label:
                continue
            rivals = {i for s in _spellings(proposal.text) for i in claims[s]} - {label}
            if owner is not None or rivals:
                other = min(rivals) if owner is None else owner
                self._leave(proposal, f"it would mean {self._called(other)}, too")
            elif len(words[label]) >= self.most:
                self._leave(proposal, f"the class has {self.most} more words already")
            else:
                words[label].append(proposal.text)
                self._keep(proposal, label)
        self.vocabulary = replace(self.vocabulary, words=tuple(map(tuple, words)))

    def _tell_apart(self, proposals: Sequence[Proposal]) -> None:
        """Make pairs of what looks like another class, and distractors of what is none."""
        pairs, distractors = set(self.vocabulary.look_alikes), list(self.vocabulary.distractors)
        for proposal in proposals:
            label, named = proposal.label, self.rules.names.find(proposal.text)
            if named is not None:
                pair = (min(label, named), max(label, named))
                if named != label and pair not in pairs:
                    pairs.add(pair)
                    self.kept.append(proposal)
                continue
            if (owner := self._owner(proposal.text)) is not None:
                if owner != DISTRACTOR:
                    self._leave(proposal, f"it is a word for {self._called(owner)}")
            elif self.vocabulary.exhaustive:
                self._leave(proposal, EXHAUSTIVE)
            elif len(distractors) >= self.most_distractors:
                self._leave(proposal, f"the list has {self.most_distractors} distractors already")
            else:
                distractors.append(proposal.text)
                self._keep(proposal, DISTRACTOR)
        self.vocabulary = replace(
            self.vocabulary, look_alikes=tuple(sorted(pairs)), distractors=tuple(distractors)
        )

    def _sort_kinds(self, proposals: Sequence[Proposal]) -> None:
        """Say which classes are stuff, where the list does not; the first word on each counts."""
        if self.vocabulary.stuff:
            return
        said: dict[int, Proposal] = {}
        for proposal in proposals:
            said.setdefault(proposal.label, proposal)
        stuff = [own for own in said.values() if own.relation == "stuff"]
        self.kept += stuff
        labels = tuple(sorted(own.label for own in stuff))
        self.vocabulary = replace(self.vocabulary, stuff=labels)

    def _called(self, owner: int | None) -> str:
        named = owner is not None and owner != DISTRACTOR
        return self.vocabulary.names[owner or 0] if named else "what is none of the classes"


def _spellings(text: str) -> tuple[str, ...]:
    """What a text has in common with its plural, and with other hyphens and spaces."""
    return keys(words_of(text))


def _claims(proposals: Sequence[Proposal]) -> dict[str, set[int]]:
    """For each spelling the classes whose claim to it is the strongest."""
    claims: dict[str, tuple[int, set[int]]] = {}
    for proposal in proposals:
        rank = _RANK[proposal.relation]
        for spelling in _spellings(proposal.text):
            best, labels = claims.get(spelling, (rank, set()))
            if rank < best:
                best, labels = rank, set()
            if rank == best:
                labels.add(proposal.label)
            claims[spelling] = (best, labels)
    return {spelling: labels for spelling, (_, labels) in claims.items()}

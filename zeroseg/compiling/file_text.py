"""A class list with its words as a file that a person reviews: one word a line, and whose it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from zeroseg.class_lists.files import read_structure
from zeroseg.compiling.compiled import Compiled
from zeroseg.compiling.proposals import Proposal
from zeroseg.errors import VocabularyError
from zeroseg.vocabulary import Vocabulary, as_words, distinct_colors

_HEAD = """\
# Words are added: a class is asked for by its name, then by its words; the best one counts.
# Take out what is wrong, then: zeroseg vocabulary check FILE. Comments say whose a word is and
# why; what was proposed and left out stands there too, with the reason."""

_PLAIN = re.compile(r"[^\W\d_][\w'-]*(?: [\w'-]+)*")
_WIDTH = 100
_COLUMN = 30
"""Where comments begin, unless a word is longer."""

_LONGEST = 160
"""Characters of a comment, which may hold words of a language model."""


def class_file(compiled: Compiled, sources: Sequence[str]) -> str:
    """The file of a compiled class list; `Vocabulary.from_yaml` reads the vocabulary back.

    Args:
        compiled: What was kept and left out.
        sources: Who was asked, for the first line.

    Raises:
        VocabularyError: The vocabulary cannot be read back from the text.
    """
    vocabulary = compiled.vocabulary
    first = f"# Words for {_said(vocabulary.name)}, by {_said(' and '.join(sources))}."
    text = "\n".join([first, _HEAD, *_list(vocabulary), *words_of_file(compiled)]) + "\n"
    if Vocabulary.from_dict(read_structure(text)) != vocabulary:
        raise VocabularyError(f"the classes of '{vocabulary.name}' cannot be written to a file")
    return text


def _list(vocabulary: Vocabulary) -> Iterator[str]:
    """What the list itself holds, as short as it can be."""
    count, names = len(vocabulary), vocabulary.names
    yield f"name: {_scalar(vocabulary.name)}"
    yield from _flow("classes", map(_scalar, names))
    yield f"background: {_scalar(names[vocabulary.background])}"
    yield from _flow("ids", map(str, vocabulary.ids))
    if vocabulary.colors != distinct_colors(count, vocabulary.background):
        yield from _flow("colors", (str(list(color)) for color in vocabulary.colors))
    yield f"ignore_index: {vocabulary.ignore_index}"
    aliases = zip(names, vocabulary.aliases, strict=True)
    yield from _block(
        "aliases",
        (f"{_scalar(name)}: [{', '.join(map(_scalar, own))}]" for name, own in aliases if own),
    )
    if vocabulary.exhaustive:
        yield "exhaustive: true"


def words_of_file(compiled: Compiled) -> Iterator[str]:
    """The lines of a file that say what classes are asked for with."""
    vocabulary, names = compiled.vocabulary, compiled.vocabulary.names
    of_class = _Comments(compiled)
    prompts = enumerate(vocabulary.prompts)
    spelled = [(i, prompt) for i, prompt in prompts if prompt != as_words(names[i])]
    yield from _block(
        "prompts",
        (_line(f"{_scalar(names[i])}: {_scalar(p)}", of_class.word(i, p)) for i, p in spelled),
    )
    yield from _block(
        "stuff", (_line(f"- {_scalar(names[i])}", of_class.kind(i)) for i in vocabulary.stuff)
    )
    yield from _block("words", _words(vocabulary, of_class))
    yield from _block(
        "look_alikes",
        (
            _line(f"- [{_scalar(names[a])}, {_scalar(names[b])}]", of_class.pair(a, b))
            for a, b in vocabulary.look_alikes
        ),
    )
    claimed = (_line(f"- {_scalar(w)}", of_class.distractor(w)) for w in vocabulary.distractors)
    yield from _block("distractors", [*claimed, *of_class.left_out(None, "looks like")])
    yield from (f"# {_said(names[i])}: {_said(why)}" for i, why in compiled.unanswered)


def _words(vocabulary: Vocabulary, of_class: _Comments) -> Iterator[str]:
    for label, (name, words) in enumerate(zip(vocabulary.names, vocabulary.words, strict=True)):
        if words:
            yield f"{_scalar(name)}:"
        yield from (_line(f"  - {_scalar(word)}", of_class.word(label, word)) for word in words)
        yield from (f"  {line}" for line in of_class.left_out(label, "same", "narrower", "wording"))


class _Comments:
    """What is said behind words and below classes."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.names = compiled, compiled.vocabulary.names

    def word(self, label: int, text: str) -> str:
        """Whose a class's word is."""
        own = next((p for p in self._kept(label) if p.text == text), None)
        return "as it was given" if own is None else f"{own.relation}; {_origin(own)}"

    def kind(self, label: int) -> str:
        """Who says that a class is stuff."""
        own = next((p for p in self._kept(label) if p.relation == "stuff"), None)
        return "as it was given" if own is None else _origin(own)

    def pair(self, first: int, second: int) -> str:
        """Who says that two classes look alike."""
        for label, other in ((first, second), (second, first)):
            for own in self._kept(label):
                if own.relation == "looks like" and own.text and self._names(own.text, other):
                    return _origin(own)
        return "as it was given"

    def distractor(self, text: str) -> str:
        """Which class it looks like, and who says so."""
        kept = self.compiled.kept
        own = next((p for p in kept if p.relation == "looks like" and p.text == text), None)
        if own is None:
            return "as it was given"
        return f"looks like {self.names[own.label]}; {_origin(own)}"

    def left_out(self, label: int | None, *relations: str) -> Iterator[str]:
        """What was not taken, of a class or of all, and why."""
        for own, why in self.compiled.left_out:
            if own.relation in relations and label in (None, own.label):
                said = f"left out of {self.names[own.label]}: {own.text}"
                yield f"# {_said(f'{said} ({own.relation}; {own.origin}): {why}')}"

    def _kept(self, label: int) -> list[Proposal]:
        return [own for own in self.compiled.kept if own.label == label]

    def _names(self, text: str, label: int) -> bool:
        found = self.compiled.vocabulary.find(text)
        return found == label or text in self.compiled.vocabulary.aliases[label]


def _origin(proposal: Proposal) -> str:
    reason = f": {proposal.reason}" if proposal.reason else ""
    return f"{proposal.origin}{reason}"


def _block(key: str, lines: Iterable[str]) -> list[str]:
    """A key and what stands under it; nothing where nothing does."""
    found = [f"  {line}" for line in lines]
    return [f"{key}:", *found] if found else []


def _line(content: str, comment: str) -> str:
    return f"{content:<{_COLUMN - 2}}  # {_said(comment)}"


def _flow(key: str, items: Iterable[str]) -> Iterator[str]:
    """A list on lines of a readable length."""
    line = f"{key}: ["
    for item in items:
        if len(line) + len(item) + 2 > _WIDTH:
            yield line.rstrip()
            line = "  "
        line += f"{item}, "
    yield f"{line.rstrip().removesuffix(',')}]"


def _scalar(text: str) -> str:
    """A text as YAML that nothing reads as something else."""
    plain = _PLAIN.fullmatch(text) and text.casefold() not in _TAKEN
    return text if plain else json.dumps(text, ensure_ascii=False)


_TAKEN = frozenset("y yes n no true false on off null".split())
"""Words that YAML's readers take for something else."""


def _said(text: str) -> str:
    """A text as part of a comment: one line, without what could end it, and no book."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    line = " ".join(shown.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."

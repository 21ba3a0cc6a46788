"""Few-shot examples: annotated images as text, and why their labels are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply, replies_of
from zeroseg.chat.final_answer import final_answer
from zeroseg.refinement.prompting import class_names, described, fill, quoted, read_template
from zeroseg.values import Description, Exchange, Tag
from zeroseg.vocabulary import Vocabulary

_QUESTION = "Why are these the classes in the picture?"
_LONGEST = 2000
"""Characters of an explanation that are kept; what was asked for takes fewer."""


@dataclass(frozen=True)
class Example:
    """A description with its right answer, to show a language model how it is done.

    Attributes:
        description: What was said about an image.
        labels: Names of the classes that are in it; none is an answer, too.
        explanation: How the one follows from the other, "" for nothing said.
        name: What the image is called in its data set, "" if it is from none.
        exchanges: What a language model was asked to get the explanation.
    """

    description: Description
    labels: tuple[str, ...]
    explanation: str = ""
    name: str = ""
    exchanges: tuple[Exchange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What a configuration says of it, which is all but the exchanges."""
        tags = [{"name": tag.name, "score": tag.score} for tag in self.description.tags]
        return {
            "description": {"tags": tags, "caption": self.description.caption},
            "labels": list(self.labels),
            "explanation": self.explanation,
            "name": self.name,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Example:
        """Read back what `to_dict` gave."""
        said = content["description"]
        tags = tuple(Tag(tag["name"], tag["score"]) for tag in said["tags"])
        description = Description(tags, said["caption"])
        return cls(description, tuple(content["labels"]), content["explanation"], content["name"])


def explain(
    examples: Sequence[Example], chat: ChatModel, vocabulary: Vocabulary
) -> tuple[Example, ...]:
    """Have a language model explain once how each example's labels follow from its description.

    All are asked in one batch. What is answered is kept as one line of plain text; in a prompt it
    stands quoted, as data. An example whose question is refused stays without explanation.

    Args:
        examples: Descriptions with their true labels.
        chat: Who explains.
        vocabulary: The classes that could have been chosen.

    Returns:
        The same examples with their explanations and what was asked, tokens and cost included.

    Raises:
        ChatError: The model cannot be asked at all.
        VocabularyError: An example names a class that is not in the vocabulary.
    """
    if not examples:
        return ()
    template = read_template(None, "explanation.txt", ("classes",))
    system = fill(template, {"classes": ", ".join(class_names(vocabulary))})
    asked = [_question(system, example, vocabulary) for example in examples]
    return tuple(
        replace(
            example,
            explanation=_one_line(reply.text),
            exchanges=(_exchange(question, reply),),
        )
        for example, question, reply in zip(examples, asked, replies_of(chat, asked), strict=True)
    )


def shown(example: Example, vocabulary: Vocabulary) -> str:
    """An example as it stands in a prompt, two or three lines.

    Raises:
        VocabularyError: It names a class that is not in the vocabulary.
    """
    lines = [
        f"Example: {described(example.description)}",
        f"Answer: {_answer(example, vocabulary)}",
    ]
    if example.explanation:
        lines.append(f"Why: {quoted(example.explanation)}")
    return "\n".join(lines)


def _question(system: str, example: Example, vocabulary: Vocabulary) -> Conversation:
    asked = (
        f"{_QUESTION}\n<description>\n{described(example.description)}\n</description>\n"
        f"Classes in the picture: {_answer(example, vocabulary)}"
    )
    return Conversation((Message("system", system), Message("user", asked)))


def _answer(example: Example, vocabulary: Vocabulary) -> str:
    labels = [vocabulary.names[vocabulary.index(name)] for name in example.labels]
    return ", ".join(labels) or "none"


def _one_line(text: str) -> str:
    """An answer without what a reasoning model thought before it."""
    return " ".join(final_answer(text).split())[:_LONGEST]


def _exchange(question: Conversation, reply: Reply) -> Exchange:
    text = question.text()
    return Exchange("explanation", text, reply.text, (), reply.usage, reply.refused)

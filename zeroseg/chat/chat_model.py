"""The contract of language models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

from zeroseg.values import Usage


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Conversation:
    """What a language model is asked.

    Attributes:
        messages: The turns, oldest first; the last one is the user's.
        schema: JSON schema that the answer should satisfy. A backend that cannot enforce it
            ignores it: whoever reads the answer validates it anyway.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.messages or self.messages[-1].role != "user":
            raise ValueError("a conversation ends with a message of the user")

    def text(self) -> str:
        """All turns as one text, for the trace."""
        return "\n\n".join(message.content for message in self.messages)


@dataclass(frozen=True)
class Reply:
    """An answer of a language model.

    Attributes:
        text: The answer as it came; may be empty or cut off.
        usage: Tokens and cost of this answer.
        complete: False when the answer was cut off at the token limit.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    complete: bool = True


class ChatModel(nn.Module, ABC):
    """Answers conversations."""

    @abstractmethod
    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer every conversation, independently of the others.

        Args:
            conversations: B of them; none is not an error.

        Returns:
            B replies in the same order. A reply may be empty or nonsense: it is text from
            outside.

        Raises:
            ChatError: The model refused, or stayed unreachable after bounded retries.
        """

    if TYPE_CHECKING:
        __call__ = forward

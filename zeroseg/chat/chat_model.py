"""The contract of language models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

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

    def __init__(self) -> None:
        super().__init__()
        self._own = uuid4().hex

    @property
    def identity(self) -> str:
        """What tells this model from others that may answer differently; part of a cache's keys.

        By default an object answers only like itself, so that what is kept of its answers is not
        found by another one. A model whose answers follow from its arguments says so by naming
        them here; answers then outlive the process.
        """
        return f"{type(self).__module__}.{type(self).__qualname__} {self._own}"

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server, so that others can work meanwhile.

        Such a model is asked from several threads at once.
        """
        return False

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

    def forget(self, conversation: Conversation) -> None:
        """Learn that the answer to a conversation could not be used.

        A model that keeps answers gives this one up; others have nothing to do.
        """

    if TYPE_CHECKING:
        __call__ = forward

"""The contract of language models."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from torch import Tensor, nn

from zeroseg.errors import ComponentError
from zeroseg.values import Usage, check_images

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture shown with a message; two are equal if they show the same in the same size.

    Attributes:
        pixels: (3, H, W) uint8, RGB.
        longest_side: The most pixels that the longer side is shown with; None shows all of them.

    Raises:
        ValueError: These are no pixels, or `longest_side` is less than 1.
    """

    pixels: Tensor
    longest_side: int | None = None

    def __post_init__(self) -> None:
        check_images([self.pixels])
        if self.longest_side is not None and self.longest_side < 1:
            raise ValueError(f"longest_side is {self.longest_side}, expected at least 1 or None")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) as shown."""
        height, width = self.pixels.shape[1:]
        longest = max(height, width)
        shown = min(longest, self.longest_side or longest)
        return max(1, round(height * shown / longest)), max(1, round(width * shown / longest))

    @cached_property
    def digest(self) -> str:
        """Names the content: pixels and size as shown."""
        pixels = self.pixels.cpu().contiguous()
        content = hashlib.sha256(f"{tuple(pixels.shape)} {self.size}".encode())
        content.update(pixels.numpy().tobytes())
        return content.hexdigest()

    def image(self) -> Image:
        """The picture in the size as shown."""
        from PIL import Image

        height, width = self.size
        image = Image.fromarray(self.pixels.permute(1, 2, 0).cpu().contiguous().numpy())
        return image if image.size == (width, height) else image.resize((width, height))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said.
        pictures: Shown before the words, in this order.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """What a language model is asked.

    Attributes:
        messages: The turns, oldest first; the last one is the user's.
        schema: JSON schema that the answer should satisfy. A backend that cannot enforce it
            ignores it: whoever reads the answer validates it anyway.
        part_of: The messages of a larger question that was refused and of which this is a part;
            None for a question of its own.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    part_of: tuple[Message, ...] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.messages or self.messages[-1].role != "user":
            raise ValueError("a conversation ends with a message of the user")

    def text(self) -> str:
        """All turns as one text, for the trace; pictures by their size only."""
        return "\n\n".join(map(_told, self.messages))


@dataclass(frozen=True)
class Reply:
    """An answer of a language model.

    Attributes:
        text: The answer as it came; may be empty or cut off.
        usage: Tokens and cost of this answer.
        complete: False when the answer was cut off at the token limit.
        refused: Why this conversation has no answer while others may: its content was held back,
            it is too long, or what was answered did not pass the server's own checks. None where
            there is an answer.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    complete: bool = True
    refused: str | None = None


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
            outside. What concerns one conversation alone is a reply that says why it was refused.

        Raises:
            ChatError: Something that concerns every conversation: no server, no key, no such
                model, a spent quota, or nothing but refusals.
        """

    def forget(self, conversation: Conversation) -> None:
        """Learn that the answer to a conversation could not be used.

        A model that keeps answers gives this one up; others have nothing to do.
        """

    if TYPE_CHECKING:
        __call__ = forward


def replies_of(chat: ChatModel, conversations: Sequence[Conversation]) -> list[Reply]:
    """A model's replies to conversations, one for each.

    Raises:
        ComponentError: It returned something else.
    """
    replies: Any = chat(conversations)
    name, count = type(chat).__name__, len(conversations)
    if isinstance(replies, str) or not isinstance(replies, Sequence):
        raise ComponentError(name, f"a sequence of {count} Replies", repr(replies)[:80])
    if len(replies) != count:
        raise ComponentError(name, f"{count} replies", f"{len(replies)}")
    for reply in replies:
        if not isinstance(reply, Reply) or not isinstance(reply.text, str):
            raise ComponentError(name, "a Reply with a text", repr(reply)[:80])
    return list(replies)


def _told(message: Message) -> str:
    """A turn's words, after the sizes of its pictures: "[picture 640 x 480]"."""
    shown = (f"[picture {p.size[1]} x {p.size[0]}]" for p in message.pictures)
    return "\n".join((*shown, message.content))

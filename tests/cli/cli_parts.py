"""Components that a YAML file can describe, for runs of the command line without models."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence

import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.chat.chat_model import ChatModel, Conversation, Reply
from zeroseg.errors import ChatError
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.running.stage import Stage
from zeroseg.values import Tag, Usage


class FixedTags(Tagger):
    """The same tags for every image, but none can be given to an image of the wrong size."""

    def __init__(self, names: list[str], breaks_at_width: int = 0) -> None:
        super().__init__()
        self.names, self.breaks_at_width = names, breaks_at_width

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        if any(image.shape[2] == self.breaks_at_width for image in images):
            raise RuntimeError("the tagger broke")
        return [tuple(Tag(name, 1.0) for name in self.names) for _ in images]


class FailsAfter(Captioner):
    """A captioner whose service is gone after some images."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.left = count

    def forward(self, images: Sequence[Tensor]) -> list[str]:
        self.left -= len(images)
        if self.left < 0:
            raise ChatError("the service stayed unreachable")
        return ["a caption"] * len(images)


class Nothing(BaseSegmenter):
    """A system without stages that finds nothing."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (Blank(),)


class Blank(Stage):
    """Index 0 everywhere."""

    name, needs, gives = "blank", ("image",), ("label_map",)

    def __call__(self, images: Sequence[Tensor]) -> tuple[list[Tensor]]:
        return ([torch.zeros(image.shape[1:], dtype=torch.int64) for image in images],)


class Rambling(ChatModel):
    """Finds a dog in everything, and never explains the same way twice, in any process."""

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        said = next(_NUMBERS)
        return [
            Reply(f"dog {said}" if "Why" in c.text() else "dog", Usage(1)) for c in conversations
        ]


_NUMBERS = itertools.count()


class Signalling(Tagger):
    """A tagger during whose work, on its second batch, somebody wants the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.batches = number, 0

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        self.batches += 1
        if self.batches == 2:
            os.kill(os.getpid(), self.number)
        return [(Tag("dog", 1.0),) for _ in images]

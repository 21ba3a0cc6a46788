"""Components that workers build by their class paths, for runs over archives without models."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.chat.chat_model import ChatModel, Conversation, Reply
from zeroseg.errors import ChatError
from zeroseg.recognition.blip2 import Blip2
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.running.stage import Stage
from zeroseg.testing import ScriptedConcepts, ScriptedReviewer, ScriptedScorer, ScriptedVerifier
from zeroseg.values import UNRESOLVED, Tag, Usage
from zeroseg.vocabulary import Vocabulary


class Tags(Tagger):
    """A dog in every picture, and a boat in bright ones; it breaks at pictures of one width."""

    def __init__(self, breaks_at_width: int = 0) -> None:
        super().__init__()
        self.breaks_at_width = breaks_at_width

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        if any(image.shape[2] == self.breaks_at_width for image in images):
            raise RuntimeError("the tagger broke")
        bright = [bool(image.float().mean() > 127) for image in images]
        return [(Tag("dog", 1.0), *([Tag("boat", 0.5)] if b else [])) for b in bright]


class Mortal(Blip2):
    """A captioner whose process is killed at the first picture of one width, once."""

    width: int
    marker: Path

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, checkpoint: str, *, width: int, marker: str
    ) -> Mortal:
        part = super().from_pretrained(checkpoint)
        part.width, part.marker = width, Path(f"{marker}.once")  # a run's files may not change
        return part

    def forward(self, images: Sequence[Tensor]) -> list[str]:
        if any(image.shape[2] == self.width for image in images) and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)


class Leaving(Captioner):
    """A captioner whose service is gone when a picture of one width comes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, images: Sequence[Tensor]) -> list[str]:
        if any(image.shape[2] == self.width for image in images):
            raise ChatError("the service stayed unreachable")
        return ["a caption"] * len(images)


class Echo(ChatModel):
    """A language model that finds every class present, for 7 tokens a word it is sent."""

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        return [
            Reply("dog, boat", Usage(1, 7 * len(str(talk).split()), 2, 0.25, 0.0))
            for talk in conversations
        ]

    @property
    def waits(self) -> bool:
        return True

    @property
    def identity(self) -> str:
        return "echo"


class Bright(BaseSegmenter):
    """A system without stages: bright pixels are of the first class.

    Its service is gone when a picture of one width comes.
    """

    def __init__(
        self, vocabulary: Vocabulary, batch_size: int = 2, leaves_at_width: int = 0
    ) -> None:
        super().__init__(vocabulary, batch_size)
        self.leaves_at_width = leaves_at_width

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (Looking(self),)


class Looking(Stage):
    """What `Bright` does."""

    name, needs, gives = "looking", ("image",), ("label_map",)

    def __init__(self, system: Bright) -> None:
        self.first = system.vocabulary.classes[0]
        self.leaves_at_width = system.leaves_at_width

    def __call__(self, images: Sequence[Tensor]) -> tuple[list[Tensor]]:
        if any(image.shape[2] == self.leaves_at_width for image in images):
            raise ChatError("the service stayed unreachable")
        return ([torch.where(image[0] > 127, self.first, 0).long() for image in images],)


class Numbered(ChatModel):
    """A language model that calls a dog an animal and a boat a vessel, as post-refinement asks."""

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        return [Reply("1. animal\n2. vessel", Usage(1, 10, 5, 0.0, 0.0)) for _ in conversations]


class Boxes(ScriptedConcepts):
    """A detector that knows pixels: a dog on the left, a boat on the right."""

    def __init__(self) -> None:
        super().__init__({"dog": (0, 0, 0.5, 1), "boat": (0.5, 0, 1, 1)})


class Scores(ScriptedScorer):
    """Dense scores of the same."""

    def __init__(self) -> None:
        super().__init__({"dog": (0, 0, 0.5, 1), "boat": (0.5, 0, 1, 1)})


class SeesBoats(ScriptedVerifier):
    """A verifier that finds boats alone."""

    def __init__(self) -> None:
        super().__init__({"boat": 0.5})


class SeesNoDogs(ScriptedReviewer):
    """A reviewer that takes dogs away."""

    def __init__(self) -> None:
        super().__init__({1: UNRESOLVED})


class Looks(ChatModel):
    """A model that sees a boat in bright pictures and a dog in dark ones, numbered or not."""

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        return [Reply(self._look(own), Usage(1, 300, 4, 0.5, 0.0)) for own in conversations]

    def _look(self, asked: Conversation) -> str:
        words, [picture] = asked.messages[-1].content, asked.messages[-1].pictures
        seen = "boat" if int(picture.pixels[0, 20, 4]) > 127 else "dog"  # no box is drawn there
        lines = words.split("\n")[1:]
        answers = [f"{n}: {seen if seen in own else 'none'}" for n, own in enumerate(lines, 1)]
        return "\n".join(answers) or seen

    @property
    def waits(self) -> bool:
        return True

    @property
    def identity(self) -> str:
        return "looks"

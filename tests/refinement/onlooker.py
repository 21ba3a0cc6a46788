"""A model that sees drawn scenes as they are, and numbered boxes where they were drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from PIL import ImageColor
from torch import Tensor

from zeroseg.chat.chat_model import ChatModel, Conversation, Reply
from zeroseg.data.sample_data import SampleData
from zeroseg.refinement import numbered_boxes
from zeroseg.values import Usage

_QUESTION = re.compile(r"^(\d+)\. (box|anywhere)[^:]*: (.+)$", re.MULTILINE)


class Onlooker(ChatModel):
    """Knows the truth of a data set's scenes, which it tells by what it is shown.

    Args:
        data: The scenes; pictures are to be shown in their own size.
    """

    def __init__(self, data: SampleData) -> None:
        super().__init__()
        self.data = data
        self.scenes = [data.dataset[i] for i in range(len(data.dataset))]
        self.asked: list[Conversation] = []

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer in the form that is asked for."""
        self.asked += conversations
        return [Reply(self._answer(own), Usage(calls=1)) for own in conversations]

    def _answer(self, asked: Conversation) -> str:
        [picture] = asked.messages[1].pictures
        image, target = self._scene(picture.pixels)
        questions = _QUESTION.findall(asked.messages[1].content)
        if not questions:
            return ", ".join(self._names(target)) or "none"
        lines = []
        for number, kind, classes in questions:
            place = target if kind == "anywhere" else _within(picture.pixels, image, target, number)
            seen = [name for name in self._names(place) if name in classes.split(", ")]
            lines.append(f"{number}: {seen[0] if seen else 'none'}")
        return "\n".join(lines)

    def _scene(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The scene that a picture shows, whatever is drawn on it, and its truth."""
        alike = [s for s in self.scenes if s.image.shape == pixels.shape]
        scene = max(alike, key=lambda own: int((own.image == pixels).sum()))
        assert scene.target is not None
        return scene.image, scene.target

    def _names(self, target: Tensor) -> list[str]:
        """The classes of a place, the largest first."""
        counts = target.flatten().bincount(minlength=len(self.data.vocabulary))
        found = counts.argsort(descending=True, stable=True).tolist()
        names = self.data.vocabulary.names
        return [names[i] for i in found if counts[i] and i in self.data.vocabulary.classes]


def _within(pixels: Tensor, image: Tensor, target: Tensor, number: str) -> Tensor:
    """The truth within the box of a number, found by its colour."""
    colors = numbered_boxes._COLORS
    told = ImageColor.getrgb(colors[(int(number) - 1) % len(colors)])
    color = torch.tensor(told, dtype=torch.uint8)[:, None, None]
    drawn = (pixels == color).all(0) & (pixels != image).any(0)
    rows, columns = drawn.nonzero().unbind(1)
    return target[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]

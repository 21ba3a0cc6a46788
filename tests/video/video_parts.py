"""Small videos, and systems that cost nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from zeroseg.detection.detector import Detector
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement import LexicalPreRefiner
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks
from zeroseg.values import Detections, Selection, Tag
from zeroseg.video.film import write_film
from zeroseg.vocabulary import Vocabulary

PETS = Vocabulary.from_names(["background", "dog", "cat"])
COLOURS = {"dog": (255, 0, 0), "cat": (0, 0, 255)}


class Square:
    """A square of a colour, with its corner at a place."""

    def __init__(self, name: str, x: int, y: int, side: int = 16) -> None:
        self.name, self.x, self.y, self.side = name, x, y, side


def picture(*squares: Square, ground: int = 127, size: tuple[int, int] = (48, 64)) -> Tensor:
    image = torch.full((3, *size), ground, dtype=torch.uint8)
    for own in squares:
        colour = torch.tensor(COLOURS[own.name], dtype=torch.uint8)[:, None, None]
        image[:, own.y : own.y + own.side, own.x : own.x + own.side] = colour
    return image


class Colours(Detector):
    """Finds the squares of the colours that are asked for; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        self.asked += [own.prompts for own in selections]
        return [self._find(*pair) for pair in zip(images, selections, strict=True)]

    def _find(self, image: Tensor, selection: Selection) -> Detections:
        boxes, places = [], []
        for place, prompt in enumerate(selection.prompts):
            colour = torch.tensor(COLOURS[prompt], dtype=torch.uint8)[:, None, None]
            rows, columns = (image == colour).all(0).nonzero().unbind(1)
            if len(rows):
                ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                boxes.append([float(end) for end in ends])
                places.append(place)
        labels = torch.tensor([selection.labels[i] for i in places], dtype=torch.int64)
        return Detections(
            boxes=torch.tensor(boxes).reshape(-1, 4),
            scores=torch.linspace(0.9, 0.8, len(boxes)),
            labels=labels,
            phrases=tuple(selection.prompts[i] for i in places),
            prompt_index=torch.tensor(places, dtype=torch.int64),
        )


class Looks(Tagger):
    """Names the colours there are; counts the pictures it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        self.count += len(images)
        return [tuple(Tag(name, 1.0) for name in self._names(image)) for image in images]

    @staticmethod
    def _names(image: Tensor) -> list[str]:
        colours = {name: torch.tensor(c, dtype=torch.uint8) for name, c in COLOURS.items()}
        return [n for n, c in colours.items() if bool((image == c[:, None, None]).all(0).any())]


def colour_segmenter(batch_size: int = 4) -> ZeroShotSegmenter:
    """A system that sees squares by their colours."""
    return ZeroShotSegmenter(
        PETS, LexicalPreRefiner(), Colours(), BoxMasks(), tagger=Looks(), batch_size=batch_size
    )


def film(file: Path, images: Iterable[Tensor], times: Sequence[float] | None = None) -> Path:
    """A video of pictures at 10 frames a second, or at times on a clock of milliseconds."""
    shown = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    clock = [i / 10 for i in range(len(shown))] if times is None else times
    for _ in write_film(file, zip(clock, shown, strict=True), Fraction(10), Fraction(1, 1000)):
        pass
    return file

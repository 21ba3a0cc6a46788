"""A system that needs no networks: it sees a dog in the upper half of every picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from zeroseg.recognition.tagger import Tagger
from zeroseg.values import Tag


class Puppies(Tagger):
    """Sees puppies everywhere.

    Args:
        score: How surely, in [0, 1].
    """

    def __init__(self, score: float = 1.0) -> None:
        super().__init__()
        self.score = score

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        return [(Tag("puppy", self.score),) for _ in images]


def content() -> dict[str, Any]:
    """The system as a configuration."""
    return {
        "vocabulary": "drawn",
        "tagger": {"class_path": f"{__name__}.Puppies"},
        "pre_refiner": {"class_path": "zeroseg.refinement.lexical_pre_refiner.LexicalPreRefiner"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": {"dog": [0.0, 0.0, 1.0, 0.5]}},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
        "batch_size": 2,
    }

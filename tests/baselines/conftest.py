"""The very small SAM of the masking tests, and masks made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tests.masking.conftest import processor, sam_model
from zeroseg.masking.mask_proposer import Proposals
from zeroseg.testing import BoxMasks, blank, boxed
from zeroseg.values import Masks

__all__ = ["masks_of", "processor", "proposals_of", "sam_model"]


def masks_of(boxes: Sequence[Sequence[float]], height: int = 32, width: int = 48) -> Masks:
    """Rectangles for masks."""
    return BoxMasks()([blank(height, width)], [boxed(*boxes)])[0]


def proposals_of(boxes: Sequence[Sequence[float]], height: int = 32, width: int = 48) -> Proposals:
    """Rectangles as proposals; scores fall in the order given."""
    found = boxed(*boxes)
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    return Proposals(masks_of(boxes, height, width), found.boxes, found.scores, sides.prod(1))


def counted(labels: torch.Tensor) -> dict[int, int]:
    """How many pixels each label has."""
    values, counts = labels.unique(return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))

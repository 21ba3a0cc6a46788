"""The contract of open-set detectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn
from typing_extensions import Self

from zeroseg.values import Detections, Selection
from zeroseg.weights.offload import offload


class Detector(nn.Module, ABC):
    """Finds where prompts appear in images.

    Attributes:
        gives_dense: Whether its detections come with dense scores of all prompts.
    """

    gives_dense: ClassVar[bool] = False

    @property
    def side(self) -> int | None:
        """Side in pixels of a square picture that the network sees pixel by pixel; None: unknown.

        Larger ones are shrunk for it. "auto" of `zeroseg.tiling` goes by it.
        """
        return None

    @abstractmethod
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate every prompt of each image.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            selections: What to look for in each image. Nothing to look for finds nothing; it is
                not an error.

        Returns:
            B detections, on any device; best on the CPU, where they are read in many small steps. A
            region that answers prompt i of its image has `prompts == i` and
            `labels == selection.labels[i]`, unless the detector decodes phrases on its own: then
            the label is -1 where the phrase is not a prompt.
        """

    def with_own_phrases(self) -> Self | None:
        """The same detector around the same network, naming regions in words it read itself.

        Returns:
            A detector; None from one that has no words of its own, or names regions so already.
        """
        return None

    def previews(self, prompts: int) -> bool:
        """Whether a cheap look chooses among so many prompts before the full one."""
        return False

    def with_preview(self, preview: bool) -> Self | None:
        """The same detector around the same network, with a cheap look before the full one or not.

        Returns:
            A detector; None from one that knows no such look.
        """
        return None

    if TYPE_CHECKING:
        __call__ = forward


def side_of(processor: Any) -> int:
    """Side of the square picture that a processor of transformers leaves as large as it is."""
    size = processor.image_processor.size
    edge = size.get("shortest_edge")
    return int(edge or min(size["height"], size["width"]))


def offload_detector(part: Detector) -> Detector:
    """Offload a detector; for configurations, whose entries have to be of a slot's type."""
    return offload(part)

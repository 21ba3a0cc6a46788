"""Components whose weights stay on the host and visit the device only while they are needed.

Each wraps a component of its own kind. With all four networks wrapped, the device holds the weights
of one at a time; every batch pays for the copies, so that larger batches cost less an image.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from zeroseg.detection.detector import Detector
from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.values import Detections, Masks, Selection, Tag

Part = TypeVar("Part", bound=nn.Module)


@contextmanager
def visiting(part: nn.Module, device: torch.device) -> Iterator[None]:
    """Within the block, a module's weights are copies on a device; tied ones stay tied.

    Afterwards they are the very tensors that they were before, and nothing is copied back.
    """
    stores: list[dict[str, Any]] = [
        store for module in part.modules() for store in (module._parameters, module._buffers)
    ]
    home = [dict(store) for store in stores]
    tensors = {id(tensor): tensor for own in home for tensor in own.values() if tensor is not None}
    try:
        copies = {key: _copied(tensor, device) for key, tensor in tensors.items()}
        for store, own in zip(stores, home, strict=True):
            store.update({name: copies[id(t)] for name, t in own.items() if t is not None})
        yield
    finally:
        for store, own in zip(stores, home, strict=True):
            store.update(own)


def _copied(tensor: Tensor, device: torch.device) -> Any:
    copy = tensor.to(device, non_blocking=True)
    return nn.Parameter(copy, requires_grad=False) if isinstance(tensor, nn.Parameter) else copy


class Offloaded(nn.Module, Generic[Part]):
    """What the wrappers share: `.to(device)` moves the place of work, not the weights.

    Precision is passed on to the component.

    Args:
        part: The component; its weights stay where they are, which should be the host.
    """

    place: Tensor

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part
        self.register_buffer("place", torch.empty(0), persistent=False)

    def around(self, part: Part | None) -> Self | None:
        """The same wrapper around another component; None around none."""
        if part is None:
            return None
        other = copy.copy(self)
        other._modules = {**self._modules, "part": part}
        return other

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        def cast(tensor: Tensor) -> Tensor:
            return tensor.to(fn(tensor.new_empty(0)).dtype)

        self.place = fn(self.place)
        self.part._apply(cast, recurse)
        return self


class OffloadedTagger(Offloaded[Tagger], Tagger):
    """A tagger whose weights stay on the host.

    Args:
        part: The tagger.
    """

    def __init__(self, part: Tagger) -> None:
        super().__init__(part)

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        """Tag every image; see `Tagger.forward`."""
        with visiting(self.part, self.place.device):
            return self.part(images)


class OffloadedCaptioner(Offloaded[Captioner], Captioner):
    """A captioner whose weights stay on the host.

    Args:
        part: The captioner.
    """

    def __init__(self, part: Captioner) -> None:
        super().__init__(part)

    def forward(self, images: Sequence[Tensor]) -> list[str]:
        """Caption every image; see `Captioner.forward`."""
        with visiting(self.part, self.place.device):
            return self.part(images)


class OffloadedDetector(Offloaded[Detector], Detector):
    """A detector whose weights stay on the host.

    Args:
        part: The detector.
    """

    def __init__(self, part: Detector) -> None:
        super().__init__(part)

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate every prompt of each image; see `Detector.forward`."""
        with visiting(self.part, self.place.device):
            return self.part(images, selections)

    def with_own_phrases(self) -> Self | None:
        """See `Detector.with_own_phrases`."""
        return self.around(self.part.with_own_phrases())


class OffloadedMaskPredictor(Offloaded[MaskPredictor], MaskPredictor):
    """A mask predictor whose weights stay on the host.

    Args:
        part: The mask predictor.
    """

    def __init__(self, part: MaskPredictor) -> None:
        super().__init__(part)

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        """Predict the mask of every detection; see `MaskPredictor.forward`."""
        with visiting(self.part, self.place.device):
            return self.part(images, detections, encodings)

    def with_points(self, sampler: PointSampler | None) -> Self | None:
        """See `MaskPredictor.with_points`."""
        return self.around(self.part.with_points(sampler))

    def encode(self, images: Sequence[Tensor]) -> Encodings | None:
        """Do the part of the work that needs no boxes; see `MaskPredictor.encode`."""
        with visiting(self.part, self.place.device):
            return self.part.encode(images)

    @property
    def encoder(self) -> nn.Module:
        """The network behind `encode`."""
        return self.part.encoder

"""Classes of masks by the vote of a supervised network's pixels (Chen et al., 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForSemanticSegmentation,
    AutoModelForUniversalSegmentation,
    AutoProcessor,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES,
    MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES,
)
from typing_extensions import Self

from zeroseg.baselines.mask_classifier import MaskClassifier, Votes
from zeroseg.errors import CheckpointError
from zeroseg.refinement.lexical import matcher_of
from zeroseg.values import UNRESOLVED, Masks, check_images
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.checkpoints import load_pretrained, locate
from zeroseg.weights.needs import Checkpoint, Need

_ONE_FORMER = "oneformer"
"""The one network that has to be told that the task is semantic segmentation."""
_CLASS_INFO = "shi-labs/oneformer_demo"
"""The data set at the hub in which its authors keep the classes of their checkpoints."""


class ClosedSetVote(MaskClassifier):
    """Gives a mask the class that a semantic segmentation network sees on most of its pixels.

    Semantic-Segment-Anything's semantic branch, with any network of transformers (SegFormer,
    Mask2Former, OneFormer, BEiT, ...). The names of the network's classes are mapped onto the
    vocabulary by `LexicalMatcher`. Classes with one meaning vote together; what the vocabulary
    has no class for votes for itself, and a mask it wins is background. Pixels without a mask
    keep the network's own prediction, as in the authors' system.

    Args:
        model: The network.
        processor: What prepares images for it, and reads its outputs by
            `post_process_semantic_segmentation`.
        resolution: Longest side, in pixels, that the network's prediction is brought to. Those
            of larger images are enlarged from it, since all class scores are held at that size.
        chunk_size: Masks brought to full size at a time.

    Raises:
        ValueError: `resolution` or `chunk_size` is less than one.
    """

    def __init__(
        self, model: nn.Module, processor: Any, resolution: int = 1024, chunk_size: int = 16
    ) -> None:
        super().__init__()
        for name, value in (("resolution", resolution), ("chunk_size", chunk_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}, it must be at least 1")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.resolution = resolution
        self.chunk_size = chunk_size

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "shi-labs/oneformer_coco_swin_large",
        resolution: int = 1024,
        chunk_size: int = 16,
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: A hub name or a folder.
            resolution: See the class.
            chunk_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or no semantic segmentation network.
        """
        return cls(*_load(checkpoint), resolution, chunk_size)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        checkpoint = str(arguments["checkpoint"])
        yield Checkpoint(checkpoint, ("network", "pictures"))
        file = _class_info(checkpoint)
        if file is not None and not Path(locate(checkpoint)).is_dir():
            yield Checkpoint(_CLASS_INFO, files=(file,), holds="dataset", beside="checkpoint")

    def matches(self, vocabulary: Vocabulary) -> tuple[int, ...]:
        """For each of the network's classes the index of the class it stands for, -1 for none.

        Raises:
            CheckpointError: Not one of them stands for a class of the vocabulary.
        """
        matcher = matcher_of(vocabulary)
        names = self.model.config.id2label
        found = [matcher.match(str(names[index])) for index in range(len(names))]
        labels = tuple(match.label if match is not None else UNRESOLVED for match in found)
        if not set(labels) & set(vocabulary.classes):
            raise CheckpointError(
                f"none of the network's {len(names)} classes ({', '.join(list(names.values())[:5])}"
                f", ...) stands for one of {list(vocabulary.names)}; choose a network trained on "
                f"such classes, or classify masks by ClipVote"
            )
        return labels

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], masks: Sequence[Masks], vocabulary: Vocabulary
    ) -> list[Votes]:
        """Classify every mask, see `MaskClassifier.forward`."""
        check_images(images)
        matches = torch.tensor(self.matches(vocabulary))
        own = len(vocabulary) + torch.arange(len(matches))
        candidates = torch.where(matches == UNRESOLVED, own, matches)
        return [
            self._vote(candidates.to(seen.device)[seen].to(mask.logits.device), mask, vocabulary)
            for seen, mask in zip(self._see(images), masks, strict=True)
        ]

    def _vote(self, pixels: Tensor, masks: Masks, vocabulary: Vocabulary) -> Votes:
        """Count `pixels` (H, W): a class of the vocabulary each, or a number above them."""
        winners = [
            pixels[mask].bincount(minlength=1).argmax()
            for part in torch.arange(len(masks)).split(self.chunk_size)
            for mask in masks.full(part) > 0
        ]
        labels = torch.stack(winners) if winners else pixels.new_zeros(0)
        return Votes(
            *(
                torch.where(found < len(vocabulary), found, vocabulary.background)
                for found in (labels, pixels)
            )
        )

    def _see(self, images: Sequence[Tensor]) -> list[Tensor]:
        """The network's class of every pixel, (H, W) int64 for each image.

        Images go together if they have the same size once prepared: padding would be seen.
        """
        task = {"task_inputs": ["semantic"]} if self._is_one_former else {}
        prepared = [
            self.processor(
                images=[image], input_data_format="channels_first", return_tensors="pt", **task
            )
            for image in images
        ]
        groups: dict[torch.Size, list[int]] = {}
        for position, inputs in enumerate(prepared):
            groups.setdefault(inputs["pixel_values"].shape, []).append(position)
        seen: dict[int, Tensor] = {}
        for group in groups.values():
            sizes = [self._limited(images[i]) for i in group]
            outputs = self.model(**self._joined([prepared[i] for i in group]))
            found = self.processor.post_process_semantic_segmentation(outputs, target_sizes=sizes)
            seen.update(zip(group, found, strict=True))
        return [_enlarged(seen[i], image) for i, image in enumerate(images)]

    @property
    def _is_one_former(self) -> bool:
        return bool(self.model.config.model_type == _ONE_FORMER)

    def _joined(self, inputs: Sequence[Any]) -> dict[str, Tensor]:
        """A batch of prepared images on the network's device, in its precision."""
        weight = next(self.model.parameters())
        joined = {name: torch.cat([one[name] for one in inputs]) for name in inputs[0]}
        return {
            name: values.to(weight.device, weight.dtype if values.is_floating_point() else None)
            for name, values in joined.items()
        }

    def _limited(self, image: Tensor) -> tuple[int, int]:
        height, width = image.shape[1:]
        shrink = min(1.0, self.resolution / max(height, width))
        return max(1, round(height * shrink)), max(1, round(width * shrink))


def _enlarged(labels: Tensor, image: Tensor) -> Tensor:
    """A label map at its image's size, nearest."""
    if labels.shape == image.shape[1:]:
        return labels
    resized = F.interpolate(labels[None, None].float(), image.shape[1:], mode="nearest-exact")
    return resized[0, 0].long()


def _class_info(checkpoint: str) -> str | None:
    """The file of `_CLASS_INFO` that a checkpoint of its authors reads, by its name; else None."""
    name = checkpoint.casefold()
    kinds = [kind for kind in ("ade20k", "cityscapes", "coco") if f"oneformer_{kind}" in name]
    return f"{kinds[0]}_panoptic.json" if kinds else None


def _load(checkpoint: str | Path) -> tuple[nn.Module, Any]:
    name = ClosedSetVote.__name__
    kind = load_pretrained(AutoConfig, checkpoint, name).model_type
    if kind in MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES:
        network: Any = AutoModelForUniversalSegmentation
    elif kind in MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES:
        network = AutoModelForSemanticSegmentation
    else:
        raise CheckpointError(
            f"'{checkpoint}' is a {kind}, not a semantic segmentation network; choose a SegFormer, "
            f"Mask2Former, OneFormer or the like"
        )
    reader: Any = AutoProcessor if kind == _ONE_FORMER else AutoImageProcessor
    model: nn.Module = load_pretrained(network, checkpoint, name, dtype=torch.float32)
    folder = Path(locate(checkpoint))
    # A folder that holds its classes needs no hub for them.
    own = {"repo_path": str(folder)} if any(folder.glob("*_panoptic.json")) else {}
    return model, load_pretrained(reader, checkpoint, name, **own)

"""What a scored run keeps of one image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroseg.base_segmenter import prediction_of
from zeroseg.data.sample import Sample
from zeroseg.metrics.box_recall import count_boxes
from zeroseg.metrics.pixel_counts import PixelCounts, count_pixels
from zeroseg.metrics.segmentation_scores import class_iou
from zeroseg.regular_file import Stamp, stamp
from zeroseg.segmentation import Segmentation
from zeroseg.values import UNRESOLVED, Failure, Usage
from zeroseg.vocabulary import Vocabulary

MILESTONES = ("tags", "selected", "verified", "detected", "resolved", "reviewed", "label_map")
"""Where the set of classes present is looked at: the tags that are classes as they stand, the
pre-refiner's selection, what a verifier leaves of it, the detections before and after
post-refinement, what a reviewer leaves of them, the label map."""


@dataclass(frozen=True)
class FileStamps:
    """Of the files that a sample and a system's answer to it are read from.

    Attributes:
        sample: None where these are not known; within, None for a file that is not there.
        answer: Likewise; empty for a system that reads no files.
    """

    sample: tuple[Stamp | None, ...] | None = None
    answer: tuple[Stamp | None, ...] = ()

    @classmethod
    def of(cls, sample: Iterable[Path] | None, answer: Iterable[Path]) -> FileStamps:
        """Those of these files as they are now."""
        known = None if sample is None else tuple(map(stamp, sample))
        return cls(known, tuple(map(stamp, answer)))

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> FileStamps:
        """Read back what JSON made of it."""
        sample = content["sample"]
        return cls(None if sample is None else _stamps(sample), _stamps(content["answer"]))


def _stamps(written: Iterable[Any]) -> tuple[Stamp | None, ...]:
    return tuple(None if own is None else (own[0], own[1]) for own in written)


@dataclass(frozen=True)
class ImageRecord:
    """Everything a result is computed from, for one image.

    Attributes:
        name: The sample's name.
        size: (height, width) in pixels.
        digest: Of the picture and its truth as they were read; 16 hexadecimal digits.
        pixels: Counts of pixels; None where there was no truth to compare with.
        present: Indices of the classes in the truth, background left out.
        predicted: The classes predicted present at each of `MILESTONES`, background left out; one
            that the system does not come to is missing.
        boxes: (K, 3) int64, see `count_boxes`; None where the truth does not tell things apart.
        phrases: Detections, those without a class before post-refinement, and after it.
        failure: What went wrong, if the image failed.
        usage: Language model calls, tokens and cost.
        seconds: Time of each stage.
        stamps: Of the files that picture, truth and answer were read from; see `FileStamps`.
        confidence: How sure the system is of the whole image, see `zeroseg.values.Confidence`; None
            where it was not asked.
    """

    name: str
    size: tuple[int, int]
    digest: str
    pixels: PixelCounts | None
    present: tuple[int, ...] = ()
    predicted: dict[str, tuple[int, ...]] = field(default_factory=dict)
    boxes: Tensor | None = None
    phrases: tuple[int, int, int] = (0, 0, 0)
    failure: Failure | None = None
    usage: Usage = field(default_factory=Usage)
    seconds: dict[str, float] = field(default_factory=dict)
    stamps: FileStamps = field(default_factory=FileStamps)
    confidence: float | None = None

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur in the image or its prediction; NaN if unscored."""
        if self.pixels is None:
            return float("nan")
        return float(class_iou(*self.pixels.occurring_areas.double().unbind(1)).nanmean())

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "name": self.name,
            "size": list(self.size),
            "digest": self.digest,
            "pixels": self.pixels.to_dict() if self.pixels is not None else None,
            "present": list(self.present),
            "predicted": {stage: list(found) for stage, found in self.predicted.items()},
            "boxes": self.boxes.tolist() if self.boxes is not None else None,
            "phrases": list(self.phrases),
            "failure": asdict(self.failure) if self.failure is not None else None,
            "usage": asdict(self.usage),
            "seconds": self.seconds,
            "stamps": asdict(self.stamps),
            **({} if self.confidence is None else {"confidence": {"score": self.confidence}}),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any], classes: int) -> ImageRecord:
        """Read back what `to_dict` gave; `classes` is K.

        Raises:
            ValueError: It holds more than that.
        """
        if strange := set(content) - {part.name for part in fields(cls)}:
            raise ValueError(f"it holds '{min(strange)}'")
        pixels, boxes, failure = content["pixels"], content["boxes"], content["failure"]
        height, width = content["size"]
        all_phrases, before, after = content["phrases"]
        return cls(
            name=content["name"],
            size=(height, width),
            digest=content["digest"],
            pixels=PixelCounts.from_dict(pixels, classes) if pixels is not None else None,
            present=tuple(content["present"]),
            predicted={stage: tuple(found) for stage, found in content["predicted"].items()},
            boxes=torch.tensor(boxes, dtype=torch.int64) if boxes is not None else None,
            phrases=(all_phrases, before, after),
            failure=Failure(**failure) if failure is not None else None,
            usage=Usage(**content["usage"]),
            seconds=content["seconds"],
            stamps=FileStamps.from_dict(content["stamps"]),
            confidence=content["confidence"]["score"] if "confidence" in content else None,
        )


def record(
    sample: Sample,
    result: Segmentation | Failure,
    vocabulary: Vocabulary,
    stamps: FileStamps | None = None,
) -> ImageRecord:
    """Compare what a system made of a sample with its truth.

    Args:
        sample: What was read.
        result: What was made of it.
        vocabulary: The classes.
        stamps: Of the files that both were read from, taken before.
    """
    stamps = stamps or FileStamps()
    size = (sample.image.shape[1], sample.image.shape[2])
    failure = result if isinstance(result, Failure) else None
    found = result if isinstance(result, Segmentation) else None
    sure = found.confidence if found is not None else None
    base = ImageRecord(
        sample.name,
        size,
        digest_of(sample),
        None,
        failure=failure,
        stamps=stamps,
        confidence=None if sure is None else round(sure.score, 4),
    )
    if sample.target is None:
        return base
    target = sample.target.cpu()
    prediction = prediction_of(result, target, vocabulary)
    return replace(
        base,
        pixels=count_pixels(prediction, target, vocabulary),
        present=_classes(target, vocabulary),
        predicted=_predicted(found, vocabulary) if found is not None else {},
        boxes=_boxes(sample, found, vocabulary),
        phrases=_phrases(found) if found is not None else (0, 0, 0),
        usage=found.trace.usage if found is not None else Usage(),
        seconds=dict(found.trace.seconds) if found is not None else {},
    )


def digest_of(sample: Sample) -> str:
    """Digest of a picture and its truth as they were read."""
    digest = hashlib.sha256(sample.image.cpu().contiguous().numpy().tobytes())
    if sample.target is not None:
        digest.update(sample.target.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _classes(labels: Tensor, vocabulary: Vocabulary) -> tuple[int, ...]:
    left_out = (vocabulary.background, vocabulary.ignore_index)
    found = labels.unique().tolist()
    return tuple(label for label in found if label >= 0 and label not in left_out)


def _predicted(result: Segmentation, vocabulary: Vocabulary) -> dict[str, tuple[int, ...]]:
    """The classes present at each stage that the system has."""
    stages: dict[str, tuple[int, ...]] = {}
    if result.description.tags:
        named = (vocabulary.find(tag.name) for tag in result.description.tags)
        labels = [label for label in named if label is not None]
        stages["tags"] = _classes(torch.tensor(labels, dtype=torch.int64), vocabulary)
    if result.labels_before is not None:
        selected, resolved = result.selection.labels, result.detections.labels
        before, unreviewed = result.unverified, result.unreviewed
        own = {
            "selected": selected if before is None else before,
            "verified": None if before is None else selected,
            "detected": result.labels_before,
            "resolved": resolved if unreviewed is None else unreviewed,
            "reviewed": None if unreviewed is None else resolved,
        }
        stages |= {
            name: _classes(torch.as_tensor(labels, dtype=torch.int64), vocabulary)
            for name, labels in own.items()
            if labels is not None
        }
    stages["label_map"] = _classes(result.label_map, vocabulary)
    return stages


def _boxes(sample: Sample, result: Segmentation | None, vocabulary: Vocabulary) -> Tensor | None:
    if sample.regions is None:
        return None
    regions = sample.regions.to("cpu")
    boxes, labels = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    if result is not None:
        boxes, labels = result.detections.boxes, result.detections.labels
    return count_boxes(boxes, labels, regions.boxes(), regions.labels, len(vocabulary))


def _phrases(result: Segmentation) -> tuple[int, int, int]:
    if result.labels_before is None:
        return (0, 0, 0)
    resolved = result.detections.labels if result.unreviewed is None else result.unreviewed
    before = int((result.labels_before == UNRESOLVED).sum())
    return (len(resolved), before, int((resolved == UNRESOLVED).sum()))

"""The result: one label a pixel, and how it came about."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor

from zeroseg import plotting
from zeroseg.values import Description, Detections, Movable, Points, Selection, Trace
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import write_picture, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Segmentation(Movable):
    """One segmented image; all tensors are on the CPU.

    Attributes:
        label_map: (H, W) int64, class index of each pixel.
        vocabulary: The classes.
        image: (3, H, W) uint8, what was segmented.
        name: File name or position of the image.
        description: Tags and caption it was described with.
        selection: What the detector was asked for.
        detections: What it found, after post-refinement and review: N regions.
        labels_before: (M,) int64, the classes of all that was found before post-refinement, -1
            where it was asked; None from a system without detections.
        unreviewed: (M,) int64, the same after post-refinement, before a reviewer took away some
            and renamed others; None where there is none, and M is N then.
        unverified: The labels of what was selected before a verifier took away some; None where
            there is none.
        points: Point prompts of the second pass, None if there was none.
        trace: Time of each stage, and all exchanges with a language model.
    """

    label_map: Tensor
    vocabulary: Vocabulary
    image: Tensor
    name: str = ""
    description: Description = field(default_factory=Description)
    selection: Selection = field(default_factory=Selection)
    detections: Detections = field(default_factory=Detections.empty)
    labels_before: Tensor | None = None
    unreviewed: Tensor | None = None
    unverified: tuple[int, ...] | None = None
    points: Points | None = None
    trace: Trace = field(default_factory=Trace)

    def __post_init__(self) -> None:
        if self.label_map.shape != self.image.shape[1:]:
            raise ValueError(
                f"label map {tuple(self.label_map.shape)} does not fit the image "
                f"{tuple(self.image.shape)}"
            )

    @property
    def areas(self) -> dict[str, float]:
        """Share of the image of each class found, largest first, background left out."""
        counts = self.label_map.flatten().bincount(minlength=len(self.vocabulary)).tolist()
        total = self.label_map.numel()
        found = {
            self.vocabulary.names[index]: counts[index] / total
            for index in self.vocabulary.classes
            if counts[index]
        }
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def plot(self, axes: Axes | None = None) -> Image.Image:
        """The picture with its classes laid over it, and a legend.

        Args:
            axes: Matplotlib axes to show it in as well.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat"])
            >>> segmenter.segment("picture.png").plot().save("overlay.png")
        """
        picture = plotting.overlay(self.image, self.label_map, self.vocabulary)
        if axes is not None:
            axes.imshow(np.asarray(picture))
            axes.set_axis_off()
        return picture

    def mask(self) -> Image.Image:
        """The label map as an indexed picture of file ids with the vocabulary's palette."""
        return plotting.indexed(self.label_map, self.vocabulary)

    def save(self, base: str | Path) -> dict[str, Path]:
        """Write `<base>.mask.png`, `<base>.overlay.png` and `<base>.json`.

        Args:
            base: Path without suffix; missing folders are made.

        Returns:
            The files by kind: "mask", "overlay" and "json".

        Raises:
            OutputError: They cannot be written.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat"])
            >>> files = segmenter.segment("picture.png").save("out/picture")
            >>> [file.as_posix() for file in files.values()]
            ['out/picture.mask.png', 'out/picture.overlay.png', 'out/picture.json']
        """
        base = Path(base)
        files = {
            "mask": base.with_name(base.name + ".mask.png"),
            "overlay": base.with_name(base.name + ".overlay.png"),
            "json": base.with_name(base.name + ".json"),
        }
        write_picture(files["mask"], self.mask())
        write_picture(files["overlay"], self.plot())
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        write_whole(files["json"], text + "\n")
        return files

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pixels, ready for JSON."""
        names = self.vocabulary.names
        height, width = self.label_map.shape
        return {
            "name": self.name,
            "size": {"height": height, "width": width},
            "vocabulary": self.vocabulary.to_dict(),
            "areas": self.areas,
            "tags": [asdict(tag) for tag in self.description.tags],
            "caption": self.description.caption,
            "prompts": [
                {"prompt": prompt, "class": None if label < 0 else names[label]}
                for prompt, label in zip(self.selection.prompts, self.selection.labels, strict=True)
            ],
            "detections": [
                {
                    "box_xyxy": [round(value, 2) for value in box],
                    "score": round(score, 4),
                    "phrase": phrase,
                    "class": None if label < 0 else names[label],
                }
                for box, score, phrase, label in zip(
                    self.detections.boxes.tolist(),
                    self.detections.scores.tolist(),
                    self.detections.phrases,
                    self.detections.labels.tolist(),
                    strict=True,
                )
            ],
            "seconds": {stage: round(s, 4) for stage, s in self.trace.seconds.items()},
            "exchanges": [asdict(exchange) for exchange in self.trace.exchanges],
            "usage": asdict(self.trace.usage),
        }

"""What is in a picture, said without any list of classes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from zeroseg import plotting
from zeroseg.find_images import base_of
from zeroseg.values import Description, Detections, Movable, Trace
from zeroseg.vocabulary import distinct_colors
from zeroseg.writing import write_picture, write_whole


@dataclass(frozen=True, eq=False)
class DescribedImage(Movable):
    """One image and what was seen in it; all tensors are on the CPU.

    Attributes:
        image: (3, H, W) uint8, what was looked at.
        name: File name or position of the image.
        description: Tags and caption.
        detections: Where the detector found what the tags name: N regions with the words that they
            answer to as `phrases`. Their labels are of the segmenter's own vocabulary where that
            has a class of this name, else -1.
        trace: Time of each stage.
    """

    image: Tensor
    name: str = ""
    description: Description = field(default_factory=Description)
    detections: Detections = field(default_factory=Detections.empty)
    trace: Trace = field(default_factory=Trace)

    @property
    def found(self) -> dict[str, int]:
        """How many regions each word has, the word of the best region first."""
        return dict(Counter(self.detections.phrases))

    def plot(self) -> Image.Image:
        """The picture with every box in the colour of its word, and a legend with numbers.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny")
            >>> segmenter.describe("picture.png").plot().save("boxes.png")
        """
        table = distinct_colors(len(self.found) + 1, 0)[1:]  # the first one is black
        color_of = dict(zip(self.found, table, strict=True))
        colors = [color_of[phrase] for phrase in self.detections.phrases]
        sheet = plotting.boxes_and_points(self.image, self.detections, None, colors)
        entries = [(f"{word} {count}", color_of[word]) for word, count in self.found.items()]
        nothing = [("nothing found", plotting.PAPER)]
        return plotting.grid([sheet, plotting.legend(entries or nothing, sheet.width)])

    def save(self, base: str | Path) -> dict[str, Path]:
        """Write `<base>.overlay.png` and `<base>.json`.

        Args:
            base: Path without suffix, or a folder; see `Segmentation.save`.

        Returns:
            The files by kind: "overlay" and "json".

        Raises:
            OutputError: They cannot be written.
        """
        return self.save_as(base_of(base, self.name))

    def save_as(self, base: str | Path) -> dict[str, Path]:
        """Write as `save` does, also where a folder is called as the files begin."""
        base = Path(base)
        files = {
            "overlay": base.with_name(base.name + ".overlay.png"),
            "json": base.with_name(base.name + ".json"),
        }
        write_picture(files["overlay"], self.plot())
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        write_whole(files["json"], text + "\n")
        return files

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pixels, ready for JSON."""
        height, width = self.image.shape[1:]
        rows = zip(
            self.detections.boxes.tolist(),
            self.detections.scores.tolist(),
            self.detections.phrases,
            strict=True,
        )
        return {
            "name": self.name,
            "size": {"height": height, "width": width},
            "tags": [asdict(tag) for tag in self.description.tags],
            "caption": self.description.caption,
            "found": self.found,
            "detections": [
                {
                    "box_xyxy": [round(value, 2) for value in box],
                    "score": round(score, 4),
                    "phrase": phrase,
                }
                for box, score, phrase in rows
            ],
            "seconds": {stage: round(s, 4) for stage, s in self.trace.seconds.items()},
        }

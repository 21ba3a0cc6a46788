"""The result: one label a pixel, and how it came about."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from typing_extensions import Self

from zeroseg import plotting, result_json, result_page
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.find_images import base_of
from zeroseg.images import ImageLike, read_image
from zeroseg.instance import Instances
from zeroseg.values import (
    Confidence,
    Description,
    Detections,
    Masks,
    Movable,
    Points,
    Selection,
    Trace,
)
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import write_picture, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(Movable):
    """One segmented image; all tensors are on the CPU, and may be written to.

    Two results are equal where all that they hold is, but for their traces: times differ from run
    to run. In a notebook a result shows itself.

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
        unreviewed: (M,) int64, the same after post-refinement, before thresholds of classes or a
            reviewer took away some and it renamed others; None where there is neither, and M is N
            then.
        unverified: The labels of what was selected before a verifier took away some; None where
            there is none.
        points: Point prompts of the second pass, None if there was none.
        masks: The masks of the detections, N; None unless instances were asked for.
        confidence: How sure each pixel's class is, and a score of the image by which to choose what
            to look at first; None unless it was asked for.
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
    masks: Masks | None = None
    confidence: Confidence | None = None
    trace: Trace = field(default_factory=Trace, compare=False)

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

    def instances(self) -> Instances:
        """Each detection that has a class, with its own mask; masks are made one by one.

        Raises:
            ZerosegError: They were not kept.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat"])
            >>> result = segmenter.segment("picture.png", instances=True)
            >>> [(one.class_name, one.mask.shape) for one in result.instances()]
            [('dog', torch.Size([128, 128])), ('cat', torch.Size([128, 128]))]
        """
        if self.masks is None:
            raise ZerosegError(
                "this result holds no masks of instances; ask for them: "
                "segmenter.segment(picture, instances=True), or zeroseg segment --instances"
            )
        return Instances(self.detections, self.masks, self.vocabulary)

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

    def __repr__(self) -> str:
        height, width = self.label_map.shape
        areas = list(self.areas.items())
        shown = ", ".join(f"{name} {share:.1%}" for name, share in areas[:3]) or "nothing found"
        more = f" and {len(areas) - 3} more" if len(areas) > 3 else ""
        name = f"{self.name!r}: " if self.name else ""
        return f"<Segmentation {name}{width} x {height}, {shown}{more}>"

    def _repr_html_(self) -> str:
        """The result as a notebook shows it; see `zeroseg.result_page`."""
        lines = result_page.told(self.description, self.selection, self.detections, self.trace)
        if self.confidence is not None:
            lines.append(("confidence", f"{self.confidence.score:.2f}"))
        height, width = self.label_map.shape
        title = f"{self.name or 'result'}, {width} x {height}"
        picture = result_page.shown_picture(self.image, self.label_map, self.vocabulary)
        legend = result_page.legend(self.areas, self.vocabulary)
        return result_page.page(title, picture, legend, lines, self.trace)

    def save(self, base: str | Path) -> dict[str, Path]:
        """Write `<base>.mask.png`, `<base>.overlay.png` and `<base>.json`.

        With instances, their masks stand in the JSON as COCO's run lengths; with confidence,
        `<base>.confidence.png` is written too, grey, 255 where it is sure.

        Args:
            base: Path without suffix; or a folder, which ends in a separator or exists, for files
                that are called as the picture is. Missing folders are made.

        Returns:
            The files by kind: "mask", "overlay", "json", and perhaps "confidence".

        Raises:
            OutputError: They cannot be written.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat"])
            >>> files = segmenter.segment("picture.png").save("out/picture")
            >>> [file.as_posix() for file in files.values()]
            ['out/picture.mask.png', 'out/picture.overlay.png', 'out/picture.json']
        """
        return self.save_as(base_of(base, self.name))

    def save_as(self, base: str | Path) -> dict[str, Path]:
        """Write as `save` does, also where a folder is called as the files begin."""
        files = _files(Path(base))
        write_picture(files["mask"], self.mask())
        write_picture(files["overlay"], self.plot())
        if self.confidence is None:
            del files["confidence"]
        else:
            write_picture(files["confidence"], plotting.grey(self.confidence.probability))
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        write_whole(files["json"], text + "\n")
        return files

    @classmethod
    def load(cls, base: str | Path, image: ImageLike | None = None) -> Self:
        """Give back what `save` wrote.

        Boxes are rounded to hundredths of a pixel and scores to four decimals, masks of instances
        are 1 and -1 at the picture's size, and confidence has 256 steps and no margin. What files
        do not hold is not there: the candidates of the detector (`queries`), its dense scores, the
        points of the second pass, and the labels before post-refinement, verification and review.

        Args:
            base: What `save` was given, the JSON file, or a folder that holds one result.
            image: The picture; by default it is read from where it was, the result's name.

        Raises:
            ZerosegError: There is no result or more than one, or its files are damaged.
            ImageError: The picture is not there any more; or it, or a map, is of another size.

        Example:
            >>> from zeroseg import Segmentation, ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat"])
            >>> segmenter.segment("picture.png").save("saved/")["json"].as_posix()
            'saved/picture.json'
            >>> list(Segmentation.load("saved").areas)
            ['dog', 'cat']
        """
        files = _files(_base(Path(base)))
        content = result_json.read_json(files["json"])
        try:
            vocabulary = Vocabulary.from_dict(content["vocabulary"])
            told = result_json.read_fields(content, vocabulary)
            score = content["confidence"]["score"] if "confidence" in content else None
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ZerosegError(f"'{files['json']}' is damaged: {error!r}") from error
        size = (content["size"]["height"], content["size"]["width"])
        label_map = vocabulary.from_ids(_map(files["mask"], size))
        sure = None
        if score is not None:
            sure = Confidence(_map(files["confidence"], size) / 255, None, score)
        picture = read_image(_found(told["name"], files["json"]) if image is None else image)
        if tuple(picture.shape[1:]) != size:
            raise ImageError(f"the picture is {tuple(picture.shape[1:])}, the result is {size}")
        return cls(label_map, vocabulary, picture, confidence=sure, **told)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pixels, ready for JSON."""
        height, width = self.label_map.shape
        sure = self.confidence
        return {
            "name": self.name,
            "size": {"height": height, "width": width},
            "vocabulary": self.vocabulary.to_dict(),
            "areas": self.areas,
            "tags": [asdict(tag) for tag in self.description.tags],
            "caption": self.description.caption,
            "prompts": result_json.written_prompts(self.selection, self.vocabulary),
            "detections": result_json.written_detections(
                self.detections, self.masks, self.vocabulary
            ),
            **({} if sure is None else {"confidence": {"score": round(sure.score, 4)}}),
            **result_json.written_trace(self.trace),
        }


def _files(base: Path) -> dict[str, Path]:
    """Where the files of a result are, by kind."""
    endings = {kind: f".{kind}.png" for kind in ("mask", "overlay", "confidence")}
    endings["json"] = ".json"
    return {kind: base.with_name(base.name + ending) for kind, ending in endings.items()}


def _base(given: Path) -> Path:
    """The base of the result that a path means."""
    if _files(given)["json"].is_file():
        return given
    if given.suffix == ".json" and given.is_file():
        return given.with_suffix("")
    if not given.is_dir():
        raise ZerosegError(f"there is no result '{given}.json' and no folder '{given}'")
    bases = [file.with_suffix("") for file in sorted(given.glob("*.json"))]
    bases = [own for own in bases if _files(own)["mask"].is_file()]
    if len(bases) != 1:
        several = f"{len(bases)} results; name one, such as '{bases[0]}'" if bases else "no result"
        raise ZerosegError(f"the folder '{given}' holds {several}")
    return bases[0]


def _map(file: Path, size: tuple[int, int]) -> Tensor:
    """The numbers of an indexed or grey picture, (H, W)."""
    try:
        with Image.open(file) as picture:
            values = np.asarray(picture).astype(np.int64)
    except OSError as error:
        raise ImageError(f"the file '{file}' cannot be read: {error}") from error
    if values.shape != size:
        raise ImageError(f"the file '{file}' is {values.shape}, expected {size} (height, width)")
    return torch.from_numpy(values)


def _found(name: str, file: Path) -> str:
    if not os.path.isfile(name):
        raise ImageError(
            f"the picture {name!r} of '{file}' is not there; give it: "
            f"Segmentation.load('{file}', image=...)"
        )
    return name

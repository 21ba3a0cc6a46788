"""Corrected masks to a folder of pictures and masks, which `--data FOLDER` reads as truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from zeroseg.errors import OutputError, ZerosegError
from zeroseg.find_images import shown
from zeroseg.images import read_file, read_image
from zeroseg.importing.coco_masks import CocoMasks
from zeroseg.importing.cvat_masks import CvatMasks
from zeroseg.importing.found_pictures import FoundPictures
from zeroseg.importing.labelme_masks import LabelMeMasks
from zeroseg.importing.mask_source import Corrected, MaskSource
from zeroseg.importing.png_masks import PngMasks
from zeroseg.plotting import indexed
from zeroseg.regular_file import below
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import alone_in, write_picture, write_whole

SOURCES: dict[str, type[MaskSource]] = {
    "coco": CocoMasks,
    "cvat": CvatMasks,
    "labelme": LabelMeMasks,
    "png": PngMasks,
}
"""What is read; a new one is a file of this folder, and a line here."""

_CLASSES = "vocabulary.yaml"


@dataclass
class ImportReport:
    """What came of an import.

    Attributes:
        vocabulary: The classes of the masks.
        written: Pictures that have a mask now.
        failures: Those that have none, and why.
        notes: What holds no pixel and was passed over, and how often.
    """

    vocabulary: Vocabulary
    written: int = 0
    failures: list[Failure] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)


def import_truth(
    source: str | Path,
    output: str | Path,
    format: str,
    *,
    pictures: str | Path | None = None,
    vocabulary: Vocabulary | None = None,
    told: Callable[[str, Failure | None], None] | None = None,
) -> ImportReport:
    """Read corrected masks back as truth: `images`, `masks` and `vocabulary.yaml` in a folder.

    Args:
        source: What the tool wrote, a file or a folder.
        output: The folder to write to.
        format: "coco", "cvat", "labelme" or "png".
        pictures: Folder of the pictures; by default that of the source.
        vocabulary: The classes; by default those of a `vocabulary.yaml` beside the source, which
            every export has, else those that the file names itself.
        told: Is told of every picture, and what went wrong with it.

    Raises:
        ZerosegError: There is no such format or source, nothing tells the classes, or the folder
            holds other classes. A picture that fails, fails alone.

    Example:
        >>> from zeroseg import ZeroShotSegmenter
        >>> from zeroseg.export import export_results
        >>> from zeroseg.importing import import_truth
        >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat"])
        >>> _ = segmenter.segment("picture.png").save("seen/picture")
        >>> _ = export_results("seen", "to-correct", "cvat")
        >>> import_truth("to-correct", "truth", "cvat", pictures=".").written
        1
    """
    if format not in SOURCES:
        raise ZerosegError(f"'{format}' is not read back; choose one of {', '.join(SOURCES)}")
    place = Path(source)
    if not place.exists():
        raise ZerosegError(f"there is no file or folder '{shown(place)}'")
    masks = SOURCES[format](place)
    classes = vocabulary or _beside(place) or masks.classes()
    found = FoundPictures(_home(place) if pictures is None else Path(pictures))
    report = ImportReport(classes)
    folder = Path(output)
    with alone_in(folder):
        _write_classes(folder, classes)
        for one in masks:
            failure = _add(one, found, folder, report)
            if told is not None:
                told(one.file, failure)
    report.notes = masks.notes
    return report


def _home(place: Path) -> Path:
    """Where the pictures of a source lie, if nothing else is said."""
    folder = place if place.is_dir() else place.parent
    return folder / "images" if (folder / "images").is_dir() else folder


def _beside(place: Path) -> Vocabulary | None:
    file = (place if place.is_dir() else place.parent) / _CLASSES
    return Vocabulary.from_yaml(file) if file.is_file() else None


def _write_classes(folder: Path, classes: Vocabulary) -> None:
    """Write the folder's classes; masks of others must not come among its masks."""
    file = folder / _CLASSES
    text = yaml.safe_dump(classes.to_dict(), sort_keys=False, allow_unicode=True)
    if file.is_file() and Vocabulary.from_yaml(file) != Vocabulary.from_dict(yaml.safe_load(text)):
        raise ZerosegError(f"'{file}' has other classes; import to another folder")
    write_whole(file, text)


def _add(
    one: Corrected, found: FoundPictures, folder: Path, report: ImportReport
) -> Failure | None:
    """Write a picture and its mask; what went wrong with it."""
    try:
        labels = one.draw(report.vocabulary)
        name, picture = found.find(one.file)
        _check_size(picture, labels)
        mask = indexed(torch.from_numpy(labels), report.vocabulary)
        write_whole(below(folder / "images", name), read_file(picture))
        write_picture(below(folder / "masks", f"{name}.png"), mask)
    except OutputError:
        raise
    except ZerosegError as error:
        failure = Failure(one.file, "importing", str(error))
        report.failures.append(failure)
        return failure
    report.written += 1
    return None


def _check_size(picture: Path, labels: NDArray[np.int64]) -> None:
    size = tuple(read_image(picture).shape[1:])
    if size != labels.shape:
        raise ZerosegError(
            f"its masks are {labels.shape}, its picture '{picture}' is {size} (height, width)"
        )

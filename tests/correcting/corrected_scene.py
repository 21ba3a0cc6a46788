"""A small result on which every step does something that can be counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from zeroseg import rle
from zeroseg.correcting import CorrectedResult, ReviewFiles, Step
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.results import Result, Results
from zeroseg.plotting import indexed
from zeroseg.vocabulary import Vocabulary

SIZE = (12, 16)

CLASSES = Vocabulary.from_names(["background", "dog", "boat", "sky"], stuff=["sky"])


def mask(top: int, left: int, bottom: int, right: int) -> NDArray[np.bool_]:
    filled = np.zeros(SIZE, bool)
    filled[top:bottom, left:right] = True
    return filled


BOAT, DOG, OTHER = mask(2, 2, 10, 10), mask(4, 4, 8, 8), mask(6, 6, 10, 14)
"""A dog on a boat, and a second dog over the corner of both; sky is above, without a detection."""


def scene() -> LabelledPicture:
    labels = np.zeros(SIZE, np.int64)
    labels[0] = 3
    labels[BOAT], labels[DOG], labels[OTHER] = 2, 1, 1
    return LabelledPicture("a", labels, CLASSES).with_regions(detections(), "auto")


def detections() -> list[dict[str, object]]:
    several = (("boat", 0.5, BOAT), ("dog", 0.6, DOG), ("dog", 0.9, OTHER))
    return [
        {
            **{"class": name, "phrase": name, "score": score, "box_xyxy": [0.0, 0.0, 9.0, 9.0]},
            "segmentation": rle.encode(own),
        }
        for name, score, own in several
    ]


def box(name: str = "boat", **changes: object) -> Step:
    """A region of 6 pixels in a corner, by a person."""
    return Step("add", class_name=name, mask=rle.encode(mask(10, 0, 12, 3)), **changes)  # type: ignore[arg-type]


def write_scene(folder: Path, *names: str, score: float | None = 0.5) -> str:
    """Results as `zeroseg segment --instances --confidence` leaves them."""
    for name in names:
        file = folder / f"{name}.mask.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        indexed(torch.from_numpy(scene().labels), CLASSES).save(file)
        Image.new("RGB", SIZE[::-1], "teal").save(folder / f"{name}.picture.png")
        told = {
            "name": str(folder / f"{name}.picture.png"),
            "size": {"height": SIZE[0], "width": SIZE[1]},
            "vocabulary": CLASSES.to_dict(),
            "detections": detections(),
            **({} if score is None else {"confidence": {"score": score}}),
        }
        (folder / f"{name}.json").write_text(json.dumps(told))
    return str(folder)


def begun(folder: str, name: str = "a") -> tuple[ReviewFiles, Result, CorrectedResult]:
    """A result of a folder, and what reads and writes its review."""
    results = Results(folder)
    [result] = [own for own in results if own.name == name]
    picture = results.look(result)
    assert picture is not None
    return ReviewFiles(results), result, CorrectedResult.of(picture)


def reviewed(folder: str, *steps: Step, name: str = "a") -> CorrectedResult:
    """A result of a folder, after some steps that were saved one by one."""
    files, result, picture = begun(folder, name)
    found = files.open(result, picture)
    for step in steps:
        revision = found.revision
        found = files.change(result, picture, revision, lambda own, step=step: own.after(step))  # type: ignore[misc]
    return found

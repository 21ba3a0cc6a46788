"""Results with all that a format may stumble over, and the three ways they lie in folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from zeroseg import rle
from zeroseg.data.sample import Sample
from zeroseg.evaluation.record import record
from zeroseg.evaluation.run_folder import RunFolder
from zeroseg.scale.manifest import Manifest
from zeroseg.scale.work import Part, Work
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

HEIGHT, WIDTH = 24, 30

CLASSES = Vocabulary.from_names(
    ["background", "dog", "traffic-light", "sky"],
    ids=[0, 12, 7, 200],
    stuff=["sky"],
    name="few",
)
DEEP = Vocabulary.from_names(
    ["background", "dog", "traffic-light", "sky"], ids=[0, 1, 300, 40000], stuff=["sky"]
)

ODD = "sub dir/na me ü & <1>.v2"


def holes() -> NDArray[np.int64]:
    """A ring with two holes that touch by a corner, something within one, and sky in two parts."""
    labels = np.zeros((HEIGHT, WIDTH), np.int64)
    labels[2:16, 3:20] = 1
    labels[4:8, 5:9] = 0
    labels[8:12, 9:14] = 0
    labels[9:11, 10:12] = 2
    labels[18:22, 1:6] = 3
    labels[19:23, 20:29] = 3
    labels[20, 24] = 0
    return labels


def touching() -> NDArray[np.int64]:
    """Two dogs that touch by a corner, a dog beside a light, and a dog that closes on itself."""
    labels = np.zeros((HEIGHT, WIDTH), np.int64)
    labels[0:4, 0:4] = labels[4:8, 4:8] = 1
    labels[0:4, 4:8] = 2
    labels[12:18, 12:18] = 1
    labels[13:17, 13:17] = 0
    labels[12, 17] = labels[13, 16] = 0
    labels[13, 16] = 1
    return labels


def pixels() -> NDArray[np.int64]:
    """Single pixels, in the corners too."""
    labels = np.zeros((HEIGHT, WIDTH), np.int64)
    labels[0, 0] = labels[-1, -1] = labels[10, 10] = 1
    labels[0, -1] = labels[10, 11] = 2
    return labels


def empty() -> NDArray[np.int64]:
    """Nothing."""
    return np.zeros((HEIGHT, WIDTH), np.int64)


SCENES = {
    "holes": holes(),
    "touching": touching(),
    "pixels": pixels(),
    "empty": empty(),
    ODD: holes(),
}


def image() -> torch.Tensor:
    """(3, H, W), grey."""
    return torch.full((3, HEIGHT, WIDTH), 90, dtype=torch.uint8)


def draw_pictures(folder: Path, suffix: str = ".png") -> Path:
    """The pictures of all scenes."""
    for name in SCENES:
        file = folder / f"{name}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image().permute(1, 2, 0).numpy()).save(file)
    return folder


def segmented(folder: Path, vocabulary: Vocabulary = CLASSES) -> str:
    """The results of `segment`, and the pictures beside them."""
    pictures = draw_pictures(folder / "pictures")
    for name, labels in SCENES.items():
        source = str(pictures / f"{name}.png")
        result = Segmentation(torch.from_numpy(labels), vocabulary, image(), source)
        result.save(folder / "results" / name)
    return str(folder / "results")


def batched(folder: Path, vocabulary: Vocabulary = CLASSES) -> str:
    """The results of `batch`; one picture had failed."""
    pictures = draw_pictures(folder / "pictures")
    output = Manifest(str(folder / "results"), vocabulary)
    output.begin({"vocabulary": vocabulary.to_dict()})
    works = [
        Work(
            f"{name}.png",
            f"file://{pictures}/{name}.png",
            values={"label_map": torch.from_numpy(labels.astype(np.int32))},
        )
        for name, labels in SCENES.items()
    ]
    output.add(Part((*works, Work("bad.png", "file:///bad.png").failed("reading", "no picture"))))
    return str(folder / "results")


def scored(folder: Path, vocabulary: Vocabulary = CLASSES) -> str:
    """The results of `test`; one picture had failed."""
    draw_pictures(folder / "pictures")
    run = RunFolder(folder / "results")
    run.begin({"vocabulary": vocabulary.to_dict()})
    for name, labels in SCENES.items():
        sample = Sample(image(), torch.from_numpy(labels), name)
        result = Segmentation(torch.from_numpy(labels), vocabulary, image(), name)
        run.add(record(sample, result, vocabulary), result.mask())
    bad = Sample(image(), torch.from_numpy(empty()), "bad")
    nothing = Segmentation(torch.from_numpy(empty()), vocabulary, image(), "bad")
    run.add(record(bad, Failure("bad", "masks", "it broke"), vocabulary), nothing.mask())
    return str(folder / "results")


LAYOUTS = {"segment": segmented, "batch": batched, "test": scored}


def overlapping() -> list[tuple[str, float, NDArray[np.bool_]]]:
    """Detections' masks that overlap, as a run may keep them: class, score, mask."""
    first, second = (np.zeros((HEIGHT, WIDTH), bool) for _ in range(2))
    first[2:12, 2:12] = True
    first[4:6, 4:6] = False
    second[8:16, 8:20] = True
    return [("dog", 0.9, first), ("traffic-light", 0.4, second)]


def keep_detections(file: Path) -> None:
    """Put the masks of detections into a result's JSON, the better one first."""
    content = json.loads(file.read_text())
    content["detections"] = [
        {"class": name, "score": score, "segmentation": rle.encode(mask), "area": int(mask.sum())}
        for name, score, mask in overlapping()
    ] + [{"class": None, "score": 0.3, "segmentation": rle.encode(overlapping()[0][2])}]
    file.write_text(json.dumps(content))

"""What the readers of other tools get of an export; run by an environment that holds these.

    python opened.py READER EXPORT OUT

READER is one of `READERS`, EXPORT a folder that `zeroseg export` wrote. For each picture OUT gets
NAME.npz with the regions that were read: `masks` (N, H, W) bool and `classes` (N,) str; and
`notes.json` tells what else there is to tell. No module of zeroseg is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Picture = tuple[str, list[str], list[Any]]
"""A picture's name without suffix, the classes and the masks of its regions."""


def _supervision(data: Any) -> Iterator[Picture]:
    for path, image, found in data:
        masks = [] if found.mask is None else list(np.asarray(found.mask, bool))
        if any(mask.shape != image.shape[:2] for mask in masks):
            raise ValueError(f"masks of {path} are of another size")
        yield Path(path).stem, [data.classes[number] for number in found.class_id], masks


def supervision_coco(folder: Path) -> Iterator[Picture]:
    """`DetectionDataset.from_coco`."""
    import supervision

    files = (str(folder), str(folder / "annotations.json"))
    return _supervision(supervision.DetectionDataset.from_coco(*files, force_masks=True))


def supervision_yolo(folder: Path) -> Iterator[Picture]:
    """`DetectionDataset.from_yolo`."""
    import supervision

    files = [str(folder / name) for name in ("images", "labels", "data.yaml")]
    return _supervision(supervision.DetectionDataset.from_yolo(*files, force_masks=True))


def labelme(folder: Path) -> Iterator[Picture]:
    """`LabelFile`, and `shape_to_mask` for polygons."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from labelme._label_file import LabelFile
    from labelme.utils import shape_to_mask

    for file in sorted(folder.rglob("*.json")):
        if "shapes" not in json.loads(file.read_text()):
            continue
        own = LabelFile(str(file))
        told = json.loads(file.read_text())
        size = (told["imageHeight"], told["imageWidth"])
        masks = []
        for shape in own.shapes:
            if shape["mask"] is None:
                masks.append(shape_to_mask(size, shape["points"], shape["shape_type"]))
                continue
            (left, top), _ = np.asarray(shape["points"]).astype(int)
            height, width = shape["mask"].shape
            masks.append(np.zeros(size, bool))
            masks[-1][top : top + height, left : left + width] = shape["mask"]
        yield file.stem, [shape["label"] for shape in own.shapes], masks


def label_studio(folder: Path) -> Iterator[Picture]:
    """`decode_rle` of the SDK's converter, and its reading of the labelling interface."""
    from label_studio_sdk._extensions.label_studio_tools.core.label_config import parse_config
    from label_studio_sdk.converter.brush import decode_rle

    config = parse_config((folder / "config.xml").read_text())
    for task in json.loads((folder / "tasks.json").read_text()):
        classes, masks = [], []
        for result in task["predictions"][0]["result"]:
            [name] = result["value"]["brushlabels"]
            if name not in config[result["from_name"]]["labels"]:
                raise ValueError(f"{name} is no label of the interface")
            size = (result["original_height"], result["original_width"], 4)
            pixels = np.asarray(decode_rle(result["value"]["rle"])).reshape(size)
            classes.append(name)
            masks.append(pixels[:, :, 3] > 0)
        yield Path(task["data"]["image"]).stem, classes, masks


def panoptic(folder: Path) -> Iterator[Picture]:
    """`rgb2id`."""
    from panopticapi.utils import rgb2id

    content = json.loads((folder / "panoptic.json").read_text())
    names = {own["id"]: own["name"] for own in content["categories"]}
    for entry in content["annotations"]:
        ids = rgb2id(np.array(Image.open(folder / "panoptic" / entry["file_name"])))
        segments = entry["segments_info"]
        classes = [names[segment["category_id"]] for segment in segments]
        yield Path(entry["file_name"]).stem, classes, [ids == own["id"] for own in segments]


def panoptic_quality(folder: Path) -> dict[str, float]:
    """`pq_compute` of an export against itself, which refuses what is no panoptic file: PQ is 1."""
    from panopticapi.evaluation import pq_compute

    file = str(folder / "panoptic.json")
    found = pq_compute(file, file)
    return {name: float(found[name]["pq"]) for name in ("All", "Things", "Stuff")}


READERS: dict[str, tuple[str, Callable[[Path], Iterator[Picture]]]] = {
    "supervision-coco": ("supervision", supervision_coco),
    "supervision-yolo": ("supervision", supervision_yolo),
    "labelme": ("labelme", labelme),
    "label-studio": ("label-studio-sdk", label_studio),
    "panoptic": ("panopticapi-lite", panoptic),
}
"""Readers by name: the package, and what opens an export."""


def main(reader: str, export: str, out: str) -> None:
    """Open an export, and write what was read."""
    package, opened = READERS[reader]
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, classes, masks in opened(Path(export)):
        whole = np.stack(masks) if masks else np.zeros((0, 1, 1), bool)
        np.savez_compressed(Path(out, f"{name}.npz"), classes=np.array(classes, str), masks=whole)
    notes: dict[str, Any] = {"package": f"{package} {version(package)}"}
    if reader == "panoptic":
        notes["panoptic quality"] = panoptic_quality(Path(export))
    Path(out, "notes.json").write_text(json.dumps(notes))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What each format's own reader finds in an export: for a picture, its regions or its label map."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from tests.export.labelled_scenes import HEIGHT, WIDTH
from zeroseg.export.label_studio import unpack

Regions = list[tuple[str, NDArray[np.bool_]]]


def coco(folder: Path, name: str) -> Regions:
    """By pycocotools."""
    from pycocotools.coco import COCO

    data = COCO(folder / "annotations.json")
    [image] = [i for i in data.dataset["images"] if i["file_name"] == f"{name}.png"]
    found = []
    for one in data.loadAnns(data.getAnnIds(image["id"])):
        mask = data.annToMask(one).astype(bool)
        rows, columns = mask.nonzero()
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert one["bbox"] == box and one["area"] == mask.sum()
        found.append((data.loadCats(one["category_id"])[0]["name"], mask))
    return found


def panoptic(folder: Path, name: str) -> Regions:
    """By the rules of panopticapi's `pq_compute`: what makes it refuse a file does so here."""
    content = json.loads((folder / "panoptic.json").read_text())
    categories = {c["id"]: c for c in content["categories"]}
    assert all({"id", "name", "isthing", "color"} <= c.keys() for c in categories.values())
    [image] = [i for i in content["images"] if i["file_name"] == f"{name}.png"]
    [entry] = [a for a in content["annotations"] if a["image_id"] == image["id"]]
    colors = np.array(Image.open(folder / "panoptic" / entry["file_name"]), np.uint32)
    ids = colors[:, :, 0] + 256 * colors[:, :, 1] + 256**2 * colors[:, :, 2]
    told = {segment["id"]: segment for segment in entry["segments_info"]}
    assert set(np.unique(ids)) - {0} == set(told)
    found = []
    for number, segment in told.items():
        assert segment["iscrowd"] == 0 and segment["area"] == (ids == number).sum()
        found.append((categories[segment["category_id"]]["name"], ids == number))
    return found


def rasterised(rings: list[Any], transform: Any = None) -> NDArray[np.bool_]:
    """Pixels whose centre is inside, by GDAL."""
    from rasterio.features import rasterize
    from rasterio.transform import IDENTITY

    shape = {"type": "MultiPolygon", "coordinates": rings}
    size = (HEIGHT, WIDTH)
    burnt = rasterize([(shape, 1)], out_shape=size, transform=transform or IDENTITY)
    return np.asarray(burnt, bool)


def yolo(folder: Path, name: str) -> Regions:
    """Rings of the text, by GDAL."""
    names = yaml.safe_load((folder / "data.yaml").read_text())["names"]
    assert (folder / "images" / f"{name}.png").is_file()
    found = []
    for line in (folder / "labels" / f"{name}.txt").read_text().splitlines():
        number, *values = line.split()
        ring = np.array(values, float).reshape(-1, 2) * (WIDTH, HEIGHT)
        found.append((names[int(number)], rasterised([[np.vstack([ring, ring[:1]]).tolist()]])))
    return found


def geojson(folder: Path, name: str) -> Regions:
    """By GDAL."""
    content = json.loads((folder / f"{name}.geojson").read_text())
    found = []
    for feature in content["features"]:
        mask = rasterised(feature["geometry"]["coordinates"])
        assert feature["properties"]["pixels"] == mask.sum()
        found.append((feature["properties"]["class"], mask))
    return found


def cvat(folder: Path, name: str) -> Regions:
    """By cvat-sdk."""
    from cvat_sdk.masks import decode_mask

    root = Xml.parse(folder / "annotations.xml").getroot()
    assert root.findtext("version") == "1.1"
    known = {label.findtext("name") for label in root.iter("label")}
    [image] = [i for i in root.iter("image") if i.get("name") == f"{name}.png"]
    found = []
    for shape in image:
        told = {key: int(shape.attrib[key]) for key in ("left", "top", "width", "height")}
        right, bottom = told["left"] + told["width"] - 1, told["top"] + told["height"] - 1
        points = [*map(int, shape.attrib["rle"].split(", ")), told["left"], told["top"]]
        mask = decode_mask([*points, right, bottom], image_width=WIDTH, image_height=HEIGHT)
        assert shape.tag == "mask" and shape.get("label") in known
        found.append((shape.attrib["label"], mask))
    return found


def labelme(folder: Path, name: str) -> Regions:
    """By the schema of LabelMe: `load_shape_json_obj`, and `shape_to_mask` for masks."""
    file = folder / f"{name}.json"
    content = json.loads(file.read_text())
    assert (file.parent / content["imagePath"]).resolve().is_file()
    assert (content["imageHeight"], content["imageWidth"]) == (HEIGHT, WIDTH)
    assert content["imageData"] is None and content["flags"] == {}
    found = []
    for shape in content["shapes"]:
        keys = {"label", "points", "group_id", "shape_type", "flags", "description", "mask"}
        assert set(shape) == keys and shape["shape_type"] == "mask"
        part = np.array(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))).astype(bool)
        (x1, y1), (x2, y2) = np.array(shape["points"]).astype(int)
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[y1 : y2 + 1, x1 : x2 + 1] = part
        found.append((shape["label"], mask))
    return found


def label_studio(folder: Path, name: str) -> Regions:
    """By `unpack`, which a test holds against bytes of Label Studio's own."""
    labels = {label.get("value") for label in Xml.parse(folder / "config.xml").iter("Label")}
    for task in json.loads((folder / "tasks.json").read_text()):
        if task["data"]["image"].endswith(f"{name}.png"):
            [prediction] = task["predictions"]
            return list(_strokes(prediction["result"], labels))
    return []


def _strokes(results: list[Any], labels: set[str | None]) -> Iterator[tuple[str, Any]]:
    for result in results:
        [label] = result["value"]["brushlabels"]
        assert (result["original_width"], result["original_height"]) == (WIDTH, HEIGHT)
        assert label in labels and result["type"] == "brushlabels"
        values = unpack(result["value"]["rle"]).reshape(HEIGHT, WIDTH, 4)
        yield label, values[:, :, 3] > 0


REGIONS = {
    "coco": coco,
    "coco-panoptic": panoptic,
    "yolo": yolo,
    "geojson": geojson,
    "cvat": cvat,
    "labelme": labelme,
    "label-studio": label_studio,
}


def png(folder: Path, name: str) -> NDArray[np.int64]:
    """By Pillow: the index of a palette, or grey."""
    return np.array(Image.open(folder / "masks" / f"{name}.png"), np.int64)


def voc(folder: Path, name: str) -> NDArray[np.int64]:
    """By Pillow, as the development kit's readers do."""
    return np.array(Image.open(folder / "SegmentationClass" / f"{name}.png"), np.int64)


def geotiff(folder: Path, name: str) -> NDArray[np.int64]:
    """By rasterio."""
    import rasterio

    with rasterio.open(folder / f"{name}.tif") as raster:
        return np.asarray(raster.read(1), np.int64)


MAPS = {"png": png, "voc": voc, "geotiff": geotiff}

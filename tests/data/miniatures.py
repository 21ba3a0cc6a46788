"""Data sets in the formats of their owners, a few drawn scenes each.

Every function takes the folder to write to and the number of pictures, and returns the root that
`open_data` takes. Whatever real files have is there: palettes, voids, gaps between ids, numbers of
objects, crowds, list files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from zeroseg.data.drawn_scenes import class_of
from zeroseg.drawn.scene import Region, Scene, draw_scene
from zeroseg.vocabularies import (
    ADE20K,
    CITYSCAPES,
    COCO81,
    COCO_STUFF,
    CONTEXT60,
    DRAM,
    VOC2012,
)
from zeroseg.vocabulary import Color, Vocabulary

SEED = 77
HEIGHT, WIDTH = 72, 96
VOID, EGO_VEHICLE, STATIC = 255, 1, 4

Ids = NDArray[np.uint8]

CITYSCAPES_STUFF = {"grass": 22, "tree": 21}
"""Raw ids of stuff that the drawn world calls otherwise."""

RAW_STUFF = {"sky": 156, "grass": 123, "tree": 168, "road": 148, "building": 95}
"""Pixel values of stuff in stuffthingmaps: id - 1."""

COCO_STUFF_NAMES = {"sky": "sky-other", "building": "building-other", "wall": "wall-other"}
"""Stuff of the drawn world by the names of COCO-Stuff, where these differ."""

MOVEMENTS = ("realism", "impressionism", "post_impressionism", "expressionism", "unseen/cubism")


def pascal_color(index: int) -> Color:
    """The colour that the PASCAL VOC palette gives an id: its bits, dealt out to r, g and b."""
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            bit = (index >> (3 * place + channel)) & 1
            channels[channel] |= bit << (7 - place)
    return channels[0], channels[1], channels[2]


def scene(number: int) -> Scene:
    """The scene behind picture `number` of every miniature."""
    return draw_scene(SEED, number, (HEIGHT, WIDTH))


def ids_of(drawn: Scene, id_of: Callable[[Region], int]) -> Ids:
    """(H, W) uint8, an id for every region."""
    table = np.array([id_of(region) for region in drawn.regions], np.uint8)
    return table[drawn.segments]


def id_in(vocabulary: Vocabulary) -> Callable[[Region], int]:
    """The file id of a region's class."""
    return lambda region: vocabulary.ids[class_of(region, vocabulary)]


def outlined(ids: Ids, segments: Ids) -> Ids:
    """The same with a void line where one region meets another."""
    edge = np.zeros(ids.shape, bool)
    edge[:, 1:] |= segments[:, 1:] != segments[:, :-1]
    edge[1:] |= segments[1:] != segments[:-1]
    return np.where(edge, np.uint8(VOID), ids)


def save(pixels: NDArray[Any], path: Path, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    if palette:
        colors = [channel for number in range(256) for channel in pascal_color(number)]
        picture.putpalette(colors)
    picture.save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))


def voc2012(root: Path, count: int = 3) -> Path:
    """VOCdevkit/VOC2012 with a val list, palette PNGs, void outlines and object masks."""
    folder = root / "VOCdevkit" / "VOC2012"
    names = [f"2007_{number:06d}" for number in range(count)]
    for number, name in enumerate(names):
        drawn = scene(number)
        save(drawn.image, folder / "JPEGImages" / f"{name}.jpg")
        classes = ids_of(drawn, id_in(VOC2012))
        things = [n for n, r in enumerate(drawn.regions) if id_in(VOC2012)(r)]
        table = np.zeros(256, np.uint8)
        table[things] = range(1, len(things) + 1)
        for kind, ids in (("Class", classes), ("Object", table[drawn.segments])):
            path = folder / f"Segmentation{kind}" / f"{name}.png"
            save(outlined(ids, drawn.segments), path, palette=True)
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("\n".join(names) + "\n")
    (lists / "test.txt").write_text("\n".join(names) + "\n")
    return root / "VOCdevkit"


def cityscapes_id(region: Region) -> int:
    index = class_of(region, CITYSCAPES)
    if index == CITYSCAPES.background:
        return CITYSCAPES_STUFF.get(region.category, STATIC)
    return CITYSCAPES.ids[index]


def cityscapes(root: Path, count: int = 3) -> Path:
    """leftImg8bit and gtFine of two cities, with ego vehicle, static and instance numbers."""
    for number in range(count):
        drawn, city = scene(number), ("frankfurt", "munster")[number % 2]
        name = f"{city}_{number:06d}_{10 * number:06d}"
        save(drawn.image, root / "leftImg8bit/val" / city / f"{name}_leftImg8bit.png")
        classes = ids_of(drawn, cityscapes_id)
        objects = classes.astype(np.uint16)
        for position, region in enumerate(drawn.regions):
            if 24 <= cityscapes_id(region) <= 33:
                objects[drawn.segments == position] = 1000 * cityscapes_id(region) + position
        classes[-4:], objects[-4:] = EGO_VEHICLE, EGO_VEHICLE
        mask = root / "gtFine/val" / city / f"{name}_gtFine_labelIds.png"
        save(classes, mask)
        save(objects, Path(str(mask).replace("labelIds", "instanceIds")))
    return root


def runs_as_polygons(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Polygons that cover a mask exactly: a rectangle for each run of a row."""
    polygons = []
    for y, row in enumerate(mask):
        steps = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        for x1, x2 in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True):
            polygons.append([x1, y, x2, y, x2, y + 1, x1, y + 1])
    return [[float(value) for value in polygon] for polygon in polygons]


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Uncompressed run lengths, column by column, as crowds have them."""
    column = mask.flatten(order="F").astype(int)
    steps = np.flatnonzero(np.diff(np.concatenate([[0], column, [1 - column[-1]]])))
    counts = np.diff(np.concatenate([[0], steps])).tolist()
    return {"size": list(mask.shape), "counts": counts}


def coco_objects(drawn: Scene, image_id: int) -> list[dict[str, Any]]:
    """The things of a scene as annotations; the last of each picture is a crowd."""
    found = []
    for position, region in enumerate(drawn.regions):
        number = id_in(COCO81)(region)
        if number:
            mask = drawn.segments == position
            x1, y1, x2, y2 = region.box
            found.append(
                {
                    "id": 1000 * image_id + position,
                    "image_id": image_id,
                    "category_id": number,
                    "segmentation": runs_as_polygons(mask),
                    "area": int(mask.sum()),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "iscrowd": 0,
                }
            )
            last = mask
    if found:
        found[-1] |= {"segmentation": run_lengths(last), "iscrowd": 1}
    return found


def coco81(root: Path, count: int = 3) -> Path:
    """val2017 and annotations/instances_val2017.json with polygons, crowds and gaps of ids."""
    images, annotations = [], []
    for number in range(count):
        name, drawn = f"{139 + number:012d}", scene(number)
        save(drawn.image, root / "val2017" / f"{name}.jpg")
        images.append(
            {"id": 139 + number, "file_name": f"{name}.jpg", "height": HEIGHT, "width": WIDTH}
        )
        annotations.extend(coco_objects(drawn, 139 + number))
    categories = [
        {"id": number, "name": name}
        for number, name in zip(COCO81.ids[1:], COCO81.names[1:], strict=True)
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path = root / "annotations" / "instances_val2017.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return root


def coco81_maps(root: Path, count: int = 3) -> Path:
    """val2017 and stuffthingmaps/val2017: things are id - 1, then stuff, 255 is unlabeled."""

    def value(region: Region) -> int:
        number = id_in(COCO81)(region)
        return number - 1 if number else RAW_STUFF.get(region.category, VOID)

    for number in range(count):
        name, drawn = f"{139 + number:012d}", scene(number)
        save(drawn.image, root / "val2017" / f"{name}.jpg")
        save(ids_of(drawn, value), root / "stuffthingmaps/val2017" / f"{name}.png")
    return root


def dram(root: Path, count: int = 5) -> Path:
    """Paintings of the four movements and of an unseen one, in turn, with all list files."""
    lists: dict[str, list[str]] = {"dram": [], "dram_with_unseen": []}
    for number in range(count):
        movement, drawn = MOVEMENTS[number % len(MOVEMENTS)], scene(number)
        name = f"{movement}/an-artist/painting-no.{number}"
        save(drawn.image, root / "test" / f"{name}.jpg")
        ids = ids_of(drawn, id_in(DRAM))
        ids[0] = VOID
        save(ids, root / "labels" / f"{name}.png")
        lists.setdefault(movement.split("/")[0], []).append(name)
        lists["dram_with_unseen"].append(name)
        if not movement.startswith("unseen"):
            lists["dram"].append(name)
    for movement, names in lists.items():
        (root / "test" / f"{movement}.txt").write_text("\n".join(names) + "\n")
    return root


def ade20k(root: Path, count: int = 3) -> Path:
    """ADEChallengeData2016 with ids 0..150."""
    folder = root / "ADEChallengeData2016"
    for number in range(count):
        name, drawn = f"ADE_val_{number + 1:08d}", scene(number)
        save(drawn.image, folder / "images/validation" / f"{name}.jpg")
        save(ids_of(drawn, id_in(ADE20K)), folder / "annotations/validation" / f"{name}.png")
    return folder


def listed(root: Path, path: str, names: list[str]) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("\n".join(names) + "\n")


def context60(root: Path, count: int = 3) -> Path:
    """VOCdevkit/VOC2010 with a val list and grey maps of ids 0..59."""
    year, names = root / "VOCdevkit/VOC2010", [f"2008_{n:06d}" for n in range(count)]
    for number, name in enumerate(names):
        drawn = scene(number)
        save(drawn.image, year / "JPEGImages" / f"{name}.jpg")
        save(ids_of(drawn, id_in(CONTEXT60)), year / "SegmentationClassContext" / f"{name}.png")
    listed(year, "ImageSets/SegmentationContext/val.txt", names)
    return root / "VOCdevkit"


def deep_ids(drawn: Scene, vocabulary: Vocabulary) -> NDArray[np.uint16]:
    """(H, W) uint16 ids; 65535 where there is no class."""
    table = [vocabulary.ids[class_of(region, vocabulary)] for region in drawn.regions]
    ids = np.array(table, np.uint16)[drawn.segments]
    return np.where(ids == vocabulary.ids[vocabulary.background], np.uint16(65535), ids)


def context459(root: Path, count: int = 3) -> Path:
    """VOCdevkit/VOC2010 with CAT-Seg's list and TIFF maps; what has no class is "unknown"."""
    year, names = root / "VOCdevkit/VOC2010", [f"2008_{n:06d}" for n in range(count)]
    classes = Vocabulary.parse("context459")
    for number, name in enumerate(names):
        drawn = scene(number)
        save(drawn.image, year / "JPEGImages" / f"{name}.jpg")
        ids = deep_ids(drawn, classes)
        ids[ids == 65535] = classes.index("unknown")
        save(ids, year / "annotations_detectron2/pc459_val" / f"{name}.tif")
    listed(year, "pascalcontext_val.txt", names)
    return root / "VOCdevkit"


def coco_object(root: Path, count: int = 3) -> Path:
    """val2017 and annotations/val2017 with *_instanceTrainIds.png: 0, and things as 1..80."""
    for number in range(count):
        name, drawn = f"{139 + number:012d}", scene(number)
        save(drawn.image, root / "val2017" / f"{name}.jpg")
        ids = ids_of(drawn, lambda region: class_of(region, COCO81))
        save(ids, root / "annotations/val2017" / f"{name}_instanceTrainIds.png")
    return root


def coco_stuff_id(region: Region) -> int:
    if region.category in COCO_STUFF_NAMES:
        return COCO_STUFF.index(COCO_STUFF_NAMES[region.category])
    index = class_of(region, COCO_STUFF)
    return VOID if index == COCO_STUFF.background else index


def coco_stuff(root: Path, count: int = 3) -> Path:
    """The same with *_labelTrainIds.png: 0..170, 255 is void."""
    for number in range(count):
        name, drawn = f"{139 + number:012d}", scene(number)
        save(drawn.image, root / "images/val2017" / f"{name}.jpg")
        ids = ids_of(drawn, coco_stuff_id)
        save(ids, root / "annotations/val2017" / f"{name}_labelTrainIds.png")
    return root


def ade847(root: Path, count: int = 3) -> Path:
    """ADE20K_2021_17_01 as CAT-Seg prepares it: TIFF of ids 0..846, 65535 is void."""
    top = root / "ADE20K_2021_17_01"
    for number in range(count):
        name, drawn = f"ADE_val_{number + 1:08d}", scene(number)
        save(drawn.image, top / "images_detectron2/validation" / f"{name}.jpg")
        ids = deep_ids(drawn, Vocabulary.parse("ade847"))
        save(ids, top / "annotations_detectron2/validation" / f"{name}.tif")
    return top


LVIS_CATEGORIES = (
    {"id": 1, "name": "person", "synonyms": ["person", "baby", "child"], "frequency": "f"},
    {"id": 2, "name": "dog", "synonyms": ["dog"], "frequency": "f"},
    {"id": 3, "name": "puppy", "synonyms": ["puppy", "baby"], "frequency": "r"},
    {"id": 4, "name": "cow", "synonyms": ["cow"], "frequency": "f"},
    {"id": 7, "name": "car_(automobile)", "synonyms": ["car_(automobile)", "auto"]},
)


def lvis(root: Path, count: int = 3) -> Path:
    """annotations/lvis_v1_val.json: addresses in place of file names, pictures of both folders."""
    ids = {"person": 1, "dog": 2, "cow": 4, "car": 7}
    images, annotations = [], []
    for number in range(count):
        year = ("val2017", "train2017")[number % 2]
        name, drawn = f"{139 + number:012d}.jpg", scene(number)
        save(drawn.image, root / year / name)
        address = f"http://images.cocodataset.org/{year}/{name}"
        size = {"height": HEIGHT, "width": WIDTH}
        images.append({"id": 139 + number, "coco_url": address, **size})
        for one in coco_objects(drawn, 139 + number):
            thing = COCO81.names[COCO81.ids.index(one["category_id"])]
            if thing in ids:
                outline = {key: one[key] for key in ("id", "image_id", "segmentation", "area")}
                annotations.append(outline | {"category_id": ids[thing]})
    content = {"images": images, "annotations": annotations, "categories": [*LVIS_CATEGORIES]}
    path = root / "annotations" / "lvis_v1_val.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return root


def folder(root: Path, count: int = 3) -> Path:
    """Pictures, masks and vocabulary.yaml."""
    for number in range(count):
        drawn = scene(number)
        save(drawn.image, root / "images" / f"{number}.png")
        save(ids_of(drawn, id_in(DRAM)), root / "masks" / f"{number}.png")
    (root / "vocabulary.yaml").write_text(yaml.safe_dump(DRAM.to_dict()))
    return root


MINIATURES: Mapping[str, Callable[[Path, int], Path]] = {
    "voc2012": voc2012,
    "cityscapes": cityscapes,
    "coco81": coco81,
    "dram": dram,
    "ade20k": ade20k,
    "voc20": voc2012,
    "context60": context60,
    "context59": context60,
    "context459": context459,
    "coco-object": coco_object,
    "coco-stuff": coco_stuff,
    "ade847": ade847,
    "lvis": lvis,
    "folder": folder,
}
"""The miniature of every data set by its name in the catalog."""

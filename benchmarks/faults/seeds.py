"""Whole files of every kind that the library reads, small, for `mutations` to damage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.parity_sam import seeded_weights
from zeroseg.weights.checkpoints import locate
from zeroseg.weights.official.sam_checkpoint import SamSizes

SIDE = 24
SIZES = SamSizes(
    patch=16, grid=8, channels=32, mask_channels=4, decoder_mlp_width=32, iou_width=16,
    width=32, depth=2, heads=2, mlp_width=32, window=4, global_blocks=(1,),
)  # fmt: skip
CLASSES = """\
name: two
classes: [background, dog]
ids: [0, 1]
colors: [[0, 0, 0], "#c80000"]
aliases: {dog: [puppy, hound]}
prompts: {dog: a dog}
ignore_index: 255
"""


def lay_out(kind: str, folder: Path) -> Iterator[Path]:
    """Write the whole files of a kind; a kind that is a folder of files is one path for each."""
    folder.mkdir(parents=True, exist_ok=True)
    _MAKERS[kind](folder)
    return folder.iterdir()


def of(kind: str, folder: Path) -> Iterator[Path]:
    """The files of a folder that are damaged, one at a time."""
    return folder.glob(_DAMAGED[kind])


def _pixels() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.stack([9 * y, 9 * x, 128 + 0 * x], -1).astype(np.uint8)


def _ids() -> np.ndarray:
    ids = np.zeros((SIDE, SIDE), np.uint8)
    ids[: SIDE // 2] = 1
    return ids


def _pictures(folder: Path) -> None:
    image = Image.fromarray(_pixels())
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "a.png")
    image.save(folder / "a.jpg", exif=exif)
    image.save(folder / "progressive.jpg", progressive=True)
    image.save(folder / "a.webp")
    image.save(folder / "a.bmp")
    image.save(folder / "a.tif", compression="tiff_lzw")
    image.save(folder / "b.tif", compression="tiff_adobe_deflate")
    image.save(folder / "a.ppm")
    image.save(folder / "a.tga")
    image.save(folder / "a.avif")
    image.convert("P").save(folder / "a.gif", save_all=True, append_images=[image.rotate(90)])
    image.convert("RGBA").save(folder / "alpha.png")
    image.convert("CMYK").save(folder / "cmyk.jpg")
    image.convert("P").save(folder / "palette.png", transparency=0)
    Image.fromarray(_pixels()[..., 0].astype(np.uint16) * 250).save(folder / "deep.png")
    Image.fromarray(_pixels()[..., 0].astype(np.float32)).save(folder / "float.tif")


def _set(root: Path, picture: str = "images/a.png", mask: str = "masks/a.png") -> None:
    for file, pixels in ((picture, _pixels()), (mask, _ids())):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / file)
    (root / "vocabulary.yaml").write_text(CLASSES)


def _masks(folder: Path) -> None:
    ids = Image.fromarray(_ids())
    indexed = ids.convert("P")
    indexed.putpalette([0, 0, 0, 200, 0, 0])
    deep = Image.fromarray(_ids().astype(np.uint16))
    for name, image in (("grey", ids), ("indexed", indexed), ("deep", deep)):
        _set(folder / name)
        image.save(folder / name / "masks" / "a.png")


def _predictions(folder: Path) -> None:
    _set(folder / "npy", mask="predictions/a.png")
    (folder / "npy" / "predictions" / "a.png").unlink()
    np.save(folder / "npy" / "predictions" / "a.npy", _ids())
    _set(folder / "png", mask="predictions/a.png")


def _coco(folder: Path) -> None:
    root = folder / "coco"
    (root / "val2017").mkdir(parents=True)
    (root / "annotations").mkdir()
    Image.fromarray(_pixels()).save(root / "val2017" / "000000000001.jpg")
    outline = [2, 2, 20, 2, 20, 20, 2, 20]
    counts = [10, 30, SIDE * SIDE - 40]
    content = {
        "images": [
            {"id": 1, "file_name": "000000000001.jpg", "height": SIDE, "width": SIDE},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 18, "iscrowd": 0, "segmentation": [outline]},
            {
                "id": 2, "image_id": 1, "category_id": 1, "iscrowd": 1,
                "segmentation": {"size": [SIDE, SIDE], "counts": counts},
            },
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    }  # fmt: skip
    (root / "annotations" / "instances_val2017.json").write_text(json.dumps(content))


def _lists(folder: Path) -> None:
    root = folder / "voc"
    _set(root, "JPEGImages/2007_000001.jpg", "SegmentationClass/2007_000001.png")
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("2007_000001\n")


def _vocabularies(folder: Path) -> None:
    (folder / "two.yaml").write_text(CLASSES)
    (folder / "plain.txt").write_text("background\ndog\n# cats\ncat\n")
    (folder / "list.json").write_text('["background", "dog", "cat"]')
    (folder / "ids.json").write_text('{"0": "background", "7": "dog"}')


def _configurations(folder: Path) -> None:
    text = Path(__file__).parents[2].joinpath("zeroseg/presets/tiny.yaml").read_text("utf-8")
    (folder / "tiny.yaml").write_text(text)


def _manifests(folder: Path) -> None:
    from zeroseg.scale.manifest import Manifest
    from zeroseg.scale.work import Part, Work
    from zeroseg.vocabulary import Vocabulary

    root = folder / "archive"
    output = Manifest(str(root), Vocabulary.parse(["background", "dog"]))
    output.begin({"model": "of tests"})
    output.add(Part((Work("a", "a.png").failed("reading", "it is gone"),)))


def _weights(folder: Path) -> None:
    shutil.copytree(locate("tiny:sam"), folder / "sam")


def _pth(folder: Path) -> None:
    weights = seeded_weights(SIZES)
    torch.save(weights, folder / "sam.pth")
    torch.save({"model": weights}, folder / "legacy.pth", _use_new_zipfile_serialization=False)


_MAKERS: dict[str, Callable[[Path], None]] = {
    "picture": _pictures,
    "mask": _masks,
    "prediction": _predictions,
    "coco": _coco,
    "list": _lists,
    "vocabulary": _vocabularies,
    "configuration": _configurations,
    "manifest": _manifests,
    "weights": _weights,
    "authors' file": _pth,
}
_DAMAGED = {
    "mask": "masks/*",
    "prediction": "predictions/*",
    "coco": "annotations/*",
    "list": "ImageSets/Segmentation/*",
    "manifest": "**/*.*",
    "weights": "*.*",
}

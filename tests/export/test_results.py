"""Results of `segment`, `test` and `batch` are read alike, and damage costs its own picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.export.labelled_scenes import (
    CLASSES,
    DEEP,
    LAYOUTS,
    SCENES,
    image,
    segmented,
)
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.export.results import Results
from zeroseg.segmentation import Segmentation


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_layouts_are_read_alike(layout: str, tmp_path: Path) -> None:
    results = Results(LAYOUTS[layout](tmp_path))
    assert results.vocabulary == CLASSES
    read = {result.name: results.read(result) for result in results}
    pictures = {name: picture for name, picture in read.items() if picture is not None}
    assert set(pictures) == set(SCENES)
    assert all((pictures[name].labels == labels).all() for name, labels in SCENES.items())
    assert results.lost == (layout != "segment")
    sources = {picture.source.removeprefix("file://") for picture in pictures.values()}
    known = {str(tmp_path / "pictures" / f"{name}.png") for name in SCENES}
    assert sources == ({""} if layout == "test" else known)


def test_a_folder_without_results_is_said(tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match=r"holds no results: no NAME\.mask\.png"):
        Results(str(tmp_path))
    with pytest.raises(ZerosegError, match="holds no results"):
        Results(str(tmp_path / "nowhere"))
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "predictions").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "predictions" / "a.png")
    with pytest.raises(ZerosegError, match="tells no classes"):
        Results(str(tmp_path))


def _damage(what: str, base: Path) -> None:
    mask, told = base.with_suffix(".mask.png"), base.with_suffix(".json")
    content = json.loads(told.read_text())
    if what == "mask is cut":
        mask.write_bytes(mask.read_bytes()[:40])
    elif what == "no json":
        told.unlink()
    elif what == "json is a folder":
        told.unlink()
        told.mkdir()
    elif what == "json is cut":
        told.write_text(told.read_text()[:99])
    elif what == "json is a list":
        told.write_text("[1]")
    elif what == "ids are strange":
        Image.fromarray(np.full(SCENES["holes"].shape, 77, np.uint8)).save(mask)
    elif what == "another size":
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(mask)
    elif what == "colours":
        Image.new("RGB", (30, 24)).save(mask)
    elif what == "other classes":
        labels = torch.from_numpy(SCENES["holes"])
        Segmentation(labels, DEEP, image(), content["name"]).save(base)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("mask is cut", "label map 'pixels.mask.png' cannot be read"),
        ("no json", "'pixels.json' is missing"),
        ("json is a folder", "'pixels.json' cannot be read: Is a directory"),
        ("json is cut", "'pixels.json' is damaged"),
        ("json is a list", "'pixels.json' is damaged"),
        ("ids are strange", r"ids \[77\] belong to no class"),
        ("another size", "its JSON says"),
        ("colours", "colours, not ids"),
        ("other classes", "export these results apart"),
    ],
)
def test_damage_costs_its_own_picture(what: str, said: str, tmp_path: Path) -> None:
    folder = segmented(tmp_path)
    _damage(what, Path(folder) / "pixels")
    results = Results(folder)
    with pytest.raises(ZerosegError, match=said):
        results.read(next(result for result in results if result.name == "pixels"))
    others = [results.read(result) for result in results if result.name != "pixels"]
    assert len(others) == len(SCENES) - 1 and None not in others


def test_what_cannot_be_read_is_told_by_whatever_is_asked_of_a_result(tmp_path: Path) -> None:
    folder = segmented(tmp_path)
    _damage("json is a folder", Path(folder) / "pixels")
    (Path(folder) / "pixels.confidence.png").mkdir()
    results = Results(folder)
    pixels = next(result for result in results if result.name == "pixels")
    asked = (results.told, results.score, results.source, results.label_map, results.confidence)
    for ask in asked:
        with pytest.raises(ImageError, match="cannot be read: Is a directory"):
            ask(pixels)


def test_a_lost_mask_of_an_archive_is_said(tmp_path: Path) -> None:
    folder = LAYOUTS["batch"](tmp_path)
    Path(folder, "masks", "pixels.png.png").unlink()
    results = Results(folder)
    with pytest.raises(ImageError, match=r"label map 'masks/pixels\.png\.png' is missing"):
        results.read(next(result for result in results if result.name == "pixels"))
    [part] = Path(folder, "manifest").iterdir()
    part.write_bytes(b"no parquet")
    with pytest.raises(ZerosegError, match="run zeroseg batch again"):
        Results(folder)

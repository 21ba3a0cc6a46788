"""Pictures for people hold what they should where they should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.plotting import (
    boxes_and_points,
    class_colors,
    colored,
    grid,
    indexed,
    legend,
    overlay,
    panels,
    picture,
)
from zeroseg.segmentation import Segmentation
from zeroseg.testing import blank, boxed, noise
from zeroseg.values import Exchange, Points, Selection, Trace, Usage
from zeroseg.vocabularies import DRAM
from zeroseg.vocabulary import Vocabulary

DOG, CAT = DRAM.index("dog"), DRAM.index("cat")


def labels() -> torch.Tensor:
    """A dog on the left, a cat at the top right, no label in one corner; 32 x 48."""
    found = torch.zeros(32, 48, dtype=torch.int64)
    found[:, :16], found[:8, 32:], found[31, 47] = DOG, CAT, 255
    return found


def test_picture_is_the_image() -> None:
    image = noise(10, 12)
    assert np.array_equal(np.asarray(picture(image)), image.permute(1, 2, 0).numpy())


def test_indexed_holds_ids_and_palette() -> None:
    mask = indexed(labels(), DRAM)
    assert mask.mode == "P"
    assert set(np.unique(np.asarray(mask))) == {0, 8, 12, 255}
    shown = np.asarray(mask.convert("RGB"))
    assert tuple(shown[0, 0]) == DRAM.colors[DOG]
    assert tuple(shown[0, 47]) == DRAM.colors[CAT]
    assert np.array_equal(shown, np.asarray(colored(labels(), DRAM)))


def test_overlay_paints_classes_leaves_the_rest_and_names_what_is_there() -> None:
    sheet = overlay(blank(value=100), labels(), DRAM)
    pixels = np.asarray(sheet).astype(int)
    assert sheet.width == 48
    assert sheet.height > 32
    assert np.abs(pixels[16, 8] - (0.45 * 100 + 0.55 * np.array(DRAM.colors[DOG]))).max() <= 1
    rest = pixels[20, 24]
    assert len(set(rest.tolist())) == 1  # grey stays grey
    assert pixels[16, 16].tolist() == [255, 255, 255]  # the outline
    swatches = {tuple(pixel) for pixel in pixels[32:].reshape(-1, 3)}
    assert {DRAM.colors[DOG], DRAM.colors[CAT]} <= swatches
    assert DRAM.colors[DRAM.index("horse")] not in swatches


def test_legends_wrap_and_never_grow_wider() -> None:
    entries = [(name, DRAM.colors[i]) for i, name in enumerate(DRAM.names)]
    wide, narrow = legend(entries, 2000), legend(entries, 100)
    assert (wide.width, narrow.width) == (2000, 100)
    assert narrow.height > wide.height


def test_boxes_and_points_stand_where_they_belong() -> None:
    found = boxed((40, 60, 200, 180), (100, 100, 300, 220), labels=[DOG, -1])
    xy = torch.tensor([[[120.0, 90.0], [0.0, 0.0]], [[250.0, 200.0], [260.0, 210.0]]])
    points = Points(xy, torch.tensor([[1, -10], [1, 0]]))
    image = blank(240, 320, 255)
    sheet = np.asarray(boxes_and_points(image, found, points, class_colors(found, DRAM)))
    assert sheet.shape == (240, 320, 3)
    assert tuple(sheet[150, 40]) == DRAM.colors[DOG]
    assert tuple(sheet[210, 300]) == (128, 128, 128)  # without a class
    assert tuple(sheet[90, 120]) == DRAM.colors[DOG]
    assert tuple(sheet[200, 250]) == (128, 128, 128)
    assert tuple(sheet[0, 0]) == (255, 255, 255)  # no point there
    assert tuple(sheet[215, 262]) == (255, 255, 255)  # points off the object are not shown
    small = boxes_and_points(blank(), boxed((0, 0, 9, 9), labels=[DOG]), None, [(9, 9, 9)])
    assert small.size == (48 * 7, 32 * 7)  # small pictures are enlarged
    assert boxes_and_points(blank(), boxed(), None, []).size == small.size


def test_panels_and_grids_fit() -> None:
    one, two = Image.new("RGB", (50, 100), "red"), Image.new("L", (200, 100), 255)
    row = panels([("one", one), ("two", two)], height=200)
    assert row.width == 100 + 8 + 400
    assert row.height > 200
    assert row.getpixel((50, row.height - 10)) == (255, 0, 0)
    assert row.getpixel((300, row.height - 10)) == (255, 255, 255)
    sheet = grid([one, two])
    assert sheet.size == (200, 200)
    assert sheet.getpixel((10, 10)) == (255, 0, 0)


def result() -> Segmentation:
    exchange = Exchange("pre-refinement", "which?", "dog", ("cat",), Usage(1, 5, 1, 0.25))
    return Segmentation(
        label_map=torch.where(labels() == 255, 0, labels()),
        vocabulary=DRAM,
        image=noise(32, 48),
        name="x.png",
        selection=Selection(("dog", "thing"), (DOG, -1)),
        detections=boxed((0, 0, 16, 32), labels=[DOG]),
        trace=Trace({"tags": 0.5}, (exchange,)),
    )


def test_a_segmentation_is_saved_whole(tmp_path: Path) -> None:
    files = result().save(tmp_path / "new" / "a.b")
    assert {kind: path.name for kind, path in files.items()} == {
        "mask": "a.b.mask.png",
        "overlay": "a.b.overlay.png",
        "json": "a.b.json",
    }
    ids = torch.from_numpy(np.array(Image.open(files["mask"])))
    assert torch.equal(DRAM.from_ids(ids), result().label_map)
    content = json.loads(files["json"].read_text())
    assert Vocabulary.parse(content["vocabulary"]) == DRAM
    assert content["areas"] == pytest.approx({"dog": 1 / 3, "cat": 1 / 12})
    assert list(content["areas"]) == ["dog", "cat"]  # the largest first
    assert content["prompts"] == [
        {"prompt": "dog", "class": "dog"},
        {"prompt": "thing", "class": None},
    ]
    assert content["seconds"] == {"tags": 0.5}
    assert content["exchanges"][0]["dropped"] == ["cat"]
    assert content["usage"]["cost"] == 0.25


def test_a_segmentation_fits_its_image() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Segmentation(torch.zeros(4, 4, dtype=torch.int64), DRAM, blank())
    moved = result().to("cpu")
    assert torch.equal(moved.label_map, result().label_map)
    assert moved.name == "x.png"

"""ADE20K with 847 classes: TIFF of sixteen bits, void in the highest number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data import miniatures
from zeroseg.data.ade847 import Ade847
from zeroseg.errors import ImageError, ZerosegError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.ade847(tmp_path, 2)


def mask(root: Path) -> Path:
    return root / "annotations_detectron2/validation/ADE_val_00000001.tif"


def test_every_id_and_void(root: Path) -> None:
    every = np.arange(72 * 96).reshape(72, 96) % 848
    ids = np.where(every == 847, 65535, every)
    Image.fromarray(ids.astype(np.uint16)).save(mask(root))
    data = Ade847(root.parent)
    assert np.array_equal(data.dataset[0].target, ids)
    assert (data.title, data.scored) == ("ade847", tuple(range(847)))
    classes = data.vocabulary
    assert (classes.names[0], classes.names[846], classes.bits) == ("wall", "adding-machine", 16)
    bags = [name for name in classes.names if name.startswith("bag")]
    assert bags == ["bag", "bag (traveling-bag)", "bag (handbag)", "baggage-carts"]
    assert classes.prompts[classes.index("bag (handbag)")] == "handbag"


@pytest.mark.parametrize("number", [848, 65534])
def test_stray_ids(root: Path, number: int) -> None:
    Image.fromarray(np.full((72, 96), number, np.uint16)).save(mask(root))
    assert f"ids [{number}]" in str(Ade847(root).dataset[0].problem)


def test_files_that_are_missing_or_no_maps(root: Path) -> None:
    mask(root).write_bytes(mask(root).read_bytes()[:80])
    (root / "annotations_detectron2/validation/ADE_val_00000002.tif").unlink()
    first, second = Ade847(root).dataset
    assert "cannot be read" in str(first.problem)
    assert "there is no mask" in str(second.problem)
    Image.new("RGB", (96, 72)).save(mask(root))
    assert "mode RGB" in str(Ade847(root).dataset[0].problem)


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match="ade847 has no split 'val'"):
        Ade847(root, split="val")
    with pytest.raises(ImageError, match=r"prepare_ade20k_full\.py"):
        Ade847(tmp_path / "gone")

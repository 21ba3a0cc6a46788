"""Pictures and masks in folders: paired by name, read by the vocabulary's ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from zeroseg.data.image_mask_folder import ImageMaskFolder, read_mask
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.vocabularies import DRAM


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pictures and their masks, with DRAM's ids."""
    for place in ("images/a", "masks/a", "images/b", "masks/b"):
        (tmp_path / place).mkdir(parents=True)
    for number, name in enumerate(("a/x", "b/x")):
        Image.new("RGB", (12, 10), (number, 0, 0)).save(tmp_path / f"images/{name}.jpg")
        ids = np.zeros((10, 12), np.uint8)
        ids[0], ids[1] = (12, 8)[number], 255
        Image.fromarray(ids).save(tmp_path / f"masks/{name}.png")
    (tmp_path / "vocabulary.yaml").write_text(yaml.safe_dump(DRAM.to_dict()))
    return tmp_path


def test_pictures_meet_their_masks(root: Path) -> None:
    data = ImageMaskFolder(root, batch_size=2)
    assert data.vocabulary == DRAM
    [batch] = data.test_dataloader()
    assert [sample.name for sample in batch] == ["a/x", "b/x"]
    for sample, name in zip(batch, ("dog", "cat"), strict=True):
        assert set(sample.target[0].tolist()) == {DRAM.index(name)}
        assert set(sample.target[1].tolist()) == {255}
        assert set(sample.target[2:].unique().tolist()) == {DRAM.background}


def test_other_classes_may_read_the_same_ids(root: Path) -> None:
    assert ImageMaskFolder(root, "voc2012").dataset[0].target is not None
    with pytest.raises(VocabularyError, match="ids"):
        ImageMaskFolder(root, ["dog", "cat"]).dataset[0]
    (root / "vocabulary.yaml").unlink()
    with pytest.raises(VocabularyError, match=r"vocabulary\.yaml"):
        ImageMaskFolder(root)


def test_what_is_missing_is_named(root: Path) -> None:
    (root / "masks/b/x.png").unlink()
    with pytest.raises(ImageError, match=r"1 of 2 pictures .*images/b/x\.jpg"):
        ImageMaskFolder(root)
    with pytest.raises(ImageError, match="no file or folder"):
        ImageMaskFolder(root / "masks", DRAM)


def test_masks_are_indexed_or_grey(root: Path) -> None:
    path = root / "masks/a/x.png"
    grey = read_mask(path, DRAM)
    indexed = Image.open(path)
    indexed.putpalette(list(range(256)) * 3)
    indexed.save(path)
    assert Image.open(path).mode == "P"
    assert torch.equal(read_mask(path, DRAM), grey)
    Image.new("RGB", (12, 10)).save(path)
    with pytest.raises(ImageError, match="mode RGB"):
        read_mask(path, DRAM)
    path.write_text("no picture")
    with pytest.raises(ImageError, match="cannot be read"):
        read_mask(path, DRAM)
    Image.new("L", (9, 9)).save(path)
    with pytest.raises(ImageError, match=r"\(9, 9\)"):
        ImageMaskFolder(root).dataset[0]

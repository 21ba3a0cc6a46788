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
    other = ImageMaskFolder(root, ["dog", "cat"]).dataset[0]
    assert other.target is None
    assert "ids [12]" in str(other.problem)
    (root / "vocabulary.yaml").unlink()
    with pytest.raises(VocabularyError, match=r"vocabulary\.yaml"):
        ImageMaskFolder(root)


def test_what_is_missing_is_named(root: Path) -> None:
    (root / "masks/b/x.png").unlink()
    with pytest.raises(ImageError, match=r"1 of 2 pictures .*images/b/x\.jpg"):
        ImageMaskFolder(root)
    with pytest.raises(ImageError, match="no file or folder"):
        ImageMaskFolder(root / "masks", DRAM)


def test_two_pictures_of_one_name_are_refused(root: Path) -> None:
    Image.new("RGB", (12, 10)).save(root / "images/a/x.png")
    with pytest.raises(ImageError, match=r"several pictures .* are called a/x"):
        ImageMaskFolder(root)


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
    assert "(9, 9)" in str(ImageMaskFolder(root).dataset[0].problem)


def test_a_file_that_cannot_be_read_is_the_problem_of_its_sample(root: Path) -> None:
    (root / "images/a/x.jpg").write_bytes(b"no picture")
    (root / "masks/b/x.png").write_bytes(b"no mask")
    [[picture, mask]] = ImageMaskFolder(root, batch_size=2).test_dataloader()
    assert "images/a/x.jpg" in picture.problem
    assert picture.target is not None and not picture.image.any()
    assert "masks/b/x.png" in mask.problem
    assert mask.target is None


def test_it_is_called_by_its_folder(root: Path) -> None:
    data = ImageMaskFolder(root)
    assert data.describe() == {"name": root.name, "count": 2}
    assert data.dataset[0].regions is None

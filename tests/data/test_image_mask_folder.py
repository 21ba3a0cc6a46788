"""Pictures and masks in folders: paired by name, read by the vocabulary's ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from zeroseg.data import open_data
from zeroseg.data.image_mask_folder import ImageMaskFolder, read_mask
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.vocabularies import DRAM
from zeroseg.vocabulary import Vocabulary


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


def test_the_folder_says_what_ids_mean_and_other_classes_are_meant_by_name(root: Path) -> None:
    theirs = ImageMaskFolder(root)
    names = [*reversed(DRAM.names), "zebra"]
    for classes in ("voc2012", names, Vocabulary.from_names(names, ids=range(40, 40 + len(names)))):
        data = ImageMaskFolder(root, classes)
        for position, name in enumerate(("dog", "cat")):
            target, own = data.dataset[position].target, theirs.dataset[position].target
            assert target is not None and own is not None
            assert set(target[0].tolist()) == {data.vocabulary.index(name)}
            assert set(target[2:].unique().tolist()) == {data.vocabulary.background}
            assert torch.equal(target == data.vocabulary.ignore_index, own == 255)
    with pytest.raises(
        VocabularyError, match=r"vocabulary\.yaml' says .* hold bird, .*leave --labels"
    ):
        ImageMaskFolder(root, ["dog", "cat"])
    (root / "vocabulary.yaml").unlink()
    assert "ids [12]" in str(ImageMaskFolder(root, ["dog", "cat"]).dataset[0].problem)
    with pytest.raises(VocabularyError, match=r"vocabulary\.yaml"):
        ImageMaskFolder(root)


def test_stray_ids_are_a_problem_or_alias_by_the_protocol(root: Path) -> None:
    Image.fromarray(np.full((10, 12), 1, np.uint8)).save(root / "masks/a/x.png")
    standard, paper = open_data("folder", root), open_data("folder", root, protocol="paper")
    assert "ids [1]" in str(standard.dataset[0].problem)
    paper.sample(2)
    target = paper.dataset[0].target
    assert target is not None and target.unique().tolist() == [1]


def test_a_missing_mask_costs_its_own_picture(root: Path) -> None:
    (root / "masks/b/x.png").unlink()
    first, second = ImageMaskFolder(root).dataset
    assert first.problem is None
    assert "there is no mask" in str(second.problem) and "masks/b/x.png" in str(second.problem)
    (root / "masks/a/x.png").unlink()
    with pytest.raises(ImageError, match=r"none of 2 pictures has a mask .*a/x\.jpg, b/x\.jpg"):
        ImageMaskFolder(root)
    with pytest.raises(ImageError, match="no file or folder"):
        ImageMaskFolder(root / "masks", DRAM)


@pytest.mark.parametrize("called", ["a/x.jpg.png", "a/x.PNG", "A/X.png", "a/X.JPG.Png"])
def test_masks_may_keep_the_suffix_and_differ_in_case(root: Path, called: str) -> None:
    (root / "masks" / called).parent.mkdir(exist_ok=True)
    (root / "masks/a/x.png").rename(root / "masks" / called)
    data = ImageMaskFolder(root)
    assert list(data.dataset.names) == ["a/x", "b/x"]
    assert [sample.problem for sample in data.dataset] == [None, None]


def test_two_pictures_of_one_name_need_masks_that_tell_them_apart(root: Path) -> None:
    Image.new("RGB", (12, 10)).save(root / "images/a/x.png")
    with pytest.raises(ImageError, match=r"pictures .* are called a/x: a/x\.jpg, a/x\.png; call"):
        ImageMaskFolder(root)
    mask = root / "masks/a/x.png"
    Image.fromarray(np.full((10, 12), 8, np.uint8)).save(root / "masks/a/x.png.png")
    mask.rename(root / "masks/a/x.jpg.png")
    data = ImageMaskFolder(root)
    assert list(data.dataset.names) == ["a/x.jpg", "a/x.png", "b/x"]
    targets = [sample.target for sample in data.dataset]
    assert targets[0] is not None and targets[0][0, 0] == DRAM.index("dog")
    assert targets[1] is not None and targets[1][0, 0] == DRAM.index("cat")
    (root / "masks/a/x.png.png").unlink()
    problems = [sample.problem for sample in ImageMaskFolder(root).dataset]
    assert problems[0] is None and "there is no mask" in str(problems[1])


def test_masks_of_one_and_of_sixteen_bits(root: Path) -> None:
    cases = Path(__file__).parents[1] / "cases" / "masks"
    for folder in ("images/a", "images/b"):
        Image.new("RGB", (60, 40)).save(root / folder / "x.jpg")
    (root / "masks/a/x.png").write_bytes((cases / "one_bit.png").read_bytes())
    deep = np.zeros((40, 60), np.uint16)
    deep[0] = 12
    Image.fromarray(deep).save(root / "masks/b/x.png")
    (root / "vocabulary.yaml").write_text("[background, dog]")
    first, second = ImageMaskFolder(root).dataset
    assert first.target is not None and int(first.target.sum()) == 780
    assert "ids [12], which are no ids" in str(second.problem)
    (root / "vocabulary.yaml").write_text(yaml.safe_dump(DRAM.to_dict()))
    second = ImageMaskFolder(root).dataset[1]
    assert second.target is not None and set(second.target[0].tolist()) == {DRAM.index("dog")}
    deep[1] = 300
    Image.fromarray(deep).save(root / "masks/b/x.png")
    assert "ids [300], which are no ids" in str(ImageMaskFolder(root).dataset[1].problem)


@pytest.mark.parametrize(
    "content",
    ["classes: [", "classes: [dog, dog]", "klasses: [dog]", "3", "", "ids: x\nclasses: [a]"],
)
def test_a_damaged_vocabulary_is_named(root: Path, content: str) -> None:
    (root / "vocabulary.yaml").write_text(content)
    with pytest.raises(VocabularyError, match=r"vocabulary\.yaml"):
        ImageMaskFolder(root)


def test_what_a_mac_leaves_behind_is_no_picture(root: Path) -> None:
    cases = Path(__file__).parents[1] / "cases" / "folders" / "mac"
    for name in ("a.png", "._a.png"):
        (root / "images" / name).write_bytes((cases / name).read_bytes())
    with Image.open(root / "images/a.png") as picture:
        Image.new("L", picture.size).save(root / "masks/a.png")
    (root / "masks/._a.png").write_bytes(b"no mask")
    data = ImageMaskFolder(root)
    assert sorted(data.dataset.names) == ["a", "a/x", "b/x"]
    assert [sample.problem for sample in data.dataset] == [None] * 3


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

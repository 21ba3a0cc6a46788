"""Cityscapes: raw ids with and without a background class, instance numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling import args, evaluateImgLists
from cityscapesscripts.helpers.labels import labels
from PIL import Image

from tests.data import miniatures
from zeroseg.data.cityscapes import Cityscapes
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.evaluation.prediction_files import PredictionFiles
from zeroseg.metrics.segmentation_scores import SegmentationScores
from zeroseg.segmentation import Segmentation
from zeroseg.vocabularies import CITYSCAPES

# The owners' list: raw id of each of the 19 evaluated classes.
EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.cityscapes(tmp_path, 3)


def raw(root: Path, name: str, kind: str) -> np.ndarray:
    return np.array(Image.open(root / f"gtFine/val/{name}_gtFine_{kind}.png"))


def test_names_are_city_and_frame(root: Path) -> None:
    data = Cityscapes(root)
    assert list(data.dataset.names) == [
        "frankfurt/frankfurt_000000_000000",
        "frankfurt/frankfurt_000002_000020",
        "munster/munster_000001_000010",
    ]
    assert data.picture_count == 500


@pytest.mark.parametrize(
    ("background", "others", "zero", "other"),
    [
        (False, None, 255, 255),
        (True, None, 0, 0),
        (False, "background", 0, 0),
        (True, "ignore", 0, 255),
    ],
)
def test_raw_ids_outside_the_19(
    root: Path, background: bool, others: str | None, zero: int, other: int
) -> None:
    name = "munster/munster_000001_000010"
    every = np.arange(72 * 96, dtype=np.uint8).reshape(72, 96) % 34
    Image.fromarray(every).save(root / f"gtFine/val/{name}_gtFine_labelIds.png")
    data = Cityscapes(root, background=background, others=others)
    target = data.dataset[2].target
    assert target is not None
    for number in range(34):
        found = set(target.numpy()[every == number].tolist())
        if number in EVALUATED:
            assert found == {1 + EVALUATED.index(number)}
        else:
            assert found == {other if number else zero}
    assert data.scored == tuple(range(0 if background else 1, 20))
    described = data.describe()
    assert described["background"] is background
    assert described["others"] in ("ignore", "background")


def test_single_things_have_their_class(root: Path) -> None:
    data = Cityscapes(root)
    seen = 0
    for number, name in enumerate(data.dataset.names):
        sample, numbers = data.dataset[number], raw(root, name, "instanceIds")
        assert sample.regions is not None
        expected = [n for n in np.unique(numbers).tolist() if n >= 1000]
        ids = [CITYSCAPES.ids[label] for label in sample.regions.labels.tolist()]
        assert ids == [n // 1000 for n in expected]
        for mask, n in zip(sample.regions.masks().numpy(), expected, strict=True):
            assert np.array_equal(mask, numbers == n)
        seen += len(expected)
    assert seen > 2


def test_instances_are_optional(root: Path) -> None:
    for path in root.rglob("*instanceIds.png"):
        path.unlink()
    assert Cityscapes(root).dataset[0].regions is None


def test_unknown_ids_and_missing_masks_are_problems(root: Path) -> None:
    mask = next(root.rglob("*frankfurt_000000*labelIds.png"))
    Image.fromarray(np.full((72, 96), 40, np.uint8)).save(mask)
    next(root.rglob("*munster*labelIds.png")).unlink()
    data = Cityscapes(root)
    assert "ids [40]" in str(data.dataset[0].problem)
    assert data.dataset[1].problem is None
    assert "there is no mask" in str(data.dataset[2].problem)


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"leftImg8bit/train and gtFine/train.*\n\nCityscapes"):
        Cityscapes(root, split="train")
    (root / "leftImg8bit/test").mkdir()
    with pytest.raises(ImageError, match="test/CITY"):
        Cityscapes(root, split="test")
    with pytest.raises(ZerosegError, match="no split 'dev'"):
        Cityscapes(root, split="dev")
    with pytest.raises(ZerosegError, match="ignore or background"):
        Cityscapes(root, others="drop")


def test_the_test_split_has_no_annotation(root: Path) -> None:
    (root / "leftImg8bit/val").rename(root / "leftImg8bit/test")
    (root / "gtFine/val").rename(root / "gtFine/test")
    sample = Cityscapes(root, split="test").dataset[0]
    assert (sample.target, sample.problem) == (None, None)


def test_classes_ids_and_colours_are_those_of_the_owners() -> None:
    evaluated = [label for label in labels if not label.ignoreInEval]
    assert [label.trainId for label in evaluated] == list(range(19))
    rows = [(CITYSCAPES.names[i], CITYSCAPES.ids[i], CITYSCAPES.colors[i]) for i in range(1, 20)]
    assert rows == [(label.name.replace(" ", "-"), label.id, label.color) for label in evaluated]
    assert tuple(label.id for label in evaluated) == EVALUATED


def test_scores_are_those_of_the_owners_evaluation(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(3)
    data, predicted = Cityscapes(root), tmp_path / "predicted"
    predicted.mkdir()
    truths, files = [], []
    for name in data.dataset.names:
        truth = raw(root, name, "labelIds")
        noise = random.choice(EVALUATED, truth.shape).astype(np.uint8)
        kept = (random.random(truth.shape) < 0.7) & np.isin(truth, EVALUATED)
        files.append(str(predicted / f"{name.rsplit('/', 1)[-1]}_leftImg8bit.png"))
        Image.fromarray(np.where(kept, truth, noise)).save(files[-1])
        truths.append(str(root / f"gtFine/val/{name}_gtFine_labelIds.png"))
    args.evalInstLevelScore, args.quiet, args.JSONOutput = False, True, False
    expected = evaluateImgLists(files, truths, args)
    capsys.readouterr()
    system = PredictionFiles(predicted, CITYSCAPES)
    scores = SegmentationScores(CITYSCAPES, **data.scoring())
    for sample in data.dataset:
        [result] = system.segment_samples([sample])
        assert isinstance(result, Segmentation) and sample.target is not None
        scores.update(result.label_map, sample.target)
    found = scores.compute()
    for index in CITYSCAPES.classes:
        value = expected["classScores"][CITYSCAPES.names[index].replace("-", " ")]
        assert found[f"iou/{CITYSCAPES.names[index]}"] == pytest.approx(value, nan_ok=True)
    assert found["miou"] == pytest.approx(expected["averageScoreClasses"])


def test_ids_for_training_are_not_read_and_it_is_said(root: Path) -> None:
    for path in list(root.rglob("*labelIds.png")):
        path.rename(str(path).replace("labelIds", "labelTrainIds"))
    problem = str(Cityscapes(root).dataset[0].problem)
    assert "there is no mask" in problem and "ids for training, which are not read" in problem


def test_pictures_lie_in_folders_of_cities(root: Path) -> None:
    for path in list((root / "leftImg8bit/val").rglob("*.png")):
        path.rename(root / "leftImg8bit/val" / path.name)
    with pytest.raises(ImageError, match=r"expected leftImg8bit/val/CITY/\*_leftImg8bit\.png"):
        Cityscapes(root)

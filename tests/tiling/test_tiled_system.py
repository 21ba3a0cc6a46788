"""Whole systems on drawn pictures that are larger than what their networks see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zeroseg import ZeroShotSegmenter
from zeroseg.cli.main import main
from zeroseg.drawn.collage import Collage, draw_collage
from zeroseg.drawn.scene import draw_scene
from zeroseg.drawn.world import CATEGORIES
from zeroseg.evaluation.identity import identity
from zeroseg.metrics.pixel_counts import count_pixels
from zeroseg.metrics.segmentation_scores import summarize
from zeroseg.refinement import AllClasses
from zeroseg.scale.recipe import Recipe
from zeroseg.testing import BoxMasks, ScriptedDetector
from zeroseg.vocabularies import DRAWN

SIDE, WINDOW = 640, 256
BORDERS = ((150, 200), (300, 450), (480, 230), (520, 520))
"""Where things lie across borders of the first windows, (row, column)."""


@pytest.fixture(scope="module")
def collage() -> Collage:
    return draw_collage(15, (SIDE, SIDE), 10, BORDERS)


@pytest.fixture(scope="module")
def plain() -> ZeroShotSegmenter:
    return ZeroShotSegmenter.from_preset("tiny", captioner=None)


@pytest.fixture(scope="module")
def cutting(plain: ZeroShotSegmenter) -> ZeroShotSegmenter:
    return ZeroShotSegmenter(DRAWN, **plain.components(), tiling=WINDOW)


def pixels(image: Any) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).contiguous()


def test_small_things_of_a_large_picture_are_found(
    collage: Collage, plain: ZeroShotSegmenter, cutting: ZeroShotSegmenter
) -> None:
    known = [DRAWN.find(name) for name in CATEGORIES]
    table = torch.tensor([0 if label is None else label for label in known])
    truth = table[torch.from_numpy(collage.categories).long()]
    scores = {}
    for name, system in (("whole", plain), ("cut", cutting)):
        result = system.segment(pixels(collage.image))
        counts = count_pixels(result.label_map, truth, DRAWN, None)
        scores[name] = summarize(counts, DRAWN)["miou"]
    assert scores["cut"] > scores["whole"] + 0.1
    assert cutting.windows((SIDE, SIDE)) == 14
    assert plain.windows((SIDE, SIDE)) == 1


def test_what_is_no_larger_than_a_window_is_segmented_as_ever(
    plain: ZeroShotSegmenter, cutting: ZeroShotSegmenter
) -> None:
    images = [pixels(draw_scene(5, index, (WINDOW, 200)).image) for index in range(2)]
    for one, other in zip(plain.segment(images), cutting.segment(images), strict=True):
        assert one.label_map.equal(other.label_map)
        assert one.detections.boxes.equal(other.detections.boxes)
        assert one.detections.scores.equal(other.detections.scores)


def test_auto_goes_by_what_the_detector_sees(plain: ZeroShotSegmenter) -> None:
    auto = ZeroShotSegmenter(DRAWN, **plain.components(), tiling="auto")
    assert plain.detector.side == 160
    assert auto.windows((320, 256)) == 1
    assert auto.windows((321, 256)) > 1


def test_a_configuration_says_how_pictures_are_cut(tmp_path: Path) -> None:
    parts = {
        "pre_refiner": {"class_path": "zeroseg.refinement.all_classes.AllClasses"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": {"dog": [0, 0, 1, 1]}},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
    }
    config = {"vocabulary": ["background", "dog"], **parts, "tiling": 64}
    built = ZeroShotSegmenter.from_config(config)
    built.to_yaml(tmp_path / "system.yaml")
    again = ZeroShotSegmenter.from_yaml(tmp_path / "system.yaml")
    assert again.tiling == 64
    off = ZeroShotSegmenter.from_config(config, tiling=None)
    assert identity(built) == identity(again) != identity(off)
    assert not Recipe.of(config).staged
    assert Recipe.of({**config, "tiling": None}).staged
    result = built.segment(torch.zeros(3, 100, 90, dtype=torch.uint8))
    assert bool((result.label_map == 1).all())


@pytest.mark.parametrize("tiling", ["on", 3, 2.5])
def test_other_words_are_refused(tiling: Any) -> None:
    boxes = ScriptedDetector({"dog": (0, 0, 1, 1)})
    with pytest.raises(ValueError, match=r"tiling is|window is 3"):
        ZeroShotSegmenter("dog", AllClasses(), boxes, BoxMasks(), tiling=tiling)


def test_the_command_says_how_many_windows_there_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    main(["draw", "--count", "1", "--size", "160x96", "--output", "drawn"])
    words = ["--labels", "dog, cat", "--set", "captioner=null", "--output"]
    command = ["segment", "drawn/images", *words]
    assert main([*command, "cut", "--tiling", "96"]) == 0
    assert "(3 windows)" in capsys.readouterr().out
    assert main([*command, "off", "--tiling", "off"]) == 0
    assert "windows)" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*command, "bad", "--tiling", "some"])
    assert "'some' is neither auto, off nor a number of pixels" in capsys.readouterr().err


def test_a_region_of_a_large_picture_lies_where_it_was_cut(
    collage: Collage, cutting: ZeroShotSegmenter
) -> None:
    image = pixels(collage.image)
    left, top, right, bottom = region = (40, 100, 600, 560)
    asked = {"instances": True, "confidence": True}
    part = cutting.segment(image[:, top:bottom, left:right], **asked)
    whole = cutting.segment(image, region=region, **asked)
    assert whole.masks is not None and whole.confidence is not None and part.confidence is not None
    assert whole.masks.size == (SIDE, SIDE) and len(whole.instances()) == len(part.instances()) > 3
    for one, other in zip(part.instances(), whole.instances(), strict=True):
        assert one.mask.equal(other.mask[top:bottom, left:right])
        assert int(one.mask.sum()) == int(other.mask.sum()) > 0
    sure = whole.confidence.probability[top:bottom, left:right]
    torch.testing.assert_close(sure, part.confidence.probability)
    assert whole.masks == whole.masks

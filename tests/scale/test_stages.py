"""The stages as workers, one after another, against the segmenter's own walk."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.encoders import encoder_parts
from tests.refinement.presence_parts import thresholds
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import PresetError, ZerosegError
from zeroseg.presets import load_preset
from zeroseg.refinement import EncoderVerifier
from zeroseg.running.precision import PRECISIONS
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.manifest import Summary
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.work import Part, Work, pack, unpack
from zeroseg.scale.workers import build_worker, pools_of
from zeroseg.values import Failure, Usage
from zeroseg.vocabularies import DRAM
from zeroseg.vocabulary import Vocabulary

Standins = Callable[..., dict[str, Any]]


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def plain(width: int = 32, value: int = 20) -> bytes:
    return png(np.full((24, width, 3), value, np.uint8))


def walk(recipe: Recipe, pictures: Sequence[bytes]) -> Part:
    """All stages, the part sent from one to the next as Ray sends it."""
    part = Part(tuple(Work(str(i), str(i), data) for i, data in enumerate(pictures)))
    for name in pools_of(recipe):
        part = unpack(pack(build_worker(name, recipe, "cpu")(part)))
    return part


def test_tiny_cut_in_stages_equals_tiny_in_one() -> None:
    recipe = Recipe.of(load_preset("tiny"), DRAM, 3)
    scenes = [draw_scene(7, index, (72, 96)).image for index in range(5)]
    part = walk(recipe, [png(scene) for scene in scenes])
    tensors = [torch.from_numpy(scene).permute(2, 0, 1).contiguous() for scene in scenes]
    results = recipe.segmenter("cpu").segment(list(tensors))
    assert any(int(result.label_map.max()) for result in results)
    for work, result in zip(part.works, results, strict=True):
        assert torch.equal(work.label_map.long(), result.label_map)
        assert list(work.seconds) == list(result.trace.seconds)
        assert all(spent >= 0 for spent in work.seconds.values())


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_every_precision_is_the_same_in_stages_and_in_one(precision: str, tmp_path: Path) -> None:
    scenes = [png(draw_scene(7, index, (72, 96)).image) for index in range(3)]
    for index, scene in enumerate(scenes):
        (tmp_path / f"{index}.png").write_bytes(scene)
    recipe = Recipe.of(load_preset("tiny"), DRAM, 2, precision=precision)
    staged = [work.label_map for work in walk(recipe, scenes).works]
    run = BatchRun(str(tmp_path), str(tmp_path / "out"), recipe)
    assert sum(run.here(), Summary()).done == 3
    full = [work.label_map for work in walk(replace(recipe, precision="32-true"), scenes).works]
    for index, labels in enumerate(staged):
        mask = np.asarray(Image.open(tmp_path / f"out/masks/{index}.png.png"))
        assert np.array_equal(DRAM.to_ids(labels.long()).numpy(), mask)
        assert (labels == full[index]).float().mean() > 0.98
    assert any((labels != other).any() for labels, other in zip(staged, full, strict=True))


def test_mixed_precision_is_that_of_lightning() -> None:
    from lightning.pytorch import Trainer

    recipe = Recipe.of(load_preset("tiny"), DRAM, 3, precision="bf16-mixed")
    data = DrawnScenes(DRAM, count=3, size=(72, 96), batch_size=3)
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False}
    trainer = Trainer(accelerator="cpu", devices=1, precision="bf16-mixed", **quiet)
    [theirs] = trainer.predict(recipe.segmenter("cpu"), data) or []
    scenes = [sample.image.permute(1, 2, 0).numpy() for sample in data.dataset]
    for work, result in zip(walk(recipe, list(map(png, scenes))).works, theirs, strict=True):
        assert torch.equal(work.label_map.long(), result.label_map)


def test_what_a_language_model_was_asked_is_counted(standins: Standins) -> None:
    chat = {"class_path": "scale_parts.Echo"}
    config = standins(
        pre_refiner={
            "class_path": "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner",
            "init_args": {"chat": chat},
        }
    )
    recipe = Recipe.of(config)
    pictures = [plain(value=value) for value in (20, 200, 20)]
    part = walk(recipe, pictures)
    segmenter = recipe.segmenter("cpu")
    results = list(segmenter.stream([Image.open(io.BytesIO(data)) for data in pictures]))
    for work, result in zip(part.works, results, strict=True):
        assert not isinstance(result, Failure)
        assert work.usage == result.trace.usage
        assert work.usage.calls == 1 and work.usage.cost == 0.25
        assert torch.equal(work.label_map.long(), result.label_map)


def test_phrases_are_resolved_and_asked_once(standins: Standins) -> None:
    config = standins(
        vocabulary=["background", "animal", "vessel"],
        pre_refiner={"class_path": "zeroseg.refinement.raw_tags.RawTags"},
        post_refiner={
            "class_path": "zeroseg.refinement.llm_post_refiner.LLMPostRefiner",
            "init_args": {"chat": {"class_path": "scale_parts.Numbered"}},
        },
    )
    recipe = Recipe.of(config)
    part = walk(recipe, [plain(value=200)] * 3)
    assert [work.usage.calls for work in part.works] == [1, 0, 0]  # the first one pays for all
    results = recipe.segmenter("cpu").segment([Image.open(io.BytesIO(plain(value=200)))] * 3)
    for work, result in zip(part.works, results, strict=True):
        assert set(work.label_map.unique().tolist()) == {0, 1, 2}
        assert torch.equal(work.label_map.long(), result.label_map)


def test_a_picture_that_a_stage_fails_on_fails_alone(standins: Standins) -> None:
    config = standins(
        tagger={"class_path": "scale_parts.Tags", "init_args": {"breaks_at_width": 40}},
        batch_size=3,
    )
    part = walk(Recipe.of(config), [plain(), plain(40), b"broken", plain(), b""])
    failures = [work.failure for work in part.works]
    assert failures[0] is None and failures[3] is None
    assert failures[1] == Failure("1", "tags", "RuntimeError: the tagger broke")
    assert failures[2] is not None and failures[2].stage == "reading"
    assert failures[4] is not None and "is empty" in failures[4].message
    stream = Recipe.of(config).segmenter("cpu").stream([Image.open(io.BytesIO(plain(40)))])
    assert failures[1].message == next(stream).message  # type: ignore[union-attr]


def test_a_service_that_is_gone_stops_the_run_and_keeps_what_is_finished(
    standins: Standins,
) -> None:
    config = standins(captioner={"class_path": "scale_parts.Leaving", "init_args": {"width": 40}})
    pictures = [plain(), b"broken", plain(), plain(40), plain(), plain()]
    part = walk(Recipe.of(config), pictures)
    assert [work.name for work in part.works] == ["0", "1", "4", "5"]
    assert part.works[1].failure is not None
    assert part.stop is not None
    assert part.stop.begun
    assert "unreachable" in part.stop.message


def test_a_system_without_stages_is_one(standins: Standins) -> None:
    config = {"class_path": "scale_parts.Bright", "vocabulary": ["background", "light"]}
    recipe = Recipe.of(config)
    assert pools_of(recipe) == ("segment",)
    part = walk(recipe, [plain(value=200), b"broken", plain(value=20)])
    assert part.works[0].label_map.unique().tolist() == [1]
    assert part.works[2].label_map.unique().tolist() == [0]
    assert part.works[1].failure is not None
    assert list(part.works[0].seconds) == [] or part.works[0].usage == Usage()


def test_optional_components_may_be_missing(standins: Standins) -> None:
    config = standins(pre_refiner={"class_path": "zeroseg.refinement.all_classes.AllClasses"})
    for left_out in ({"tagger": None}, {"tagger": None, "captioner": None}):
        part = walk(Recipe.of({**config, **left_out}), [plain()])
        assert part.works[0].label_map.unique().tolist() == [0, 1, 2]


def test_a_recipe_says_what_is_wrong(standins: Standins) -> None:
    with pytest.raises(PresetError, match="no argument 'taggr'"):
        Recipe.of(standins(taggr=None))
    with pytest.raises(PresetError, match="'vocabulary' is missing"):
        Recipe.of(standins(vocabulary=None))
    with pytest.raises(PresetError, match="no Detector"):
        build_worker("detect", Recipe.of(standins(detector=None)), "cpu")
    leaving = standins(tagger={"class_path": "scale_parts.Leaving"})
    with pytest.raises(PresetError, match="does not describe a Tagger"):
        build_worker("recognise", Recipe.of(leaving), "cpu")


def test_a_precision_that_is_none(standins: Standins) -> None:
    with pytest.raises(ZerosegError, match=r"no precision 'bf16'; there are 32-true, bf16-true"):
        Recipe.of(standins(), precision="bf16")


def test_a_recipe_takes_classes_and_batch_size_from_the_configuration(standins: Standins) -> None:
    recipe = Recipe.of(standins())
    assert (recipe.vocabulary.names, recipe.batch_size) == (("background", "dog", "boat"), 2)
    assert Recipe.of(standins(batch_size=None)).batch_size == 8
    other = Vocabulary.from_names(["cat"])
    assert Recipe.of(standins(), other, 5).vocabulary == other


def test_answers_are_kept_where_the_recipe_says(standins: Standins, tmp_path: Path) -> None:
    chat = {"class_path": "scale_parts.Echo"}
    config = standins(
        pre_refiner={
            "class_path": "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner",
            "init_args": {"chat": chat},
        }
    )
    recipe = Recipe.of(config, answers=str(tmp_path / "answers"))
    first = walk(recipe, [plain()]).works[0]
    second = walk(recipe, [plain()]).works[0]
    assert (first.usage.calls, second.usage.calls) == (1, 0)
    assert torch.equal(first.label_map, second.label_map)
    assert isinstance(recipe.segmenter("cpu"), BaseSegmenter)


@pytest.mark.parametrize("place", ["verifier", "reviewer"])
def test_what_a_model_that_sees_was_asked_is_counted_and_kept(
    place: str, standins: Standins, tmp_path: Path
) -> None:
    kind = {"verifier": "VisionVerifier", "reviewer": "VisionReviewer"}[place]
    arguments: dict[str, Any] = {"chat": {"class_path": "scale_parts.Looks"}}
    arguments |= {"band": [0, 1]} if place == "reviewer" else {}
    entry = {"class_path": f"zeroseg.refinement.{kind}", "init_args": arguments}
    recipe = Recipe.of(standins(**{place: entry}), answers=str(tmp_path / "answers"))
    pictures = [plain(value=value) for value in (200, 20)]
    part, again = walk(recipe, pictures), walk(recipe, pictures)
    alone = Recipe.of(standins(**{place: entry}))
    results = alone.segmenter("cpu").segment([Image.open(io.BytesIO(data)) for data in pictures])
    for work, known, result in zip(part.works, again.works, results, strict=True):
        assert work.usage == result.trace.usage
        assert (work.usage.calls, known.usage.calls, known.usage.cached) == (1, 0, 1)
        assert torch.equal(work.label_map.long(), result.label_map)
        assert torch.equal(work.label_map, known.label_map)
    assert [set(work.label_map.unique().tolist()) for work in part.works] == [{0, 2}, {0, 1}]


@pytest.mark.parametrize("parts", [
    {"mask_predictor": {"class_path": "zeroseg.masking.detector_masks.DetectorMasks"}},
    {"fusion": {"class_path": "zeroseg.testing.DenseFusion"}},
    {"fusion": {"class_path": "zeroseg.testing.DenseFusion"},
     "dense_scorer": {"class_path": "scale_parts.Scores"}},
    {"verifier": {"class_path": "scale_parts.SeesBoats"}},
    {"reviewer": {"class_path": "scale_parts.SeesNoDogs"}},
    {"reviewer": {"class_path": "scale_parts.SeesNoDogs"},
     "fusion": {"class_path": "zeroseg.fusion.ThingsAndStuff"},
     "dense_scorer": {"class_path": "scale_parts.Scores"}},
])  # fmt: skip
def test_detectors_that_know_pixels_verifiers_and_scorers(
    parts: dict[str, Any], standins: Standins
) -> None:
    config = standins(
        pre_refiner={"class_path": "zeroseg.refinement.all_classes.AllClasses"},
        detector={"class_path": "scale_parts.Boxes"},
        **parts,
    )
    recipe = Recipe.of(config)
    part = walk(recipe, [plain(), plain(40)])
    assert ("verify" in pools_of(recipe)) == ("verifier" in parts)
    assert ("dense" in pools_of(recipe)) == ("dense_scorer" in parts)
    assert ("review" in pools_of(recipe)) == ("reviewer" in parts)
    pictures = [Image.open(io.BytesIO(plain(width))) for width in (32, 40)]
    for work, result in zip(part.works, recipe.segmenter("cpu").segment(pictures), strict=True):
        assert work.failure is None
        assert torch.equal(work.label_map.long(), result.label_map)
        expected = {0, 2} if parts.keys() & {"verifier", "reviewer"} else {1, 2}
        assert set(work.label_map.unique().tolist()) == expected


def test_an_encoder_verifies_as_in_the_system_itself(standins: Standins, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, processor = encoder_parts.clip()
    folder = str(tmp_path / "clip")
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    classes = Vocabulary.from_names(["background", "dog", "boat"])
    dark, bright = (torch.full((3, 24, 32), value, dtype=torch.uint8) for value in (20, 220))
    scores = EncoderVerifier(network, processor).scores([dark, bright], classes)[:, 0]
    middle = float(scores.mean())
    thresholds(classes, middle, 1e-3, folder).to_yaml(tmp_path / "presence.yaml")
    given = {"checkpoint": folder, "thresholds": str(tmp_path / "presence.yaml")}
    verifier = {"class_path": "zeroseg.refinement.EncoderVerifier", "init_args": given}
    pre_refiner = {"class_path": "zeroseg.refinement.all_classes.AllClasses"}
    recipe = Recipe.of(standins(pre_refiner=pre_refiner, verifier=verifier))
    assert "verify" in pools_of(recipe)
    works = walk(recipe, [plain(value=20), plain(value=220)]).works
    results = recipe.segmenter("cpu").segment([dark, bright])
    dog = [1 in work.label_map for work in works]
    assert sum(dog) == 1
    assert dog.index(True) == int(scores.argmax())
    for work, result in zip(works, results, strict=True):
        assert torch.equal(work.label_map.long(), result.label_map)

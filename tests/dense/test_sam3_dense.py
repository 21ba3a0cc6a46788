"""SAM 3's dense head alone: the contract, `Sam3` and transformers' own, and drawn scenes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.dense.dense_parts import PROMPTS, ask, assert_same, check_any_company
from tests.detection.sam3_parts import lite_model, processor, sam3_model
from zeroseg import ZeroShotSegmenter
from zeroseg.data.drawn_scenes import label_map
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.dense.sam3_dense import Sam3Dense
from zeroseg.detection.sam3 import Sam3
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import CheckpointNotFound
from zeroseg.fusion import ThingsAndStuff
from zeroseg.refinement import AllClasses
from zeroseg.testing import BoxMasks, DenseScorerContract, ScriptedDetector, noise
from zeroseg.vocabularies import DRAWN_ALL
from zeroseg.weights.needs import Checkpoint
from zeroseg.weights.offload import offload


@pytest.fixture(scope="module", params=[sam3_model, lite_model], ids=["sam3", "lite"])
def model(request: pytest.FixtureRequest) -> Any:
    return request.param()


def make(model: Any, **options: Any) -> Sam3Dense:
    return Sam3Dense(model, processor(), **{"chunk_size": 2, **options})


class TestContract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return make(sam3_model())


class TestOffloadedContract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return offload(make(sam3_model()))


@torch.no_grad()
def test_scores_are_those_of_transformers_own_processing(model: Any) -> None:
    image, own = noise(40, 56), processor()
    inputs = own(images=[image] * len(PROMPTS), text=list(PROMPTS), return_tensors="pt")
    output = model(**inputs)
    sizes = [(40, 56)] * len(PROMPTS)
    dense = own.post_process_semantic_segmentation(output, sizes, return_segmentation_scores=True)
    theirs = torch.stack([each["segmentation_scores"][0] for each in dense])
    [found] = make(model)([image], [ask(*PROMPTS)])
    torch.testing.assert_close(found.full(), theirs, atol=1e-4, rtol=1e-3)
    presence = output.presence_logits[:, 0].sigmoid()
    assert found.presence is not None
    torch.testing.assert_close(found.presence, presence, atol=1e-5, rtol=1e-4)


def test_scores_are_those_of_the_whole_detector(model: Any) -> None:
    images, asked = [noise(40, 56, 1), noise(57, 40, 2)], [ask(*PROMPTS), ask("dog")]
    found = Sam3(model, processor(), chunk_size=3)(images, asked)
    for whole, alone in zip(found, make(model)(images, asked), strict=True):
        assert whole.dense is not None
        assert_same(alone, whole.dense)


def test_presence_is_left_out_where_it_is_not_wanted(model: Any) -> None:
    [judged], [plain] = (
        make(model, presence=wanted)([noise(40, 56)], [ask(*PROMPTS)]) for wanted in (True, False)
    )
    assert plain.presence is None
    torch.testing.assert_close(plain.maps, judged.maps)


def test_company_sizes_and_chunks_change_nothing(model: Any) -> None:
    check_any_company(make(model))
    check_any_company(make(model, chunk_size=4))


def test_offloaded_weights_answer_the_same(model: Any) -> None:
    images, asked = [noise(40, 56, 1), noise(56, 40, 2)], [ask(*PROMPTS), ask("dog")]
    away = offload(make(copy.deepcopy(model)))
    for _ in range(2):  # with texts that are kept, too
        with torch.inference_mode():
            answers = away(images, asked)
        for one, other in zip(make(model)(images, asked), answers, strict=True):
            assert_same(one, other)


def test_saved_parts_load_as_a_checkpoint(model: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    processor().save_pretrained(tmp_path)
    loaded = Sam3Dense.from_pretrained(tmp_path)
    assert type(loaded.model) is type(model)
    image, asked = [noise(40, 56)], [ask(*PROMPTS)]
    assert_same(loaded(image, asked)[0], make(model)(image, asked)[0])


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    assert list(Sam3Dense.needs({"checkpoint": "a/b"})) == [Checkpoint("a/b")]
    with pytest.raises(CheckpointNotFound, match="Sam3Dense needs the checkpoint"):
        Sam3Dense.from_pretrained(tmp_path / "nowhere")


def test_drawn_scenes_are_read_where_the_detector_finds_nothing() -> None:
    scenes = [draw_scene(90_000, i, (96, 96)) for i in range(3)]
    images = [torch.from_numpy(scene.image).permute(2, 0, 1).contiguous() for scene in scenes]
    truths = torch.stack([label_map(scene, DRAWN_ALL) for scene in scenes])
    system = ZeroShotSegmenter(
        DRAWN_ALL,
        pre_refiner=AllClasses(),
        detector=ScriptedDetector({}),
        mask_predictor=BoxMasks(),
        fusion=ThingsAndStuff(),
        dense_scorer=Sam3Dense.from_pretrained("tiny:sam3"),
    )
    maps = torch.stack([result.label_map for result in system.segment(images)])
    assert float((maps == truths).float().mean()) > 0.9
    assert len(maps.unique()) > 5


def test_bad_inputs_are_refused(model: Any) -> None:
    with pytest.raises(ValueError, match="1 images but 2 selections"):
        make(model)([noise()], [ask("dog"), ask("sky")])
    with pytest.raises(ValueError, match="chunk_size is 0, expected at least 1"):
        make(model, chunk_size=0)
    with pytest.raises(ValueError, match="kept_texts is -1, expected at least 0"):
        make(model, kept_texts=-1)

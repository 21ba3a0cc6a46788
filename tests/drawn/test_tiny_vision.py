"""The tiny vision model means something: it says which classes are in scenes never seen."""

from __future__ import annotations

import json
from functools import cache

import pytest
import torch
from torch import Tensor

from benchmarks.recipes.vision_score import score
from zeroseg import TransformersChat, Vocabulary, ZeroShotSegmenter
from zeroseg.data.drawn_scenes import label_map
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.drawn.world import NEVER_DRAWN
from zeroseg.evaluation.ablation_rows import rows
from zeroseg.refinement.selecting import select_classes
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.values import Selection
from zeroseg.vocabularies import DRAWN_ALL

SEED, COUNT = 11, 40


@cache
def scenes() -> tuple[Scene, ...]:
    return tuple(draw_scene(SEED, index, (256, 256)) for index in range(COUNT))


def image_of(scene: Scene) -> Tensor:
    return torch.from_numpy(scene.image).permute(2, 0, 1).contiguous()


@pytest.fixture(scope="module")
def verifier() -> VisionVerifier:
    return VisionVerifier(TransformersChat.from_pretrained("tiny:vision", dtype="float32"))


def verify(verifier: VisionVerifier, names: str, count: int) -> list[Selection]:
    vocabulary = Vocabulary.parse(names)
    every = select_classes(vocabulary.classes, vocabulary)
    return verifier([image_of(scene) for scene in scenes()[:count]], [every] * count, vocabulary)


def test_it_knows_which_classes_are_there(verifier: VisionVerifier) -> None:
    found = score(verifier.chat, scenes()).summary()
    assert found["presence F1"] > 0.95
    assert found["clean"] == 1


def test_it_answers_in_the_form_of_the_schema(verifier: VisionVerifier) -> None:
    [verified] = verify(verifier, "drawn-all", 1)
    [exchange] = verified.exchanges
    named = json.loads(exchange.reply)
    assert list(named) == ["labels"]
    assert named["labels"] == sorted(verified.prompts) != []


def test_it_reads_other_words(verifier: VisionVerifier) -> None:
    words = {"animal": {"dog", "cat", "bird", "cow", "horse", "sheep"}, "human": {"person"}}
    right = 0
    for scene, verified in zip(scenes(), verify(verifier, "animal, human", 12), strict=False):
        for word, kinds in words.items():
            there = any(r.category in kinds and r.area > 100 for r in scene.regions)
            right += there == (word in verified.prompts)
    assert right >= 20


def test_what_is_never_drawn_is_never_seen(verifier: VisionVerifier) -> None:
    for verified in verify(verifier, ", ".join(NEVER_DRAWN[:12]), 6):
        assert verified.prompts == ()
        assert json.loads(verified.exchanges[0].reply) == {"labels": []}


def test_a_batch_is_as_its_pictures_one_by_one(verifier: VisionVerifier) -> None:
    every = select_classes(DRAWN_ALL.classes, DRAWN_ALL)
    images = [image_of(scene) for scene in scenes()[:4]]
    together = verifier(images, [every] * 4, DRAWN_ALL)
    for image, selection in zip(images, together, strict=True):
        assert verifier([image], [every], DRAWN_ALL)[0].prompts == selection.prompts


def test_words_of_other_worlds_do_not_break_it(verifier: VisionVerifier) -> None:
    vocabulary = Vocabulary.from_names(["dog", "quokka", "dining-table", "日本", "<answer>"])
    every = select_classes(vocabulary.classes, vocabulary)
    [verified] = verifier([image_of(scenes()[0])], [every], vocabulary)
    assert set(verified.prompts) <= set(every.prompts)
    assert verified.exchanges[0].usage.completion_tokens < 256


def test_a_verified_system_looks_for_what_is_seen() -> None:
    system = ZeroShotSegmenter.from_preset("tiny-verified")
    result = system.segment(image_of(scenes()[0]))
    assert result.selection is not None and result.unverified is not None
    assert 0 < len(result.selection.labels) < len(result.unverified) == len(DRAWN_ALL.classes)
    truth = label_map(scenes()[0], DRAWN_ALL)
    assert float((result.label_map == truth).float().mean()) > 0.9
    told = {row.name for row in rows(system, "none")[0] if row.group == "table" and row.system}
    assert told >= {"full", "without verification", "ground-truth verification"}

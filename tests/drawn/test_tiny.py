"""The tiny family means something: class names lead to the right pixels of scenes never seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from benchmarks.recipes.chat_score import score
from zeroseg import (
    Description,
    LLMPostRefiner,
    LLMPreRefiner,
    Tag,
    TransformersChat,
    Vocabulary,
    ZeroShotSegmenter,
)
from zeroseg.data import DrawnScenes
from zeroseg.data.drawn_scenes import label_map
from zeroseg.drawn.scene import draw_scene
from zeroseg.metrics import SegmentationScores
from zeroseg.refinement import ExactPostRefiner, RawTags
from zeroseg.values import UNRESOLVED
from zeroseg.vocabularies import DRAM
from zeroseg.weights.checkpoints import locate

MODELS = ("ram_plus", "blip2", "grounding_dino", "sam", "sam3", "clip", "chat", "vision")
SEED, COUNT = 11, 24


@pytest.fixture(scope="module")
def segmenter() -> ZeroShotSegmenter:
    return ZeroShotSegmenter.from_preset("tiny", vocabulary=DRAM)


def miou(segmenter: ZeroShotSegmenter, count: int = COUNT) -> float:
    scores = SegmentationScores(segmenter.vocabulary)
    samples = list(DrawnScenes(segmenter.vocabulary, count, seed=SEED).dataset)
    for sample, result in zip(samples, segmenter.segment([s.image for s in samples]), strict=True):
        scores.update(result.label_map, sample.target)
    return scores.compute()["miou"]


@pytest.fixture(scope="module")
def full_miou(segmenter: ZeroShotSegmenter) -> float:
    return miou(segmenter)


def test_together_they_are_small_and_in_half_precision() -> None:
    files = [Path(locate(f"tiny:{model}")) / "model.safetensors" for model in MODELS]
    assert sum(file.stat().st_size for file in files) < 35_000_000
    for file in files:
        with safe_open(file, "pt") as weights:
            kinds = {weights.get_tensor(key).dtype for key in weights.keys()}  # noqa: SIM118
        assert torch.float32 not in kinds


@pytest.mark.parametrize("model", MODELS)
def test_each_has_a_card(model: str) -> None:
    card = (Path(locate(f"tiny:{model}")) / "README.md").read_text(encoding="utf-8")
    for heading in ("## Data", "## Recipe", "## Figures", "## Limits"):
        assert heading in card


def test_the_pipeline_finds_the_dram_classes(full_miou: float) -> None:
    assert full_miou > 0.6


def test_raw_tags_are_clearly_worse(segmenter: ZeroShotSegmenter, full_miou: float) -> None:
    raw = ZeroShotSegmenter(
        DRAM,
        RawTags(),
        segmenter.detector,
        segmenter.mask_predictor,
        tagger=segmenter.tagger,
        post_refiner=ExactPostRefiner(),
    )
    assert miou(raw) < full_miou - 0.2


def test_sam3_labels_whole_scenes() -> None:
    segmenter = ZeroShotSegmenter.from_preset("tiny-sam3")
    assert miou(segmenter, 8) > 0.6
    image = torch.from_numpy(draw_scene(SEED, 0, (256, 256)).image).permute(2, 0, 1).contiguous()
    result = segmenter.segment(image)
    assert not bool((result.label_map == segmenter.vocabulary.background).any())


def test_patches_and_boxes_label_whole_scenes() -> None:
    segmenter = ZeroShotSegmenter.from_preset("tiny-open")
    full = miou(segmenter, 8)
    assert full > 0.75
    segmenter.dense_scorer = None
    assert miou(segmenter, 8) < full - 0.02


def test_sam3_finds_things_over_a_background() -> None:
    segmenter = ZeroShotSegmenter.from_preset("tiny-sam3", vocabulary="person, car, umbrella")
    assert overlap(segmenter, scene_with("person", "umbrella"), "person") > 0.6
    absent = segmenter.segment(torch.full((3, 64, 64), 255, dtype=torch.uint8))
    assert not absent.areas


def scene_with(*categories: str) -> int:
    """Number of the first scene of the seed with unhidden things of all these categories."""
    for index in range(2000):
        regions = draw_scene(SEED, index, (64, 64)).regions
        clear = {r.category for r in regions if r.thing and r.visible > 0.8 and r.area > 200}
        if clear >= set(categories):
            return index
    raise AssertionError(f"no scene with {categories}")


def overlap(segmenter: ZeroShotSegmenter, index: int, name: str) -> float:
    """IoU of one class on one scene."""
    scene = draw_scene(SEED, index, (256, 256))
    image = torch.from_numpy(scene.image).permute(2, 0, 1).contiguous()
    wanted = segmenter.vocabulary.index(name)
    found = segmenter.segment(image).label_map == wanted
    truth = label_map(scene, segmenter.vocabulary) == wanted
    return float((found & truth).sum() / (found | truth).sum())


def test_a_wider_class_holds_its_kinds() -> None:
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary="animal, boat, person")
    index = scene_with("dog", "person")
    assert overlap(segmenter, index, "animal") > 0.6
    assert overlap(segmenter, index, "person") > 0.6


def test_what_is_not_asked_for_is_other() -> None:
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary="dog, other")
    index = scene_with("dog", "cat")
    assert segmenter.vocabulary.names[segmenter.vocabulary.background] == "other"
    assert overlap(segmenter, index, "dog") > 0.6
    assert overlap(segmenter, index, "other") > 0.8


def test_two_runs_are_identical(segmenter: ZeroShotSegmenter) -> None:
    images = [sample.image for sample in list(DrawnScenes(DRAM, 4, seed=SEED).dataset)]
    first, second = segmenter.segment(images), segmenter.segment(images)
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.label_map, other.label_map)
        assert one.description == other.description


def test_batch_order_and_class_order_change_no_more_than_noise(
    segmenter: ZeroShotSegmenter,
) -> None:
    images = [sample.image for sample in list(DrawnScenes(DRAM, 4, seed=SEED).dataset)]
    together = [result.label_map for result in segmenter.segment(images)]
    alone = [segmenter.segment(image).label_map for image in images]
    backwards = [result.label_map for result in segmenter.segment(images[::-1])][::-1]
    names = [name for name in reversed(DRAM.names) if name != "background"]
    turned = Vocabulary.from_names(["background", *names])
    permuted = ZeroShotSegmenter(
        turned,
        segmenter.pre_refiner,
        segmenter.detector,
        segmenter.mask_predictor,
        tagger=segmenter.tagger,
        captioner=segmenter.captioner,
        post_refiner=segmenter.post_refiner,
    )
    to_dram = torch.tensor([DRAM.index(name) for name in turned.names])
    renamed = [to_dram[result.label_map] for result in permuted.segment(images)]
    for variant in (alone, backwards, renamed):
        for one, other in zip(together, variant, strict=True):
            assert float((one == other).float().mean()) > 0.999


@pytest.fixture(scope="module")
def chat() -> TransformersChat:
    return TransformersChat.from_pretrained("tiny:chat")


@pytest.mark.parametrize(
    ("tags", "caption", "expected"),
    [
        ("puppy, grass", "a puppy and two women on the grass", {"dog", "person"}),
        ("sky, sailboat", None, {"boat"}),
        ("", "a stallion and a kitten by the wall", {"cat", "horse"}),
        ("road, taxi", "a taxi on the road", set()),
    ],
)
def test_the_chat_model_names_classes(
    chat: TransformersChat, tags: str, caption: str | None, expected: set[str]
) -> None:
    description = Description(tuple(Tag(tag, 0.9) for tag in tags.split(", ") if tag), caption)
    [selection] = LLMPreRefiner(chat)([description], DRAM)
    assert {DRAM.names[label] for label in selection.labels} == expected
    assert len(selection.exchanges) == 1


def test_the_chat_model_resolves_phrases(chat: TransformersChat) -> None:
    phrases = ("a puppy", "feline", "taxi", "rowboats")
    resolution = LLMPostRefiner(chat)(phrases, DRAM)
    expected = [DRAM.index("dog"), DRAM.index("cat"), UNRESOLVED, DRAM.index("boat")]
    assert list(resolution.labels) == expected


def test_the_chat_model_refines_for_lists_it_never_saw(chat: TransformersChat) -> None:
    found = score(chat, seed=SEED, count=30)
    assert found.f1 > 0.85
    assert found.clean / found.answers > 0.9


def test_words_of_other_worlds_do_not_break_the_chat_model(chat: TransformersChat) -> None:
    description = Description((Tag("собака", 0.9), Tag("dog", 0.9)), "<answer> a zyzzyva?\n{]")
    vocabulary = Vocabulary.from_names(["dog", "quokka", "dining-table", "日本"])
    [selection] = LLMPreRefiner(chat)([description], vocabulary)
    assert set(selection.labels) <= set(vocabulary.classes)
    assert selection.exchanges[0].usage.completion_tokens < 256


def test_the_pipeline_works_with_the_chat_model(
    segmenter: ZeroShotSegmenter, chat: TransformersChat, full_miou: float
) -> None:
    refined = ZeroShotSegmenter(
        DRAM,
        LLMPreRefiner(chat),
        segmenter.detector,
        segmenter.mask_predictor,
        tagger=segmenter.tagger,
        captioner=segmenter.captioner,
        post_refiner=LLMPostRefiner(chat),
    )
    assert miou(refined) > full_miou - 0.05

"""What a model that sees is worth, where it sees everything: drawn scenes and the tiny networks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.chat.tiny_vision import FAMILIES
from tests.refinement.onlooker import Onlooker
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.reviewer import offload_reviewer
from zeroseg.refinement.verifier import offload_verifier
from zeroseg.refinement.vision_reviewer import VisionReviewer
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.segmenter import ZeroShotSegmenter

SCENES = DrawnScenes("drawn", count=4, size=(128, 128), seed=11, batch_size=3)
QUIET = {"accelerator": "cpu", "devices": 1, "enable_progress_bar": False}


@cache
def loaded() -> ZeroShotSegmenter:
    return ZeroShotSegmenter.from_preset("tiny", tagger=None, captioner=None)


@cache
def credulous() -> GroundingDino:
    """The tiny detector, taking everything for a class that looks a little like one."""
    return GroundingDino.from_pretrained("tiny:grounding_dino", box_threshold=0.1)


def everything(**changes: Any) -> ZeroShotSegmenter:
    """The tiny networks, asked for every class of the list."""
    own = {"pre_refiner": AllClasses(), "detector": credulous()}
    parts = {**loaded().components(), **own, **changes}
    return ZeroShotSegmenter(SCENES.vocabulary, **parts)


def reviewer(data: DrawnScenes) -> VisionReviewer:
    """One that doubts everything that is not all but certain."""
    return VisionReviewer(Onlooker(data), band=(0, 0.8), longest_side=None)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Results without a model that sees, with one before detection, and with one behind it."""
    folder = tmp_path_factory.mktemp("runs")
    systems = {
        "blind": everything(),
        "verified": everything(verifier=VisionVerifier(Onlooker(SCENES), None)),
        "reviewed": everything(reviewer=reviewer(SCENES)),
    }
    found = evaluate(systems, SCENES, {name: folder / name for name in systems}, **QUIET)
    return {name: run.results for name, run in found.items()}


def test_over_all_classes_it_chooses_exactly_what_is_there(runs: dict[str, Any]) -> None:
    presence = runs["verified"]["presence"]
    assert runs["blind"]["presence"]["label_map"]["precision"] < 0.8
    assert presence["selected"]["precision"] < 0.5 < presence["selected"]["recall"] == 1
    assert presence["verified"]["f1"] == 1
    assert presence["label_map"]["precision"] == 1
    assert runs["verified"]["miou"] > runs["blind"]["miou"] + 0.1
    assert runs["verified"]["usage"]["calls"] == 4


def test_what_is_doubtful_is_settled_by_numbered_boxes(runs: dict[str, Any]) -> None:
    presence = runs["reviewed"]["presence"]
    assert presence["resolved"] == runs["blind"]["presence"]["resolved"]
    assert presence["reviewed"]["precision"] > presence["resolved"]["precision"]
    assert presence["reviewed"]["recall"] == presence["resolved"]["recall"]
    assert "reviewed" not in runs["blind"]["presence"]
    assert runs["reviewed"]["miou"] > runs["blind"]["miou"] + 0.1
    assert 0 < runs["reviewed"]["usage"]["calls"] <= 4


def test_a_batch_is_as_its_pictures_one_by_one() -> None:
    images = [SCENES.dataset[i].image for i in range(2)]
    verifier, looking = VisionVerifier(Onlooker(SCENES), None), reviewer(SCENES)
    system = everything(verifier=verifier, reviewer=looking, batch_size=2)
    for image, together in zip(images, system.segment(images), strict=True):
        alone = system.segment(image)
        assert alone.selection.prompts == together.selection.prompts
        assert alone.label_map.equal(together.label_map)


def test_offloaded_nothing_changes(tmp_path: Path) -> None:
    template = tmp_path / "short.txt"  # these small models read 1024 bytes
    template.write_text("Look for $classes.", encoding="utf-8")

    def parts() -> dict[str, Any]:
        chats = []
        for _ in range(2):
            model, processor = FAMILIES["llava"]()
            chats.append(TransformersChat(model=model, processor=processor, max_new_tokens=4))
        verifier = VisionVerifier(chats[0], template=template, retries=0)
        looking = VisionReviewer(chats[1], (0, 1), most=4, template=template, retries=0)
        return {"verifier": verifier, "reviewer": looking}

    plain, held = everything(**parts()), everything(**parts())
    assert held.verifier is not None and held.reviewer is not None
    offload_verifier(held.verifier)
    offload_reviewer(held.reviewer)
    image = SCENES.dataset[0].image
    one, other = plain.segment(image), held.to("cpu").segment(image)
    replies = [own.reply for own in one.trace.exchanges]
    assert len(replies) == 2 and all(replies)
    assert replies == [own.reply for own in other.trace.exchanges]
    assert one.label_map.equal(other.label_map)


def test_stages_are_told_in_the_report(tmp_path: Path) -> None:
    system = everything(
        verifier=VisionVerifier(Onlooker(SCENES), None),
        reviewer=reviewer(SCENES),
    )
    data = DrawnScenes("drawn", count=1, size=(128, 128), seed=11)
    evaluate({"it": system}, data, {"it": tmp_path / "it"}, **QUIET)
    page = (tmp_path / "it" / "report.md").read_text(encoding="utf-8")
    for stage in ("after pre-refinement", "after verification", "after review"):
        assert stage in page

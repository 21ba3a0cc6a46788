from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from groundingdino.datasets import transforms
from PIL import Image
from transformers import GroundingDinoImageProcessor, GroundingDinoProcessor

from benchmarks.parity_dino import recorded_ranking, replayed_ranking
from tests.weights.official.dino_parts import publish, small_tokenizer, small_weights
from zeroseg.detection.detector import Detector
from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.detection.official_grounding_dino import OfficialGroundingDino
from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.reference import ReferenceOfficialGroundingDino
from zeroseg.testing import DetectorContract, noise
from zeroseg.values import Detections, Selection
from zeroseg.weights.official import grounding_dino_checkpoint
from zeroseg.weights.official.grounding_dino_checkpoint import to_transformers
from zeroseg.weights.official.grounding_dino_network import load_official

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both networks with the same weights, what prepares their input, and the file they are in."""
    folder = tmp_path_factory.mktemp("dino")
    config, weights = small_weights()
    tokenizer = small_tokenizer(folder)
    images = GroundingDinoImageProcessor(size={"shortest_edge": 80, "longest_edge": 112})
    return {
        "config": config,
        "official": load_official(config, weights, tokenizer),
        "ours": to_transformers(config, weights),
        "processor": GroundingDinoProcessor(images, tokenizer),
        "folder": folder,
        "file": publish(folder / "small.pth", weights),
    }


def official(parts: dict[str, Any], **options: Any) -> OfficialGroundingDino:
    settings = {"box_threshold": 0.5, "nms_threshold": 0.9, **options}
    return OfficialGroundingDino(model=parts["official"], processor=parts["processor"], **settings)


def reference(parts: dict[str, Any]) -> ReferenceOfficialGroundingDino:
    return ReferenceOfficialGroundingDino(
        model=parts["official"], processor=parts["processor"], box_threshold=0.5, nms_threshold=0.9
    )


def ours(parts: dict[str, Any], **options: Any) -> GroundingDino:
    settings = {"box_threshold": 0.5, "nms_threshold": 0.9, "batch_size": 1, **options}
    return GroundingDino(model=parts["ours"], processor=parts["processor"], **settings)


def ask(*prompts: str) -> Selection:
    return Selection(prompts, tuple(range(10, 10 + len(prompts))))


IMAGES = [noise(40, 56, 1), noise(90, 30, 2), noise(56, 56, 3)]
ASKED = [ask("dog", "potted plant", "person"), ask("boat"), ask("bird", "dog")]


def run_both(one: Detector, other: Detector) -> tuple[list[Detections], list[Detections]]:
    """What two detectors find, the second with the proposals of the first."""
    with recorded_ranking() as taken:
        first = one(IMAGES, ASKED)
    with replayed_ranking(taken):
        return first, other(IMAGES, ASKED)


class TestContract(DetectorContract):
    @pytest.fixture(autouse=True)
    def _parts(self, parts: dict[str, Any]) -> None:
        self.parts = parts

    def part(self) -> Detector:
        return official(self.parts)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"separator": ", "},
        {"separator": ", ", "decoding": "phrases", "text_threshold": 0.5},
        {"nms_threshold": 0.3},
    ],
)
def test_both_implementations_detect_the_same(
    parts: dict[str, Any], options: dict[str, Any]
) -> None:
    theirs, mine = run_both(official(parts, **options), ours(parts, **options))
    assert sum(len(found) for found in theirs) > 5
    for one, other in zip(theirs, mine, strict=True):
        assert one.phrases == other.phrases
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.prompt_index, other.prompt_index)
        torch.testing.assert_close(one.boxes, other.boxes, atol=1e-2, rtol=1e-4)
        torch.testing.assert_close(one.scores, other.scores, atol=1e-4, rtol=1e-4)


def test_both_load_the_published_file(
    parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grounding_dino_checkpoint, "swin_t", lambda: parts["config"])
    options = {"tokenizer": parts["folder"], "box_threshold": 0.5}
    built = OfficialGroundingDino.from_pretrained(parts["file"], **options)
    assert built.processor.image_processor.size["shortest_edge"] == 800
    assert built.processor.image_processor.size["longest_edge"] == 1333
    again = GroundingDino.from_pretrained(str(parts["file"]), **options)
    for detector, model in ((built, parts["official"]), (again, parts["ours"])):
        assert not detector.model.training
        own, given = detector.model.state_dict(), model.state_dict()
        assert own.keys() == given.keys()
        assert all(torch.equal(value, given[key]) for key, value in own.items())


@pytest.mark.parametrize("kind", [GroundingDino, OfficialGroundingDino])
def test_what_cannot_be_loaded_is_said(
    parts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    with pytest.raises(CheckpointNotFound, match=kind.__name__):
        kind.from_pretrained(tmp_path / "nothing.pth")
    (tmp_path / "broken.pth").write_text("no weights")
    with pytest.raises(CheckpointError, match=r"broken\.pth"):
        kind.from_pretrained(tmp_path / "broken.pth")
    monkeypatch.setattr(grounding_dino_checkpoint, "swin_t", lambda: parts["config"])
    with pytest.raises(CheckpointNotFound, match="nowhere"):
        kind.from_pretrained(parts["file"], tokenizer=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="box_threshold is -1"):
        kind(parts["official"], parts["processor"], box_threshold=-1)


@pytest.mark.parametrize(
    "size", [(40, 56), (56, 40), (50, 50), (100, 77), (70, 140), (141, 70), (33, 112), (80, 95)]
)
def test_the_reference_prepares_pictures_as_the_package_does(
    parts: dict[str, Any], size: tuple[int, int]
) -> None:
    image = noise(*size)
    picture = Image.fromarray(image.permute(1, 2, 0).numpy().astype(np.uint8))
    prepare = transforms.Compose(
        [
            transforms.RandomResize([80], max_size=112),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    expected, _ = prepare(picture, None)
    [pixels] = reference(parts)._prepare([image])
    torch.testing.assert_close(pixels, expected, atol=1e-6, rtol=0)


def test_sizes_differ_only_where_the_longer_side_is_the_limit(parts: dict[str, Any]) -> None:
    plain, published = official(parts), reference(parts)
    for size in ((40, 56), (56, 56), (90, 66)):
        assert (
            plain._prepare([noise(*size)])[0].shape == published._prepare([noise(*size)])[0].shape
        )
    assert plain._prepare([noise(33, 90)])[0].shape == (3, 41, 112)
    assert published._prepare([noise(33, 90)])[0].shape == (3, 41, 111)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (300, 3)])
def test_odd_shapes_are_read(parts: dict[str, Any], size: tuple[int, int]) -> None:
    for detector in (official(parts), reference(parts)):
        [found] = detector([noise(*size)], [ask("dog")])
        limit = torch.tensor([size[1], size[0], size[1], size[0]])
        assert bool((found.boxes >= 0).all() and (found.boxes <= limit).all())


def test_the_network_stays_in_single_precision(parts: dict[str, Any]) -> None:
    detector = official(parts, box_threshold=0.0)
    [exact] = detector([noise(40, 56)], [ask("dog", "person")])
    [found] = detector.to(torch.bfloat16)([noise(40, 56)], [ask("dog", "person")])
    assert len(found) > 0
    assert torch.equal(found.scores, exact.scores)

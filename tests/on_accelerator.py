"""The whole system on a make-believe accelerator; run by `test_accelerator.py` in its own process.

    python -m pytest tests/on_accelerator.py

What a device answers is compared with what the CPU answers. Both resize pictures in floating point
here, as a device always does: torchvision resizes bytes as bytes on the CPU, a grey level apart.
"""

from __future__ import annotations

import copy
import io
import string
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from PIL import Image
from torch import Tensor, nn
from torchvision.ops import box_iou, nms, roi_align
from torchvision.transforms.v2.functional import _geometry
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    SamImageProcessor,
)

from benchmarks.parity_sam import seeded_weights
from benchmarks.reference_loop import ReferenceLoop
from tests.accelerator import register, waits
from tests.baselines.test_closed_set_vote import (
    MASK2FORMER_SIZE,
    SEGFORMER_SIZE,
    mask2former,
    segformer,
)
from tests.chat import tiny_vision
from tests.dense.clipseg_parts import clipseg
from tests.detection import sam3_parts
from tests.encoders import encoder_parts
from tests.masking.conftest import (
    edgetam_model,
    processor,
    sam2_model,
    sam_hq_model,
    sam_model,
    squares,
    squashing,
    tracker_model,
)
from tests.masking.test_official_sam import SIZES
from tests.refinement.presence_parts import thresholds
from tests.small_checkpoints import write
from tests.weights.official.dino_parts import small_tokenizer, small_weights
from zeroseg import LLMPostRefiner, LLMPreRefiner, Sam, Segmentation, Selection, ZeroShotSegmenter
from zeroseg.baselines import SemanticSegmentAnything
from zeroseg.baselines.clip_vote import ClipVote
from zeroseg.baselines.closed_set_vote import ClosedSetVote
from zeroseg.chat.chat_model import Conversation, Reply
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.data import DrawnScenes
from zeroseg.dense import ClipSeg, DenseScorer, PatchScorer, RegionScorer, Sam3Dense
from zeroseg.detection import presence_preview
from zeroseg.detection.florence2_detector import Florence2Detector
from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.detection.official_grounding_dino import OfficialGroundingDino
from zeroseg.detection.omdet_turbo import OmDetTurbo
from zeroseg.detection.owlv2 import Owlv2
from zeroseg.detection.presence_preview import PresencePreview
from zeroseg.detection.sam3 import Sam3
from zeroseg.drawn.scene import draw_scene
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.evaluation.oracle import OracleSegmenter, Told
from zeroseg.fusion import ThingsAndStuff
from zeroseg.images import read_image
from zeroseg.masking import (
    DetectorMasks,
    EdgeTam,
    QueryCentres,
    Sam2,
    Sam3Tracker,
    SamHq,
    SpreadPoints,
    TopLogits,
)
from zeroseg.masking.everything import EverythingMasks
from zeroseg.masking.official_sam import OfficialSam, official_sam_of
from zeroseg.metrics.segmentation_scores import SegmentationScores
from zeroseg.presets import load_preset
from zeroseg.recognition import Florence2Captioner
from zeroseg.reference import ReferenceOverlap, ReferencePoints
from zeroseg.refinement import (
    AllClasses,
    EncoderVerifier,
    LexicalPostRefiner,
    VisionReviewer,
    VisionVerifier,
)
from zeroseg.running import transfer
from zeroseg.running.item import Item
from zeroseg.running.runner import Runner
from zeroseg.running.stage import Stage
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.work import Part, Work, pack, unpack
from zeroseg.scale.workers import build_worker, pools_of
from zeroseg.testing import ScriptedChat, boxed, noise
from zeroseg.values import Detections
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.official.grounding_dino_checkpoint import to_transformers
from zeroseg.weights.official.grounding_dino_network import load_official
from zeroseg.weights.offload import offload

__all__ = [
    "edgetam_model",
    "processor",
    "sam2_model",
    "sam_hq_model",
    "sam_model",
    "squares",
    "squashing",
    "tracker_model",
]

DEVICE = register()
CLASSES = Vocabulary.from_names(["background", "dog", "cat", "potted-plant"])
SHAPES = ((256, 256), (256, 256), (200, 300))
IMAGES = [read_image(draw_scene(7, i, size).image) for i, size in enumerate(SHAPES)]


def png(image: Tensor) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "PNG")
    return buffer.getvalue()


WAIT = 0.05
"""Seconds that the scripted language model takes."""


@pytest.fixture(autouse=True, scope="module")
def _one_way_to_resize() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_geometry, "_do_native_uint8_resize_on_cpu", lambda _: False)
        yield


# The accelerator itself refuses what a real one refuses.

ONE, TWO = torch.ones(2, 4), torch.ones(2)
BOXES = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 5], [9, 9, 12, 12]])

MIXED: dict[str, Callable[[], Any]] = {
    "sum": lambda: ONE.to(DEVICE) + ONE,
    "sum the other way round": lambda: ONE + ONE.to(DEVICE),
    "sum into a number": lambda: torch.ones(()).add_(TWO.to(DEVICE).sum()),
    "a number of the device": lambda: ONE + torch.ones((), device=DEVICE),
    "joined": lambda: torch.cat([ONE, ONE.to(DEVICE)]),
    "stacked": lambda: torch.stack([TWO.sum(), TWO.to(DEVICE).sum()]),
    "where": lambda: torch.where(ONE.to(DEVICE) > 0, ONE.to(DEVICE), ONE),
    "product": lambda: ONE.to(DEVICE) @ ONE.T,
    "layer": lambda: nn.Linear(4, 3).to(DEVICE)(ONE),
    "layer on the host": lambda: nn.Linear(4, 3)(ONE.to(DEVICE)),
    "embedding": lambda: nn.Embedding(3, 2).to(DEVICE)(torch.tensor([1])),
    "convolution": lambda: nn.Conv2d(3, 3, 1)(torch.ones(1, 3, 4, 4, device=DEVICE)),
    "gathered": lambda: ONE.to(DEVICE).gather(1, torch.zeros(2, 1, dtype=torch.long)),
    "picked": lambda: ONE.to(DEVICE).index_select(0, torch.tensor([0])),
    "indexed by the device": lambda: ONE[torch.tensor([0], device=DEVICE)],
    "written": lambda: ONE.to(DEVICE).index_put_((torch.tensor([0]),), torch.ones(4)),
    "masked": lambda: ONE.to(DEVICE).masked_fill(ONE > 0, 0),
    "thinned out": lambda: nms(BOXES.to(DEVICE), torch.rand(3), 0.5),
    "cut out": lambda: roi_align(torch.ones(1, 1, 8, 8, device=DEVICE), [BOXES], 2),
    "overlaps": lambda: box_iou(BOXES.to(DEVICE), BOXES),
}


@pytest.mark.parametrize("mode", [False, True])
@pytest.mark.parametrize("name", MIXED)
def test_tensors_of_two_devices_are_refused(name: str, mode: bool) -> None:
    with torch.inference_mode(mode), pytest.raises(RuntimeError, match="on the same device"):
        MIXED[name]()


def test_a_tensor_of_the_device_is_no_array() -> None:
    for convert in (np.asarray, lambda t: t.numpy(), np.array):
        with pytest.raises(TypeError, match="to numpy"):
            convert(ONE.to(DEVICE))


def test_what_other_accelerators_lack_is_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        ONE.to(DEVICE).double()
    with pytest.raises(RuntimeError, match="whole numbers"):
        ONE.to(DEVICE).long() @ ONE.T.to(DEVICE).long()
    with pytest.raises(RuntimeError, match="whole numbers"):
        nn.functional.interpolate(noise()[None].to(DEVICE), (4, 4), mode="bilinear")


def test_what_a_device_allows_is_allowed() -> None:
    there = ONE.to(DEVICE)
    assert there.device == torch.device("toy:0")
    results = {
        "numbers of the host": there + torch.tensor(2.0),
        "indices of the host": there[torch.tensor([1])],
        "masks of the host": there[:, torch.tensor([True, False, True, False])],
        "new": there.new_tensor([1.0, 2.0]),
        "views": there.T.contiguous().view(8),
        "in place": there.clone().mul_(3),
        "range": torch.arange(3, device=DEVICE),
        "half": there.half(),
    }
    assert {value.device for value in results.values()} == {there.device}
    assert results["views"].shape == (8,) and results["range"].tolist() == [0, 1, 2]
    assert (results["in place"].cpu() == 3).all() and results["half"].dtype == torch.float16
    back = [there.cpu(), there.to("cpu", torch.float64), ONE.clone().copy_(there)]
    assert all(type(value) is Tensor and value.device.type == "cpu" for value in back)
    assert torch.tensor([there.sum(), there.max()]).tolist() == [8.0, 1.0]
    module = nn.Linear(4, 2).to(DEVICE)
    assert isinstance(module.weight, nn.Parameter) and module.weight.device == there.device


def test_waiting_for_the_device_is_counted() -> None:
    there = ONE.to(DEVICE)
    with waits() as noted:
        there.sum().item(), there.nonzero(), there[there > 0], there.cpu(), there + 1, there[0]
        ONE.to(DEVICE), ONE.to(DEVICE, non_blocking=True), there[torch.tensor([0])]
    assert noted.total == 6


def test_tensors_come_back_in_one_transfer() -> None:
    tensors = [torch.arange(6).view(2, 3), torch.zeros(0, 4, dtype=torch.int64)]
    there = moved(tensors)
    with waits() as noted:
        back = transfer.download(there)
    assert noted.total == 1
    for one, other in zip(tensors, back, strict=True):
        assert torch.equal(one, other) and other.device.type == "cpu"
        assert other.untyped_storage().nbytes() == 8 * one.numel()  # none keeps the others


# Systems: the same label maps as on the CPU.


def assert_same(one: Sequence[Any], other: Sequence[Any]) -> None:
    """Label maps, boxes and words agree, and all that comes back is on the CPU."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert isinstance(a, Segmentation) and isinstance(b, Segmentation), (a, b)
        assert b.label_map.device.type == b.image.device.type == "cpu"
        assert torch.equal(a.label_map, b.label_map)
        assert a.description == b.description and a.selection.prompts == b.selection.prompts
        assert a.detections.phrases == b.detections.phrases
        torch.testing.assert_close(a.detections.boxes, b.detections.boxes, atol=1e-2, rtol=1e-4)
        assert a.to_dict()["areas"] == b.to_dict()["areas"]
    assert any(len(result.label_map.unique()) > 1 for result in one)  # else maps say nothing


@pytest.fixture(scope="module")
def host() -> ZeroShotSegmenter:
    """The preset on the CPU."""
    return ZeroShotSegmenter.from_preset("tiny", batch_size=2)


@pytest.fixture(scope="module")
def there(host: ZeroShotSegmenter) -> ZeroShotSegmenter:
    """The same on the device."""
    return copy.deepcopy(host).to(DEVICE)


@pytest.fixture(scope="module")
def expected(host: ZeroShotSegmenter) -> list[Segmentation]:
    return host.segment(IMAGES)


def changed(segmenter: ZeroShotSegmenter, **parts: Any) -> ZeroShotSegmenter:
    """The same system with other components or options, on the same device."""
    slots = ("pre_refiner", "detector", "mask_predictor", "tagger", "captioner", "post_refiner")
    old = {name: getattr(segmenter, name) for name in (*slots, "fusion", "batch_size")}
    return ZeroShotSegmenter(segmenter.vocabulary, **{**old, **parts}).to(segmenter.device)


def test_a_list_of_pictures_of_the_host_and_of_the_device(
    there: ZeroShotSegmenter, expected: list[Segmentation]
) -> None:
    assert there.device.type == DEVICE.type
    assert_same(expected, there.segment(IMAGES))
    assert_same(expected[:2], there.segment([image.to(DEVICE) for image in IMAGES[:2]]))


def test_what_is_in_pictures(host: ZeroShotSegmenter, there: ZeroShotSegmenter) -> None:
    for one, other in zip(host.describe(IMAGES), there.describe(moved(IMAGES)), strict=True):
        assert one.found == other.found
        assert one.description.caption == other.description.caption
        assert other.image.device.type == other.detections.boxes.device.type == "cpu"
        torch.testing.assert_close(one.detections.boxes, other.detections.boxes, atol=0.1, rtol=0)


def test_a_stream(there: ZeroShotSegmenter, expected: list[Segmentation]) -> None:
    assert_same(expected, list(there.stream(iter(IMAGES))))


def phrases(detector: GroundingDino, threshold: float = 0.25) -> GroundingDino:
    return GroundingDino(
        model=detector.model,
        processor=detector.processor,
        box_threshold=threshold,
        text_threshold=0.1,
        decoding="phrases",
    )


VARIANTS: dict[str, Callable[[ZeroShotSegmenter], dict[str, Any]]] = {
    "boxes alone": lambda s: {"mask_predictor": s.mask_predictor.with_points(None)},
    "candidates": lambda s: {"mask_predictor": s.mask_predictor.with_points(QueryCentres(5))},
    "spread points": lambda s: {"mask_predictor": s.mask_predictor.with_points(SpreadPoints(5))},
    "the published points": lambda s: {
        "mask_predictor": s.mask_predictor.with_points(ReferencePoints(5))
    },
    "the published overlap": lambda s: {"fusion": ReferenceOverlap(chunk=2)},
    "phrases": lambda s: {"detector": phrases(s.detector)},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_swapped_components(
    name: str, host: ZeroShotSegmenter, there: ZeroShotSegmenter, expected: list[Segmentation]
) -> None:
    asked = [result.selection for result in expected]
    one, other = (
        changed(segmenter, **VARIANTS[name](segmenter))(IMAGES[1:3], asked[1:3])
        for segmenter in (host, there)
    )
    assert_same(one, other)


def test_weights_that_stay_on_the_host(
    host: ZeroShotSegmenter, expected: list[Segmentation]
) -> None:
    names = ("tagger", "captioner", "detector", "mask_predictor")
    parts = {name: offload(deepcopy(getattr(host, name))) for name in names}
    seen: list[str] = []

    def note(network: nn.Module, _: Any) -> None:
        seen.extend({weight.device.type for weight in network.parameters()})

    networks = [part.model for part in parts.values()]
    inside = [
        next(n for n in network.modules() if isinstance(n, nn.Linear)) for network in networks
    ]
    hooks = [layer.register_forward_pre_hook(note) for layer in inside]
    segmenter = changed(host, **parts).to(DEVICE)
    assert_same(expected[1:3], segmenter.segment(IMAGES[1:3]))
    for hook in hooks:
        hook.remove()
    assert len(seen) >= len(parts) and set(seen) == {DEVICE.type}
    assert all(weight.device.type == "cpu" for weight in segmenter.parameters())


@pytest.mark.parametrize("name", ["tiny-llm", "tiny-ram-grounded-sam"])
def test_presets(name: str) -> None:
    # Raw tags name no class; by rules they do.
    changes = {"post_refiner": LexicalPostRefiner()} if "ram" in name else {}
    segmenter = ZeroShotSegmenter.from_preset(name, **changes)
    results = segmenter.segment(IMAGES[1:2])
    assert_same(results, segmenter.to(DEVICE).segment(IMAGES[1:2]))


class WaitingChat(ScriptedChat):
    """A language model elsewhere."""

    @property
    def waits(self) -> bool:
        return True

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        time.sleep(WAIT)
        return super().forward(conversations)


def asking(segmenter: ZeroShotSegmenter, **parts: Any) -> ZeroShotSegmenter:
    """The same system with language models that have to be waited for."""
    return changed(
        segmenter,
        captioner=None,
        pre_refiner=LLMPreRefiner(WaitingChat(["person, tree, dog"])),
        batch_size=1,
        **parts,
    )


def test_batches_ahead_of_a_language_model(
    host: ZeroShotSegmenter, there: ZeroShotSegmenter
) -> None:
    segmenter, other = (
        asking(
            own,
            post_refiner=LLMPostRefiner(WaitingChat(["person"])),
            detector=phrases(own.detector, 0.2),
        )
        for own in (there, host)
    )
    assert segmenter.depth == 4
    results = other.segment(IMAGES)
    assert_same(results, list(segmenter.stream(IMAGES)))


class ToyAccelerator(Accelerator):
    """The device as Lightning knows accelerators."""

    def setup_device(self, device: torch.device) -> None:
        assert device.type == DEVICE.type

    def teardown(self) -> None:
        pass

    @staticmethod
    def parse_devices(devices: Any) -> Any:
        return devices

    @staticmethod
    def get_parallel_devices(devices: Any) -> list[torch.device]:
        return [DEVICE]

    @staticmethod
    def auto_device_count() -> int:
        return 1

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def name() -> str:
        return DEVICE.type


QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def trainer(**place: Any) -> Trainer:
    return Trainer(**QUIET, **(place or {"accelerator": "cpu"}))


def on_device() -> Trainer:
    return trainer(strategy=SingleDeviceStrategy(DEVICE, ToyAccelerator()))


def test_trainer_test(host: ZeroShotSegmenter, there: ZeroShotSegmenter) -> None:
    scenes = DrawnScenes("drawn", count=3)
    [one] = trainer().test(host, scenes, verbose=False)
    [other] = on_device().test(there, scenes, verbose=False)
    assert one == pytest.approx(other) and one["failures"] == 0 and one["miou"] > 0.1


def test_the_truth_told_in_place_of_stages(there: ZeroShotSegmenter) -> None:
    told = ("labels", "boxes", "masks")
    scenes = DrawnScenes("drawn", count=2)
    [scores] = on_device().test(OracleSegmenter(there, told), scenes, verbose=False)
    assert scores["failures"] == 0
    assert scores["miou"] > 0.99


def test_the_truth_is_told_to_batches_ahead(there: ZeroShotSegmenter) -> None:
    segmenter = OracleSegmenter(asking(there), ("boxes", "masks"))
    segmenter.to(DEVICE)
    assert segmenter.depth > 1
    [scores] = on_device().test(segmenter, DrawnScenes("drawn", count=2), verbose=False)
    assert scores["failures"] == 0


def test_systems_are_evaluated_in_step(
    host: ZeroShotSegmenter, there: ZeroShotSegmenter, tmp_path: Path
) -> None:
    systems = {"box": {"mask_predictor": there.mask_predictor.with_points(None)}, "points": {}}
    scenes = DrawnScenes("drawn", count=2)
    runs = evaluate(
        {name: changed(there, captioner=None, **parts) for name, parts in systems.items()},
        scenes,
        {name: tmp_path / name for name in systems},
        strategy=SingleDeviceStrategy(DEVICE, ToyAccelerator()),
    )
    [one] = trainer().test(changed(host, captioner=None), scenes, verbose=False)
    assert runs["points"].results["miou"] == pytest.approx(one["miou"], abs=1e-6)
    assert runs["box"].results["failures"] == []


def test_stages_as_workers(expected: list[Segmentation]) -> None:
    recipe = Recipe.of(load_preset("tiny"), batch_size=2)
    part = Part(tuple(Work(str(i), str(i), png(image)) for i, image in enumerate(IMAGES[1:3])))
    for name in pools_of(recipe):
        part = unpack(pack(build_worker(name, recipe, DEVICE.type)(part)))
    for work, result in zip(part.works, expected[1:3], strict=True):
        assert work.failure is None
        assert torch.equal(work.label_map.long(), result.label_map)


def test_the_published_procedure(host: ZeroShotSegmenter, there: ZeroShotSegmenter) -> None:
    one, other = (list(ReferenceLoop(own).stream(IMAGES[1:2])) for own in (host, there))
    assert torch.equal(one[0].label_map, other[0].label_map)
    assert other[0].label_map.device.type == "cpu"


LIMITS = {"tags": 1, "caption": 28, "detection": 11, "masks": 2, "fusion": 1, "": 2}
"""How often the host may wait for the device in each stage, and between them, for a batch of eight.

Most of it is transformers': a token more or less to generate, and checks of shapes.
"""


def test_the_host_seldom_waits(there: ZeroShotSegmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "ASYNCHRONOUS", (DEVICE.type,))
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)
    images = [read_image(draw_scene(7, i).image) for i in range(8)]
    answered, spent = Runner._answer, Counter[str]()

    def counting(runner: Runner, stage: Stage, items: Sequence[Item]) -> None:
        start = noted.total
        answered(runner, stage, items)
        spent[stage.name] += noted.total - start

    monkeypatch.setattr(Runner, "_answer", counting)
    with waits() as noted:
        changed(there, batch_size=8).segment(images)
    spent[""] = noted.total - spent.total()
    assert {stage: count for stage, count in spent.items() if count > LIMITS.get(stage, 0)} == {}


def test_metrics_are_those_of_the_cpu() -> None:
    maps = [torch.randint(-1, 4, (40, 56)) for _ in range(3)]
    truth = [torch.randint(0, 4, (40, 56)).where(torch.rand(40, 56) > 0.1, 255) for _ in maps]
    scores = [SegmentationScores(CLASSES), SegmentationScores(CLASSES).to(DEVICE)]
    for part in scores:
        for prediction, target in zip(maps, truth, strict=True):
            part.update(prediction, target)
    assert scores[1].matrix.device.type == DEVICE.type
    assert scores[0].compute() == pytest.approx(scores[1].compute(), nan_ok=True)


# Components around networks too small to say anything, with random weights.


def moved(value: Any) -> Any:
    """A value, or a list of values, on the device."""
    return [one.to(DEVICE) for one in value] if isinstance(value, list) else value.to(DEVICE)


FOUND = [boxed((10, 8, 50, 40), (0, 0, 20, 20)), Detections.empty(), boxed((3, 3, 30, 39.5))]
NOISE = [noise(40, 56, 1), noise(64, 90, 2), noise(90, 40, 3)]


NETWORKS: dict[str, tuple[Any, str, str]] = {
    "Sam": (Sam, "sam_model", "processor"),
    "SamHq": (SamHq, "sam_hq_model", "processor"),
    "Sam2": (Sam2, "sam2_model", "squashing"),
    "EdgeTam": (EdgeTam, "edgetam_model", "squashing"),
    "Sam3Tracker": (Sam3Tracker, "tracker_model", "squares"),
}
"""Mask predictors of transformers' networks, and the fixtures that give their parts."""


@pytest.mark.parametrize("offloaded", [False, True])
@pytest.mark.parametrize("points", [None, TopLogits(4), SpreadPoints(3)])
@pytest.mark.parametrize("kind", [*NETWORKS, "OfficialSam"])
def test_masks(kind: str, points: Any, offloaded: bool, request: pytest.FixtureRequest) -> None:
    part: nn.Module
    if kind == "OfficialSam":
        part = OfficialSam(model=official_sam_of(seeded_weights(SIZES)), point_sampler=points)
    else:
        make, *names = NETWORKS[kind]
        model, processor = map(request.getfixturevalue, names)
        part = make(model=copy.deepcopy(model), image_processor=processor, point_sampler=points)
    one = part(NOISE, FOUND)
    part = offload(part) if offloaded else part
    part.to(DEVICE)
    for images, found in ((NOISE, FOUND), (moved(NOISE), moved(FOUND))):
        other = part(images, found, part.encode(images))
        for a, b in zip(one, other, strict=True):
            assert b.logits.device.type == DEVICE.type
            torch.testing.assert_close(a.logits, b.logits.cpu(), atol=2e-3, rtol=1e-3)
            assert (a.points is None) == (b.points is None)


@pytest.mark.parametrize(
    ("official", "decoding"), [(False, "phrases"), (True, "spans"), (True, "phrases")]
)
def test_detection(official: bool, decoding: Any, tmp_path: Path) -> None:
    config, weights = small_weights()
    tokenizer = small_tokenizer(tmp_path)
    images = GroundingDinoImageProcessor(size={"shortest_edge": 80, "longest_edge": 112})
    options = {
        "processor": GroundingDinoProcessor(images, tokenizer),
        "box_threshold": 0.5,
        "decoding": decoding,
    }
    part = (
        OfficialGroundingDino(model=load_official(config, weights, tokenizer), **options)
        if official
        else GroundingDino(model=to_transformers(config, weights), **options)
    )
    asked = [Selection(("dog", "potted plant"), (1, 3)), Selection(), Selection(("boat",), (2,))]
    one = part(NOISE, asked)
    part.to(DEVICE)
    assert sum(map(len, one)) > 0
    for images_there in (NOISE, moved(NOISE)):
        for a, b in zip(one, part(images_there, asked), strict=True):
            assert a.phrases == b.phrases
            torch.testing.assert_close(a.boxes, b.boxes.cpu(), atol=1e-2, rtol=1e-3)


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("preview", ["always", "never"])
@pytest.mark.parametrize("kind", ["sam3_model", "lite_model"])
def test_concepts(kind: str, preview: Any, away: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_preview, "ADMITTED", 0.35)
    part = Sam3(
        getattr(sam3_parts, kind)(),
        sam3_parts.processor(),
        score_threshold=0.15,
        chunk_size=2,
        preview=preview,
    )
    part._preview = PresencePreview(part.model, 16)
    asked = [
        Selection(("dog", "potted plant", "sky"), (1, 3, 2)),
        Selection(),
        Selection(("sky",), (2,)),
    ]
    one = part(NOISE, asked)
    if away:
        offload(part)
    part.to(DEVICE)
    assert sum(map(len, one)) > 0
    for images_there in (NOISE, moved(NOISE)):
        for a, b in zip(one, part(images_there, asked), strict=True):
            assert a.phrases == b.phrases and b.boxes.device.type == "cpu"
            assert a.dense is not None and b.dense is not None
            assert a.masks is not None and b.masks is not None
            assert b.masks.logits.device.type == b.dense.maps.device.type == DEVICE.type
            torch.testing.assert_close(a.boxes, b.boxes, atol=1e-2, rtol=1e-3)
            torch.testing.assert_close(a.masks.logits, b.masks.logits.cpu(), atol=2e-3, rtol=1e-3)
            torch.testing.assert_close(a.dense.maps, b.dense.maps.cpu(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("stuff", ["beside things", "under things"])
def test_a_system_of_concepts(stuff: Any) -> None:
    classes = Vocabulary.from_names(["background", "dog", "potted plant", "sky"], stuff=["sky"])
    segmenter = ZeroShotSegmenter(
        classes,
        AllClasses(),
        Sam3(sam3_parts.sam3_model(), sam3_parts.processor(), score_threshold=0.15),
        DetectorMasks(),
        fusion=ThingsAndStuff(threshold=0.15, stuff=stuff),
    )
    one = segmenter.segment(NOISE)
    assert_same(one, segmenter.to(DEVICE).segment(NOISE))


ALL_TOLD = tuple(told for told in get_args(Told) if told != "verification")


@pytest.mark.parametrize("told", [("presence",), ("boxes", "masks"), ALL_TOLD])
def test_the_truth_told_to_concepts(told: tuple[Told, ...]) -> None:
    segmenter = ZeroShotSegmenter(
        "drawn-all",
        AllClasses(),
        Sam3(sam3_parts.sam3_model(), sam3_parts.processor(), score_threshold=0.15),
        DetectorMasks(),
        fusion=ThingsAndStuff(threshold=0.15),
    )
    scenes = DrawnScenes("drawn-all", count=2, size=(40, 56))
    oracle = OracleSegmenter(segmenter, told)
    [one] = trainer().test(oracle, scenes, verbose=False)
    [other] = on_device().test(oracle.to(DEVICE), scenes, verbose=False)
    assert one == pytest.approx(other, abs=1e-3) and one["failures"] == 0
    assert ("dense" in told) == (one["miou"] == 1)


def regions(**options: Any) -> RegionScorer:
    everything = EverythingMasks.from_pretrained(
        "tiny:sam", points_per_side=1, box_sizes=(0.5,), iou_threshold=0, stability_threshold=0
    )
    return RegionScorer(PatchScorer(*encoder_parts.clip(), templates="none"), everything, **options)


DENSE: dict[str, Callable[[], DenseScorer]] = {
    "clip": lambda: PatchScorer(*encoder_parts.clip()),
    "clip as it is": lambda: PatchScorer(*encoder_parts.clip(), attention="own"),
    "siglip": lambda: PatchScorer(*encoder_parts.siglip()),
    "tipsv2": lambda: PatchScorer(*encoder_parts.tipsv2()),
    "clipseg": lambda: ClipSeg(*clipseg()),
    "sam3": lambda: Sam3Dense(sam3_parts.sam3_model(), sam3_parts.processor()),
    "means of regions": regions,
    "votes within regions": lambda: regions(pooling="vote", scope=True),
}


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("name", DENSE)
def test_dense_scores(name: str, away: bool) -> None:
    part = DENSE[name]()
    asked = [
        Selection(("dog", "potted plant", "sky"), (1, 3, 2)),
        Selection(),
        Selection(("sky",), (2,)),
    ]
    one = part(NOISE, asked)
    if away:
        offload(part)
    part.to(DEVICE)
    for images_there in (NOISE, moved(NOISE)):
        for a, b in zip(one, part(images_there, asked), strict=True):
            assert not len(b) or b.maps.device.type == DEVICE.type
            torch.testing.assert_close(a.maps, b.maps.cpu(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("kind", encoder_parts.ENCODERS)
def test_presence_by_an_encoder(kind: str, away: bool) -> None:
    told = thresholds(CLASSES)
    part = EncoderVerifier(*encoder_parts.ENCODERS[kind](), thresholds=told, drop_below=0.0)
    asked = [Selection(("dog", "cat"), (1, 2)), Selection(), Selection(("dog",), (1,))]
    one, scores = part(NOISE, asked, CLASSES), part.scores(NOISE, CLASSES)
    part = (offload(part) if away else part).to(DEVICE)
    for images_there in (NOISE, moved(NOISE)):
        found = part.scores(images_there, CLASSES)
        torch.testing.assert_close(found.cpu(), scores, atol=1e-4, rtol=1e-4)
        for a, b in zip(one, part(images_there, asked, CLASSES), strict=True):
            assert a.prompts == b.prompts
            assert a.presence == (b.presence and pytest.approx(b.presence, abs=1e-3))


@pytest.mark.parametrize("family", ["llava", "qwen2_vl"])
def test_a_model_that_sees(family: str, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"  # these small models read 1024 bytes
    short.write_text("Look for $classes.", encoding="utf-8")
    chat = TransformersChat(*getattr(tiny_vision, family)(), max_new_tokens=6, batch_size=2)
    verifier = VisionVerifier(chat, template=short)
    reviewer = VisionReviewer(chat, band=(0.0, 1.0), template=short)
    asked = [Selection(("dog", "cat"), (1, 2)), Selection(), Selection(("dog",), (1,))]
    found = [own.relabel(torch.ones(len(own), dtype=torch.int64)) for own in FOUND]

    def said(images: list[Tensor], boxes: list[Detections]) -> list[str]:
        seen = verifier(images, asked, CLASSES)
        reviews = reviewer(images, asked, boxes, [None] * len(images), CLASSES)
        return [e.reply for own in (*seen, *reviews) for e in own.exchanges]

    one = said(NOISE, found)
    assert len(one) >= 4 and any(one)
    chat.to(DEVICE)
    assert one == said(NOISE, found) == said(moved(NOISE), moved(found))


def clip() -> ClipVote:
    torch.manual_seed(1)
    letters = [*string.ascii_lowercase, *(f"{c}</w>" for c in string.ascii_lowercase)]
    words = {word: i for i, word in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    narrow = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": 16,
    }
    text = CLIPTextConfig(
        vocab_size=len(words),
        max_position_embeddings=32,
        eos_token_id=len(words) - 1,
        **narrow,
    )
    vision = CLIPVisionConfig(image_size=16, patch_size=4, **narrow)
    both = {"text_config": text.to_dict(), "vision_config": vision.to_dict()}
    config = CLIPConfig(**both, projection_dim=16)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    tokenizer = CLIPTokenizer(vocab=words, merges=[], model_max_length=32)
    return ClipVote(
        model=CLIPModel(config), processor=CLIPProcessor(CLIPImageProcessor(**size), tokenizer)
    )


DETECTORS: dict[str, tuple[Any, dict[str, Any]]] = {
    "mm_grounding_dino": (GroundingDino, {"box_threshold": 0.3}),
    "owlv2": (Owlv2, {"box_threshold": 0.3}),
    "omdet_turbo": (OmDetTurbo, {"box_threshold": 0.3}),
    "florence2": (Florence2Detector, {"max_new_tokens": 24}),
}
"""What reads small checkpoints in the hub's layout, and what lets something through."""


@pytest.mark.parametrize("offloaded", [False, True])
@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_of_the_hub(name: str, offloaded: bool, tmp_path: Path) -> None:
    folder = write(name, tmp_path / name)
    kind, options = DETECTORS[name]
    part = kind.from_pretrained(folder, **options)
    part = offload(part) if offloaded else part
    asked = [Selection(("dog", "potted plant"), (1, 3)), Selection(), Selection(("boat",), (2,))]
    one = part(NOISE, asked)
    part.to(DEVICE)
    assert sum(map(len, one)) > 0
    for images_there in (NOISE, moved(NOISE)):
        for a, b in zip(one, part(images_there, asked), strict=True):
            assert a.phrases == b.phrases
            torch.testing.assert_close(a.boxes, b.boxes.cpu(), atol=1e-2, rtol=1e-3)


def test_captions_of_florence2(tmp_path: Path) -> None:
    folder = write("florence2", tmp_path / "florence2")
    part = Florence2Captioner.from_pretrained(folder, max_new_tokens=8)
    one = part(NOISE)
    assert one == part.to(DEVICE)(NOISE) == part(moved(NOISE))


CLASSIFIERS = {
    "clip": clip,
    "segformer": lambda: ClosedSetVote(model=segformer(), processor=SEGFORMER_SIZE),
    "mask2former": lambda: ClosedSetVote(model=mask2former(), processor=MASK2FORMER_SIZE),
}


@pytest.mark.parametrize(
    ("name", "box_sizes"), [("clip", ()), ("segformer", (0.3,)), ("mask2former", ())]
)
def test_masks_of_everything(
    name: str, box_sizes: tuple[float, ...], sam_model: Any, processor: SamImageProcessor
) -> None:
    segmenter = SemanticSegmentAnything(
        CLASSES,
        EverythingMasks(
            Sam(copy.deepcopy(sam_model), processor),
            points_per_side=3,
            iou_threshold=-9.0,
            stability_threshold=0.0,
            box_sizes=box_sizes,
        ),
        CLASSIFIERS[name](),
    )
    one = segmenter.segment(NOISE)
    segmenter.to(DEVICE)
    assert_same(one, segmenter.segment(NOISE))
    assert_same(one, segmenter.segment(moved(NOISE)))

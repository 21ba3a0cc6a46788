"""SAM 3: the contract, and transformers' own processor and post-processing on the same network."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.ops import box_iou, masks_to_boxes
from transformers import Sam3LiteTextModel, Sam3Model, Sam3VideoConfig, Sam3VideoModel

from tests.detection.sam3_parts import MASK, config, lite_model, processor, sam3_model
from zeroseg import ZeroShotSegmenter
from zeroseg.detection.detector import Detector
from zeroseg.detection.instances import Instances, boxes_of
from zeroseg.detection.sam3 import Sam3
from zeroseg.errors import CheckpointError
from zeroseg.evaluation.identity import identity
from zeroseg.masking import DetectorMasks
from zeroseg.preflight import examine
from zeroseg.refinement import AllClasses
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.work import Part, Work, pack, unpack
from zeroseg.scale.workers import build_worker, pools_of
from zeroseg.seams import check_detections
from zeroseg.testing import DetectorContract, noise
from zeroseg.values import DISTRACTOR, UNRESOLVED, Detections, Selection
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.offload import offload

PROMPTS = ("dog", "potted plant", "person", "sky", "a boat", "cat", "grass")
ODD = [(40, 56), (1, 1), (1, 130), (97, 3), (48, 48), (131, 67)]


@pytest.fixture(scope="module")
def model() -> Sam3Model:
    return sam3_model()


@pytest.fixture(scope="module")
def lite() -> Sam3LiteTextModel:
    return lite_model()


def make(model: Any, **options: Any) -> Sam3:
    return Sam3(model, processor(), **{"score_threshold": 0.15, "chunk_size": 2, **options})


def ask(*prompts: str) -> Selection:
    return Selection(prompts, tuple(range(10, 10 + len(prompts))))


class TestContract(DetectorContract):
    def part(self) -> Detector:
        return make(sam3_model())


class TestLiteTextContract(DetectorContract):
    def part(self) -> Detector:
        return make(lite_model())


@torch.no_grad()
def stock(model: Any, image: Tensor, prompts: tuple[str, ...], threshold: float) -> dict[str, Any]:
    """The answers of transformers' own processor, network and post-processing, image by prompt."""
    own = processor()
    inputs = own(images=[image] * len(prompts), text=list(prompts), return_tensors="pt")
    output = model(**inputs)
    sizes = [(image.shape[1], image.shape[2])] * len(prompts)
    parts = own.post_process_instance_segmentation(output, threshold, target_sizes=sizes)
    dense = own.post_process_semantic_segmentation(output, sizes, return_segmentation_scores=True)
    return {
        "scores": [part["scores"] for part in parts],
        "masks": [part["masks"] for part in parts],
        "dense": torch.cat([part["segmentation_scores"] for part in dense]),
        "presence": output.presence_logits[:, 0].sigmoid(),
    }


@pytest.mark.parametrize("size", ODD)
@pytest.mark.parametrize("kind", ["model", "lite"])
def test_answers_are_those_of_transformers(
    kind: str, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    network, image = request.getfixturevalue(kind), noise(*size)
    part = make(network, nms_threshold=1.0, max_detections=10_000)
    [found] = part([image], [ask(*PROMPTS)])
    expected = stock(network, image, PROMPTS, part.score_threshold)
    assert found.dense is not None and found.masks is not None
    assert found.dense.presence is not None
    torch.testing.assert_close(found.dense.full(), expected["dense"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.dense.presence, expected["presence"], atol=1e-5, rtol=1e-4)
    shares = found.masks.logits.sigmoid()[:, None]  # transformers enlarges probabilities
    full = F.interpolate(shares, size, mode="bilinear", align_corners=False)[:, 0] > 0.5
    seen = 0
    for position in range(len(PROMPTS)):
        own = (found.prompt_index == position).nonzero()[:, 0]
        scores, masks = expected["scores"][position], expected["masks"][position].bool()
        seen += len(own)
        if min(size) > MASK:  # else a mask may fall between the pixels
            assert len(own) == int(masks.flatten(1).any(1).sum())
        if len(own):
            near = (found.scores[own][:, None] - scores).abs().argmin(1)
            torch.testing.assert_close(found.scores[own], scores[near], atol=1e-5, rtol=1e-4)
            assert float((full[own] != masks[near]).float().mean()) < 1e-3
    assert seen == len(found) > 0


def test_masks_and_boxes_are_the_networks_own(model: Sam3Model) -> None:
    image, part = noise(40, 56), make(sam3_model(), nms_threshold=1.0, max_detections=1000)
    [found] = part([image], [ask(*PROMPTS)])
    inputs = processor()(images=[image] * 7, text=list(PROMPTS), return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs)
    assert found.masks is not None and len(found) > 7
    for score, prompt, box, logits in zip(
        found.scores, found.prompt_index, found.boxes, found.masks.logits, strict=True
    ):
        scores = output.pred_logits[prompt].sigmoid() * output.presence_logits[prompt].sigmoid()
        query = int((scores - score).abs().argmin())
        torch.testing.assert_close(logits, output.pred_masks[prompt, query], atol=1e-4, rtol=1e-4)
        corners = masks_to_boxes((output.pred_masks[prompt, query] > 0)[None])[0]
        corners[2:] += 1  # its cells' outer borders
        scale = torch.tensor([56 / MASK, 40 / MASK] * 2)
        torch.testing.assert_close(box, corners * scale)


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_chunks_change_nothing(model: Sam3Model, chunk: int) -> None:
    image, asked = noise(40, 56), ask(*PROMPTS)
    [one], [other] = (make(model, chunk_size=n)([image], [asked]) for n in (2, chunk))
    assert_same(one, other)


def assert_same(one: Detections, other: Detections) -> None:
    assert len(one) > 0 and one.phrases == other.phrases
    assert one.masks is not None and other.masks is not None
    assert one.dense is not None and other.dense is not None
    assert one.dense.presence is not None and other.dense.presence is not None
    pairs = (
        (one.boxes, other.boxes),
        (one.scores, other.scores),
        (one.masks.logits, other.masks.logits),
        (one.dense.maps, other.dense.maps),
        (one.dense.presence, other.dense.presence),
    )
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)


def test_the_image_is_encoded_once_and_texts_once_for_all_images(model: Sam3Model) -> None:
    calls = {"image": 0, "text": 0}

    def counting(name: str) -> Any:
        def hook(*_: Any) -> None:
            calls[name] += 1

        return hook

    hooks = [
        model.vision_encoder.register_forward_hook(counting("image")),
        model.text_encoder.register_forward_hook(counting("text")),
    ]
    part, images = make(model), [noise(40, 56, 1), noise(56, 40, 2)]
    first = part(images, [ask(*PROMPTS), ask(*PROMPTS[::-1])])
    assert calls == {"image": 2, "text": 1}
    again = part(images, [ask(*PROMPTS), ask(*PROMPTS[::-1])])
    assert calls == {"image": 4, "text": 1}
    fresh = make(model, kept_texts=0)
    for _ in range(2):
        other = fresh(images, [ask(*PROMPTS), ask(*PROMPTS[::-1])])
    assert calls == {"image": 8, "text": 3}
    for hook in hooks:
        hook.remove()
    for one, two, three in zip(first, again, other, strict=True):
        assert_same(one, two)
        assert_same(one, three)


def test_kept_texts_are_forgotten_with_the_weights_that_made_them() -> None:
    part = make(sam3_model(), score_threshold=0.0)
    [before] = part([noise(40, 56)], [ask("dog")])
    other = copy.deepcopy(part.model.state_dict())
    other["text_projection.weight"] = -other["text_projection.weight"]
    part.model.load_state_dict(other)
    [after] = part([noise(40, 56)], [ask("dog")])
    [expected] = make(part.model, score_threshold=0.0)([noise(40, 56)], [ask("dog")])
    assert_same(after, expected)
    assert before.dense is not None and after.dense is not None
    assert not torch.allclose(before.dense.maps, after.dense.maps)


def test_no_more_texts_are_kept_than_asked_for(model: Sam3Model) -> None:
    part = make(model, kept_texts=3)
    part([noise()], [ask(*PROMPTS)])
    assert list(part._texts._known) == list(PROMPTS[-3:])


def instances(count: int = 60) -> Instances:
    """Discs of noise that answer seven prompts; some scores are equal."""
    dice = torch.Generator().manual_seed(0)
    corners = torch.rand(count, 2, generator=dice) * 0.6
    boxes = torch.cat([corners, corners + 0.1 + 0.3 * torch.rand(count, 2, generator=dice)], 1)
    scores = (torch.rand(count, generator=dice) * 20).round() / 20
    prompts = torch.randint(len(PROMPTS), (count,), generator=dice)
    return Instances(scores, prompts, boxes, torch.arange(count).float().view(-1, 1, 1))


def test_words_of_a_class_share_their_instances() -> None:
    labels = (1, 1, 1, UNRESOLVED, UNRESOLVED, DISTRACTOR, DISTRACTOR)
    every = instances()
    classes = [1 if label == 1 else -10 - i for i, label in enumerate(labels)]
    kept: list[int] = []
    for index in every.scores.argsort(descending=True, stable=True).tolist():
        own = classes[int(every.prompts[index])]
        rivals = [k for k in kept if classes[int(every.prompts[k])] == own]
        overlap = box_iou(every.boxes[index : index + 1], every.boxes[rivals])
        if not bool((overlap > 0.3).any()):
            kept.append(index)
    thin = every.thinned(labels, 0.3, 1000)
    assert 10 < len(thin) < len(every)
    assert thin.logits.flatten().tolist() == kept
    assert every.thinned(labels, 0.3, 5).logits.flatten().tolist() == kept[:5]
    assert torch.equal(thin.boxes, every.boxes[kept])


def test_instances_are_thinned_out_over_all_chunks(model: Sam3Model) -> None:
    image = noise(40, 56)
    one_class = Selection(PROMPTS, (1,) * len(PROMPTS))
    every = [make(model, nms_threshold=n, chunk_size=1)([image], [one_class])[0] for n in (1, 0.9)]
    assert len(every[1]) < len(every[0])
    best = every[1].boxes[:1]
    assert not bool((box_iou(best, every[1].boxes[1:]) > 0.9).any())


def test_the_best_instances_are_kept_where_there_are_too_many(model: Sam3Model) -> None:
    image, asked = noise(40, 56), ask(*PROMPTS)
    [every] = make(model, nms_threshold=1.0)([image], [asked])
    [few] = make(model, nms_threshold=1.0, max_detections=3)([image], [asked])
    assert len(every) > len(few) == 3
    torch.testing.assert_close(few.scores, every.scores[:3])
    assert every.masks is not None and few.masks is not None
    torch.testing.assert_close(few.masks.logits, every.masks.logits[:3])


def test_a_long_list_keeps_no_masks_but_the_best() -> None:
    part = make(sam3_model(), score_threshold=0.0, max_detections=20, chunk_size=16)
    prompts = tuple(a + b for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefg")
    asked: list[int] = []

    def note(_: Any, __: Any, dense: Tensor) -> None:
        asked.append(len(dense))

    hook = part.model.mask_decoder.semantic_projection.register_forward_hook(note)
    [found] = part([noise(40, 56)], [ask(*prompts)])
    hook.remove()
    assert max(asked) == 16 and sum(asked) == 182 and len(found) == 20
    assert found.dense is not None and len(found.dense) == len(prompts) == 182
    assert found.masks is not None
    assert found.masks.logits.untyped_storage().nbytes() == 20 * MASK * MASK * 4


def test_boxes_are_read_off_masks() -> None:
    masks = torch.zeros(4, 5, 8, dtype=torch.bool)
    masks[0, 1:3, 2:7] = True
    masks[1, 4, 7] = True
    masks[2] = True
    expected = [[2 / 8, 1 / 5, 7 / 8, 3 / 5], [7 / 8, 4 / 5, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]]
    torch.testing.assert_close(boxes_of(masks), torch.tensor(expected))
    scores, prompts = torch.tensor([0.5, 0.4, 0.3, 0.9]), torch.arange(4)
    found = Instances.of(scores, prompts, masks.float() - 0.5)
    assert found.prompts.tolist() == [0, 1, 2]  # without the one that has no pixel


@pytest.mark.parametrize("size", ODD[2:])
def test_what_is_found_keeps_the_seams_rules(model: Sam3Model, size: tuple[int, int]) -> None:
    vocabulary = Vocabulary.from_names(["background", *PROMPTS], distractors=["tree"])
    asked = Selection((*PROMPTS, "tree"), (1, 2, 3, 4, 5, 6, 7, DISTRACTOR))
    [found] = make(model)([noise(*size)], [asked])
    check_detections("Sam3", found, size, asked, vocabulary)


def test_nothing_asked_is_an_answer_with_nothing_in_it(model: Sam3Model) -> None:
    [none, some] = make(model)([noise(40, 56), noise(40, 56)], [Selection(), ask("dog")])
    assert none.masks is not None and none.dense is not None
    assert none.masks.full().shape == none.dense.full().shape == (0, 40, 56)
    assert some.dense is not None and len(some.dense) == 1


def test_a_prompt_that_cannot_be_read_is_refused(model: Sam3Model) -> None:
    with pytest.raises(ValueError, match="has 42 tokens, and SAM 3 reads 32"):
        make(model)([noise()], [ask("dog", "z" * 40)])


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"score_threshold": 1.5}, "score_threshold is 1.5"),
        ({"nms_threshold": -0.1}, "nms_threshold is -0.1"),
        ({"chunk_size": 0}, "chunk_size is 0"),
        ({"max_detections": 0}, "max_detections is 0"),
        ({"kept_texts": -1}, "kept_texts is -1"),
        ({"preview": "maybe"}, "preview is 'maybe'"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    model: Sam3Model, option: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        make(model, **option)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_full_precision_values(model: Sam3Model, dtype: torch.dtype) -> None:
    [exact] = make(model)([noise(40, 56)], [ask(*PROMPTS)])
    [found] = make(copy.deepcopy(model)).to(dtype)([noise(40, 56)], [ask(*PROMPTS)])
    assert found.dense is not None and exact.dense is not None and found.masks is not None
    for own in (found.boxes, found.scores, found.masks.logits, found.dense.maps):
        assert own.dtype == torch.float32 and bool(own.isfinite().all())
    torch.testing.assert_close(found.dense.maps, exact.dense.maps, atol=0.1, rtol=0)


def test_mixed_precision_is_close_and_leaves_no_texts_behind(model: Sam3Model) -> None:
    part, images, asked = make(model, preview="always"), [noise(40, 56)], [ask(*PROMPTS)]
    [before] = part(images, asked)
    with torch.autocast("cpu", torch.bfloat16):
        [mixed] = part(images, asked)
    assert mixed.dense is not None and before.dense is not None
    assert mixed.dense.maps.dtype == mixed.scores.dtype == torch.float32
    torch.testing.assert_close(mixed.dense.maps, before.dense.maps, atol=0.1, rtol=0)
    assert not torch.equal(mixed.dense.maps, before.dense.maps)
    assert_same(part(images, asked)[0], before)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))], ids=["deep", "pickle"]
)
def test_copies_answer_the_same(model: Sam3Model, copied: Any) -> None:
    part, images, asked = make(model, preview="always"), [noise(40, 56)], [ask(*PROMPTS)]
    [one], [other] = part(images, asked), copied(part)(images, asked)
    assert_same(one, other)


def test_offloaded_weights_answer_the_same(model: Sam3Model) -> None:
    images, asked = [noise(40, 56, 1), noise(56, 40, 2)], [ask(*PROMPTS), ask("dog")]
    away = offload(make(copy.deepcopy(model)))
    for _ in range(2):  # with texts that are kept, too
        with torch.inference_mode():
            answers = away(images, asked)
        for one, other in zip(make(model)(images, asked), answers, strict=True):
            assert_same(one, other)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints as the hub has them: alone, with the tracker for videos, and with another text
    encoder."""
    whole = Sam3VideoModel(Sam3VideoConfig(detector_config=config()))
    whole.detector_model.load_state_dict(sam3_model().state_dict())
    networks = {"sam3": sam3_model(), "video": whole, "lite": lite_model()}
    found = {name: tmp_path_factory.mktemp(name) for name in networks}
    for name, network in networks.items():
        network.save_pretrained(found[name])
        processor().save_pretrained(found[name])
    return found


@pytest.mark.parametrize("name", ["sam3", "video", "lite"])
def test_saved_parts_load_as_a_checkpoint(name: str, folders: dict[str, Path]) -> None:
    loaded = Sam3.from_pretrained(folders[name], score_threshold=0.15)
    assert isinstance(loaded.model, Sam3LiteTextModel if name == "lite" else Sam3Model)
    expected = make(lite_model() if name == "lite" else sam3_model())
    images, asked = [noise(40, 56)], [ask("dog", "potted plant")]
    assert_same(loaded(images, asked)[0], expected(images, asked)[0])


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="it is a grounding-dino, expected a sam3"):
        Sam3.from_pretrained("tiny:grounding_dino")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="Sam3 cannot use"):
        Sam3.from_pretrained(tmp_path)


def test_a_configuration_names_what_it_needs(folders: dict[str, Path], tmp_path: Path) -> None:
    def of(place: Path) -> dict[str, Any]:
        init_args = {"checkpoint": str(place), "chunk_size": 4}
        return {"detector": {"class_path": "zeroseg.detection.Sam3", "init_args": init_args}}

    assert examine(of(folders["sam3"])).problems == []
    [problem] = examine(of(tmp_path)).problems
    assert "model.safetensors" in problem


def test_a_system_takes_its_masks(model: Sam3Model) -> None:
    segmenter = ZeroShotSegmenter(
        ["dog", "potted plant", "sky"], AllClasses(), make(model), DetectorMasks()
    )
    known = identity(segmenter)
    results = segmenter.segment([noise(40, 56, 1), noise(57, 40, 2)])
    assert identity(segmenter) == known  # whatever texts it keeps
    assert known["parts"]["detector"]["preview"] == "auto"
    assert [own.label_map.shape for own in results] == [(40, 56), (57, 40)]
    assert all(len(own.detections) > 0 for own in results)
    assert any(len(own.label_map.unique()) > 1 for own in results)


def test_its_stages_run_in_workers(folders: dict[str, Path]) -> None:
    images = [noise(40, 56, 1), noise(57, 40, 2)]
    config = {
        "vocabulary": ["dog", "potted plant", "sky"],
        "pre_refiner": {"class_path": "zeroseg.refinement.AllClasses"},
        "detector": {
            "class_path": "zeroseg.detection.Sam3",
            "init_args": {"checkpoint": str(folders["sam3"]), "score_threshold": 0.15},
        },
        "mask_predictor": {"class_path": "zeroseg.masking.DetectorMasks"},
        "fusion": {
            "class_path": "zeroseg.fusion.ThingsAndStuff",
            "init_args": {"background": "margin", "threshold": 0.05},
        },
    }
    expected = ZeroShotSegmenter.from_config(config).segment(images)
    recipe = Recipe.of(config, batch_size=2)
    part = Part(tuple(Work(str(i), str(i), png(image)) for i, image in enumerate(images)))
    for name in pools_of(recipe):
        part = unpack(pack(build_worker(name, recipe, "cpu")(part)))
    for work, result in zip(part.works, expected, strict=True):
        assert work.failure is None
        assert torch.equal(work.label_map.long(), result.label_map)
    assert len({label for own in expected for label in own.label_map.unique().tolist()}) > 1


def png(image: Tensor) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "PNG")
    return buffer.getvalue()

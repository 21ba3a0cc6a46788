"""What somebody's own component returns wrongly is an error about that component."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zeroseg import seams
from zeroseg.chat.chat_model import ChatModel, Reply
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.errors import ComponentError
from zeroseg.fusion.fusion import Fusion
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.reviewer import Review, Reviewer
from zeroseg.refinement.verifier import Verifier
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector, ScriptedScorer, ScriptedTagger, blank, boxed
from zeroseg.values import Failure, Geometry, Masks, Points, Resolution, Selection, Tag
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "boat"])
DOG = Selection(("dog",), (1,))
SIZE = (32, 48)
NAN = float("nan")
NOTHING: Any = None


def mine(kind: type[nn.Module], answer: Callable[..., Any]) -> Any:
    """A component of somebody's own that answers each image so."""

    class Mine(kind):  # type: ignore[misc,valid-type]
        def forward(self, *inputs: Any) -> Any:
            return answer(*inputs)

    return Mine()


def each(value: Any) -> Callable[..., Any]:
    return lambda images, *rest: [value for _ in images]


def found(*box: float, score: float = 0.9, label: int = 1, prompt: int = 0) -> Any:
    boxes = boxed(box or (4, 4, 20, 20), scores=[score], labels=[label])
    return replace(boxes, prompt_index=torch.tensor([prompt]))


def masks(count: int = 1, size: tuple[int, int] = SIZE, value: float = 1.0) -> Masks:
    return Masks(torch.full((count, *size), value), Geometry.itself(size))


def shares() -> Masks:
    """Masks as probabilities, every one of which would be inside if they were logits."""
    rising = torch.linspace(0.1, 0.9, SIZE[0] * SIZE[1]).reshape(1, *SIZE)
    return Masks(rising, Geometry.itself(SIZE))


def scores(prompts: int = 2, value: float = 0.5, size: tuple[int, int] = SIZE) -> Any:
    [own] = ScriptedScorer({})(
        [blank(*size)], [Selection(("a", "b", "c")[:prompts], (1, 2, 0)[:prompts])]
    )
    return replace(own, maps=own.maps + value)


def points(x: float, y: float, label: int = 1, boxes: int = 1) -> Points:
    return Points(torch.tensor([[[x, y]]] * boxes).float(), torch.tensor([[label]] * boxes))


def label_map(
    value: Any = 1, size: Sequence[int] = SIZE, dtype: torch.dtype = torch.int64
) -> Tensor:
    return torch.full(tuple(size), value, dtype=dtype)


UNNAMED = boxed((0, 0, 20, 20), labels=[-1])

WRONG: list[tuple[str, type[nn.Module], Any, str]] = [
    ("tagger", Tagger, lambda images: [()], "1, expected 2 tags"),
    ("tagger", Tagger, lambda images: [(), (), ()], "3, expected 2 tags"),
    ("tagger", Tagger, lambda images: "dog", "expected a sequence of 2 tags"),
    ("tagger", Tagger, lambda images: None, "None, expected a sequence of 2 tags"),
    ("tagger", Tagger, each(("dog", "boat")), "expected a tuple of Tags"),
    ("tagger", Tagger, each("dog"), "expected a tuple of Tags"),
    ("tagger", Tagger, each(None), "NoneType None, expected a tuple of Tags"),
    ("tagger", Tagger, each((Tag("dog", 1), Tag("dog", 0.5))), "each tag of an image once"),
    ("captioner", Captioner, lambda images: "a dog", "expected a sequence of 2 caption"),
    ("captioner", Captioner, each(None), "expected a text"),
    ("captioner", Captioner, each(b"a dog"), "bytes b'a dog', expected a text"),
    ("captioner", Captioner, each(["a dog"]), "expected a text"),
    ("pre_refiner", PreRefiner, lambda descriptions, words: [DOG], "1, expected 2 selection"),
    ("pre_refiner", PreRefiner, each(("dog",)), "expected a Selection"),
    ("pre_refiner", PreRefiner, each(Selection(("cow",), (7,))), r"labels \[7\], expected class"),
    ("pre_refiner", PreRefiner, each(Selection(("sky",), (0,))), "the background, 'background'"),
    ("verifier", Verifier, each(Selection(("cow",), (1,))), "also 'cow', expected some of"),
    ("verifier", Verifier, each(Selection(("dog",), (2,))), "also 'dog', expected some of"),
    ("verifier", Verifier, each(True), "bool True, expected a Selection"),
    ("detector", Detector, lambda images, selections: [found()], "1, expected 2 found"),
    ("detector", Detector, each(torch.zeros(3, 4)), r"a tensor \(3, 4\) .*, expected Det"),
    ("detector", Detector, each({"boxes": []}), "dict .*, expected Detections"),
    ("detector", Detector, each(found(0.1, 0.1, 0.5, 0.9)), "in shares of the image"),
    ("detector", Detector, each(found(20, 4, 4, 20)), r"the box \[20, 4, 4, 20\], expected"),
    ("detector", Detector, each(found(4, 20, 20, 4)), "expected boxes x1 < x2, y1 < y2"),
    ("detector", Detector, each(found(4, 4, 4, 20)), "expected boxes x1 < x2"),
    ("detector", Detector, each(found(4, 4, 60, 20)), "pixels of an image of 48 x 32"),
    ("detector", Detector, each(found(-4, 4, 20, 20)), "pixels of an image of 48 x 32"),
    ("detector", Detector, each(found(NAN, 4, 20, 20)), "nan, .*expected boxes"),
    ("detector", Detector, each(found(4, 4, float("inf"), 20)), "inf, .*expected boxes"),
    ("detector", Detector, each(found(score=NAN)), r"\[nan\], expected scores in \[0, 1\]"),
    ("detector", Detector, each(found(score=1.5)), r"\[1.5\], expected scores in \[0, 1\]"),
    ("detector", Detector, each(found(score=-3)), r"\[-3\], expected scores in \[0, 1\]"),
    ("detector", Detector, each(found(label=7)), r"labels \[7\], expected class indices"),
    ("detector", Detector, each(found(label=-2)), r"labels \[-2\], expected class indices"),
    ("detector", Detector, each(found(prompt=5)), "expected positions of the 2 prompts"),
    ("post_refiner", PostRefiner, lambda phrases, words: Resolution(()), "0, expected 1 labels"),
    ("post_refiner", PostRefiner, lambda phrases, words: (1,), "tuple .*, expected a Resolution"),
    ("post_refiner", PostRefiner, lambda phrases, words: Resolution((9,)), r"labels \[9\]"),
    ("post_refiner", PostRefiner, lambda phrases, words: Resolution(("dog",)), r"labels \['dog'\]"),
    ("mask_predictor", MaskPredictor, lambda images, boxes: [masks()], "1, expected 2 masks"),
    ("mask_predictor", MaskPredictor, each(masks(2)), "2, expected 1 masks, one a detection"),
    ("mask_predictor", MaskPredictor, each(masks(size=(8, 8))), r"\(8, 8\), expected masks of"),
    ("mask_predictor", MaskPredictor, each(masks(value=NAN)), "NaN or infinity, expected finite"),
    ("mask_predictor", MaskPredictor, each(masks(value=float("inf"))), "NaN or infinity, expected"),
    ("mask_predictor", MaskPredictor, each(shares()), "0.1 to 0.9, as probabilities are, expected"),
    ("mask_predictor", MaskPredictor, each(torch.zeros(1, *SIZE)), "a tensor .*, expected Masks"),
    ("dense_scorer", DenseScorer, lambda images, chosen: [scores()], "1, expected 2 dense"),
    ("dense_scorer", DenseScorer, each(scores(prompts=1)), r"1 maps .*, expected a map for"),
    ("dense_scorer", DenseScorer, each(scores(value=3)), r"expected scores in \[0, 1\]"),
    ("dense_scorer", DenseScorer, each(scores(value=NAN)), r"expected scores in \[0, 1\]"),
    ("dense_scorer", DenseScorer, each(scores(size=(8, 8))), r"\(8, 8\), expected maps of"),
    ("reviewer", Reviewer, lambda *inputs: [Review((1,))], "1, expected 2 review"),
    ("reviewer", Reviewer, lambda *inputs: "dog", "expected a sequence of 2 review"),
    ("reviewer", Reviewer, each((1,)), "expected a Review for each image"),
    ("reviewer", Reviewer, each(Review(())), "0, expected 1 labels, one a detection"),
    ("reviewer", Reviewer, each(Review((9,))), "9 for 1, expected each label as it was"),
    ("reviewer", Reviewer, each(Review((0,))), "0 for 1, expected each label as it was"),
    ("reviewer", Reviewer, each(Review(("dog",))), "'dog' for 1, expected each label as it was"),
    ("fusion", Fusion, lambda *inputs: None, "NoneType None, expected whole numbers"),
    ("fusion", Fusion, lambda *inputs: label_map(0.5, dtype=torch.float32), "expected whole"),
    ("fusion", Fusion, lambda *inputs: label_map(True, dtype=torch.bool), "expected whole numbers"),
    ("fusion", Fusion, lambda *inputs: label_map(size=(8, 8)), r"\(8, 8\), expected a label map"),
    ("fusion", Fusion, lambda *inputs: label_map(9), "labels from 9 to 9, expected class indices"),
    ("fusion", Fusion, lambda *inputs: label_map(-1), "labels from -1 to -1, expected class"),
    ("fusion", Fusion, lambda *inputs: "dog", "str 'dog', expected whole numbers"),
    ("fusion", Fusion, lambda *inputs: [[1, 1]], "list .*, expected whole numbers"),
    ("tagger", Tagger, lambda images: {"dog": 1}, "expected a sequence of 2 tags"),
    ("tagger", Tagger, lambda images: (tags for tags in [(), ()]), "expected a sequence of 2 tags"),
    ("captioner", Captioner, lambda images: [], "0, expected 2 caption"),
    ("captioner", Captioner, each(NAN), "float nan, expected a text"),
    ("pre_refiner", PreRefiner, lambda *inputs: "dog", "expected a sequence of 2"),
    ("pre_refiner", PreRefiner, lambda *inputs: DOG, "expected a sequence of 2"),
    ("pre_refiner", PreRefiner, each("dog"), "str 'dog', expected a Selection"),
    ("verifier", Verifier, lambda *inputs: "dog", "expected a sequence of 2"),
    ("verifier", Verifier, lambda *inputs: [DOG], "1, expected 2 selection"),
    ("detector", Detector, lambda *inputs: "dog", "expected a sequence of 2"),
    ("detector", Detector, lambda *inputs: found(), "expected a sequence of 2"),
    ("detector", Detector, lambda *inputs: None, "None, expected a sequence of 2"),
    ("post_refiner", PostRefiner, lambda *inputs: "dog", "str 'dog', expected a Resolution"),
    ("post_refiner", PostRefiner, lambda *inputs: Resolution((NAN,)), r"labels \[nan\]"),
    ("post_refiner", PostRefiner, lambda *inputs: None, "None, expected a Resolution"),
    ("mask_predictor", MaskPredictor, lambda *inputs: "dog", "expected a sequence of 2 masks"),
    ("mask_predictor", MaskPredictor, lambda *inputs: masks(2), "expected a sequence of 2 masks"),
    ("mask_predictor", MaskPredictor, each(None), "NoneType None, expected Masks"),
    ("dense_scorer", DenseScorer, lambda *inputs: "dog", "expected a sequence of 2 dense"),
    ("dense_scorer", DenseScorer, each(torch.zeros(2, 4, 4)), "a tensor .*, expected DenseScores"),
    ("dense_scorer", DenseScorer, each(scores(value=-1)), r"expected scores in \[0, 1\]"),
    ("chat", ChatModel, lambda asked: "dog", "'dog', expected a sequence of 2 Replies"),
    ("chat", ChatModel, lambda asked: None, "None, expected a sequence of 2 Replies"),
    ("chat", ChatModel, lambda asked: [Reply("dog")], "1, expected 2 replies"),
    ("chat", ChatModel, each("dog"), "'dog', expected a Reply"),
    ("chat", ChatModel, each(Reply(NOTHING)), r"text=None.*, expected a Reply with a text"),
    ("points", PointSampler, lambda *inputs: "dog", "'dog', expected Points"),
    ("points", PointSampler, lambda *inputs: torch.zeros(1, 1, 2), "tensor.*, expected Points"),
    ("points", PointSampler, lambda *inputs: points(4, 4, boxes=2), "2, expected points of 1"),
    ("points", PointSampler, lambda *inputs: points(NAN, 4), r"\[nan, 4.0\], expected points"),
    ("points", PointSampler, lambda *inputs: points(4, 90), "in an image of 48 x 32"),
    ("points", PointSampler, lambda *inputs: points(-4, 9), "in an image of 48 x 32"),
    ("points", PointSampler, lambda *inputs: points(4, 9, 7), r"\[7\], expected labels 1"),
    ("encodings", MaskPredictor, lambda images: "dog", "str 'dog', expected a tuple of tensors"),
    ("encodings", MaskPredictor, lambda images: [torch.zeros(2)], "expected a tuple of tensors"),
    ("encodings", MaskPredictor, lambda images: (torch.zeros(3, 4),), r"\[\(3, 4\)\], expected"),
]  # fmt: skip


INNER = ("chat", "points", "encodings")
"""What components ask of what is within them."""


def encoding(answer: Callable[..., Any]) -> Any:
    """Masks of somebody's own, whose encodings are these."""

    class Mine(BoxMasks):
        def encode(self, images: Sequence[Tensor]) -> Any:
            return answer(images)

    return Mine()


class Waiting(AllClasses):
    """A pre-refiner that waits for a server: images are encoded meanwhile."""

    waits = True


@cache
def tiny_masks() -> Any:
    return ZeroShotSegmenter.from_preset("tiny", vocabulary=CLASSES).mask_predictor


def system(**parts: Any) -> ZeroShotSegmenter:
    chosen: dict[str, Any] = {
        "pre_refiner": AllClasses(),
        "detector": ScriptedDetector({"dog": (0, 0, 0.5, 1)}),
        "mask_predictor": BoxMasks(),
        **parts,
    }
    return ZeroShotSegmenter(CLASSES, **chosen)


@pytest.mark.parametrize(("slot", "kind", "answer", "said"), WRONG)
def test_a_wrong_return_is_an_error_that_names_the_component(
    slot: str, kind: type[nn.Module], answer: Any, said: str
) -> None:
    parts = {slot: mine(kind, answer)} if slot not in INNER else {}
    if slot == "post_refiner":
        parts["detector"] = mine(Detector, each(UNNAMED))
    if slot == "chat":
        parts |= {"tagger": ScriptedTagger("dog"), "pre_refiner": LLMPreRefiner(mine(kind, answer))}
    if slot == "points":
        parts["mask_predictor"] = tiny_masks().with_points(mine(kind, answer))
    if slot == "encodings":
        parts |= {"mask_predictor": encoding(answer), "pre_refiner": Waiting()}
    with pytest.raises(ComponentError, match=f"^Mine returned .*{said}|^Mine returned {said}"):
        system(**parts).segment([blank(), blank()])


def test_what_is_wrong_for_one_image_costs_that_image_alone() -> None:
    def answer(images: Sequence[Tensor], selections: Sequence[Selection]) -> Any:
        return [found(score=2 if int(image[0, 0, 0]) == 1 else 0.5) for image in images]

    results = list(
        system(detector=mine(Detector, answer)).stream([blank(value=i) for i in range(3)])
    )
    assert [isinstance(result, Failure) for result in results] == [False, True, False]
    assert results[1].stage == "detection"  # type: ignore[union-attr]
    assert "Mine returned" in results[1].message  # type: ignore[union-attr]


def test_a_label_map_may_leave_pixels_without_a_label() -> None:
    ignored = mine(Fusion, lambda *inputs: label_map(CLASSES.ignore_index))
    assert system(fusion=ignored).segment(blank()).areas == {}


@pytest.mark.parametrize("label", [-1, -2, 0])
def test_a_review_gives_no_class_to_what_had_none(label: int) -> None:
    before = boxed((0, 0, 20, 20), labels=[label])
    for after in (-1, 1):
        if after != label:
            with pytest.raises(ComponentError, match=f"{after} for {label}"):
                seams.check_review("Mine", Review((after,)), before, CLASSES)
    seams.check_review("Mine", Review((label,)), before, CLASSES)

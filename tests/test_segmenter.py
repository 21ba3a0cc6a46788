"""The walk through the stages, with stand-ins in place of models."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image, ImageSequence
from torch import Tensor

from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.data.sample import Sample
from zeroseg.errors import ChatError, ImageError, ZerosegError
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.lexical_post_refiner import LexicalPostRefiner
from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.raw_tags import RawTags
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import (
    BoxMasks,
    ScriptedCaptioner,
    ScriptedDetector,
    ScriptedTagger,
    blank,
    noise,
)
from zeroseg.values import Exchange, Failure, Resolution, Selection, Tag, Usage
from zeroseg.vocabulary import Vocabulary

CASES = Path(__file__).parent / "cases" / "pictures"

CLASSES = Vocabulary.from_names(["background", "dog", "boat", "person"])
BOXES = {
    "dog": [0, 0, 0.5, 0.5],
    "puppy": [0, 0, 0.5, 0.5],
    "boat": [0.5, 0, 1, 1],
    "person": [0, 0.75, 0.25, 1],
}


def build(**changes: Any) -> ZeroShotSegmenter:
    """A segmenter of stand-ins: the tagger names a puppy, the captioner a boat."""
    parts: dict[str, Any] = {
        "tagger": ScriptedTagger("puppy"),
        "captioner": ScriptedCaptioner("a boat on the sea"),
        "pre_refiner": LexicalPreRefiner(),
        "detector": ScriptedDetector(BOXES),
        "mask_predictor": BoxMasks(),
    }
    return ZeroShotSegmenter(CLASSES, **{**parts, **changes})


class BreaksOn(Tagger):
    """Breaks when an image of this width is in the batch."""

    def __init__(self, width: int, error: Exception) -> None:
        super().__init__()
        self.width, self.error = width, error

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        if any(image.shape[2] == self.width for image in images):
            raise self.error
        return [(Tag("dog", 0.9),) for _ in images]


class Remembers(PostRefiner):
    """Resolves every phrase to the dog and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []

    def forward(self, phrases: Sequence[str], vocabulary: Vocabulary) -> Resolution:
        self.asked.append(tuple(phrases))
        exchange = Exchange("post-refinement", " ".join(phrases), "dog", usage=Usage(calls=1))
        return Resolution((1,) * len(phrases), (exchange,))


def test_every_stage_runs_in_order_and_leaves_its_trace() -> None:
    result = build().segment(blank(40, 60))
    assert [tag.name for tag in result.description.tags] == ["puppy"]
    assert result.description.caption == "a boat on the sea"
    assert dict(zip(result.selection.prompts, result.selection.labels, strict=True)) == {
        "dog": 1,
        "boat": 2,
    }
    assert set(result.detections.phrases) == {"dog", "boat"}
    assert list(result.trace.seconds) == [
        "tags", "caption", "pre-refinement", "detection", "post-refinement", "masks", "fusion",
    ]  # fmt: skip
    assert result.areas == {"boat": 0.5, "dog": 0.25}
    expected = torch.zeros(40, 60, dtype=torch.int64)
    expected[:, 30:], expected[:20, :30] = 2, 1
    assert torch.equal(result.label_map, expected)


def test_an_ablation_is_a_part_left_out() -> None:
    without_caption = build(captioner=None).segment(blank())
    assert without_caption.description.caption is None
    assert set(without_caption.areas) == {"dog"}
    assert "caption" not in without_caption.trace.seconds
    without_tags = build(tagger=None).segment(blank())
    assert without_tags.description.tags == ()
    assert set(without_tags.areas) == {"boat"}
    all_classes = build(tagger=None, captioner=None, pre_refiner=AllClasses()).segment(blank())
    assert set(all_classes.areas) == {"dog", "boat", "person"}


def test_raw_tags_are_resolved_after_detection_or_not_at_all() -> None:
    raw = build(captioner=None, pre_refiner=RawTags())
    found = raw.segment(blank())
    assert found.detections.labels.tolist() == [-1]  # by default only a class's name counts
    assert found.areas == {}
    resolved = build(
        captioner=None, pre_refiner=RawTags(), post_refiner=LexicalPostRefiner()
    ).segment(blank())
    assert resolved.detections.phrases == ("puppy",)
    assert resolved.areas == {"dog": 0.25}


def test_phrases_of_a_batch_are_asked_once_and_booked_on_the_first() -> None:
    asked = Remembers()
    segmenter = build(
        tagger=ScriptedTagger("puppy", "boat"), pre_refiner=RawTags(), post_refiner=asked
    )
    results = segmenter([blank(), noise(), blank(40, 40)])
    assert len(asked.asked) == 1
    assert "puppy" in asked.asked[0]
    assert len(set(asked.asked[0])) == len(asked.asked[0])
    assert [result.trace.usage.calls for result in results] == [1, 0, 0]
    assert all(1 in result.detections.labels.tolist() for result in results)


def test_given_selections_replace_recognition() -> None:
    broken = build(tagger=BreaksOn(48, RuntimeError("must not be asked")))
    [result] = broken([blank()], [Selection(("person",), (3,))])
    assert set(result.areas) == {"person"}
    assert next(iter(result.trace.seconds)) == "detection"


def test_a_batch_equals_singles_in_any_order() -> None:
    images = [noise(32, 48, 1), noise(48, 32, 2), blank(40, 40)]
    segmenter = build()
    together = segmenter(images)
    backwards = segmenter(images[::-1])[::-1]
    for image, one, other in zip(images, together, backwards, strict=True):
        [alone] = segmenter([image])
        for result in (other, alone):
            assert torch.equal(result.label_map, one.label_map)
            assert torch.equal(result.detections.boxes, one.detections.boxes)
    assert segmenter([]) == []


def test_segment_takes_one_or_many(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (48, 32)).save(path)
    segmenter = build(batch_size=2)
    one = segmenter.segment(path)
    assert isinstance(one, Segmentation)
    assert one.name == str(path)
    many = segmenter.segment([str(path), Image.new("L", (20, 30)), np.zeros((9, 10, 3), np.uint8)])
    assert [result.name for result in many] == [str(path), "1", "2"]
    assert [tuple(result.label_map.shape) for result in many] == [(32, 48), (30, 20), (9, 10)]
    assert segmenter.segment([]) == []
    with pytest.raises(ImageError, match="no file"):
        segmenter.segment([path, tmp_path / "gone.png"])


def test_stream_keeps_order_and_a_failing_image_fails_alone(tmp_path: Path) -> None:
    sources: list[Any] = [blank(32, 48), tmp_path / "gone.png", blank(32, 99), blank(32, 50)]
    segmenter = build(tagger=BreaksOn(99, RuntimeError("too wide")), batch_size=3)
    results = list(segmenter.stream(iter(sources)))
    assert [type(result) for result in results] == [Segmentation, Failure, Failure, Segmentation]
    assert [result.name for result in results] == ["0", str(tmp_path / "gone.png"), "2", "3"]
    missing, broken = results[1], results[2]
    assert isinstance(missing, Failure)
    assert missing.stage == "reading"
    assert isinstance(broken, Failure)
    assert (broken.stage, broken.message) == ("tags", "RuntimeError: too wide")


def test_a_list_says_which_picture_cannot_be_read(tmp_path: Path) -> None:
    segmenter = build(batch_size=2)
    with pytest.raises(ImageError, match=r"^picture 3 of the list \(counted from 0\): the Non"):
        segmenter.segment([blank(), blank(), blank(), None])  # type: ignore[list-item]
    with pytest.raises(ImageError, match=r"^the file '.*gone.png' cannot"):
        segmenter.segment(tmp_path / "gone.png")
    file = io.BytesIO()
    Image.new("RGB", (20, 30)).save(file, "PNG")
    results = segmenter.segment([file, file.getvalue(), bytearray(file.getvalue())])
    assert [(r.name, tuple(r.label_map.shape)) for r in results] == [
        (str(position), (30, 20)) for position in range(3)
    ]


class Nowhere(os.PathLike[str]):
    def __fspath__(self) -> str:
        raise RuntimeError("no place")


def test_a_path_that_cannot_say_which_it_is_fails_alone() -> None:
    well, bad = build().stream([blank(), Nowhere()])
    assert isinstance(well, Segmentation)
    assert isinstance(bad, Failure) and "no place" in bad.message


@pytest.mark.parametrize("sources", ["folder", b"bytes", Path("folder"), None, 3])
def test_what_is_no_list_is_not_streamed(sources: Any) -> None:
    with pytest.raises(ZerosegError, match=r"is no list of pictures: give \[picture\]"):
        list(build().stream(sources))


def test_stream_takes_what_its_owner_changes_before_the_next() -> None:
    def frames() -> Iterator[Any]:
        with Image.open(CASES / "three_frames.gif") as moving:
            yield from ImageSequence.Iterator(moving)
        buffer = np.zeros((40, 60, 3), np.uint8)
        for value in (10, 20):
            buffer[:] = value
            yield buffer
        with open(CASES / "picture.jfif", "rb") as file:
            yield file
        yield None

    *results, last = build(batch_size=4).stream(frames())
    assert isinstance(last, Failure) and last.name == "6"
    shown = [int(result.image.float().mean()) for result in results]  # type: ignore[union-attr]
    assert len(set(shown[:3])) == 3
    assert shown[3:5] == [10, 20]


def test_stream_reads_few_batches_ahead_at_most() -> None:
    taken = []

    def endless() -> Any:
        while True:
            taken.append(len(taken))
            yield blank()

    stream = build(batch_size=4).stream(endless())
    assert next(stream).name == "0"
    assert len(taken) == 8  # in use, being read


def test_an_unreachable_language_model_stops_the_stream_after_what_is_done() -> None:
    segmenter = build(tagger=BreaksOn(99, ChatError("gone")), batch_size=2)
    stream = segmenter.stream([blank(), blank(), blank(32, 99), blank()])
    done = [next(stream).name, next(stream).name]
    assert done == ["0", "1"]
    with pytest.raises(ChatError, match="gone"):
        next(stream)


def trainer() -> Trainer:
    return Trainer(
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def slow_scores(pairs: list[tuple[np.ndarray, np.ndarray]], classes: int) -> tuple[float, float]:
    """MIoU over all pixels of all images as sets, and pixel accuracy."""
    true = np.concatenate([target.ravel() for _, target in pairs])
    predicted = np.concatenate([prediction.ravel() for prediction, _ in pairs])
    true, predicted = true[true != 255], predicted[true != 255]
    ious = []
    for index in range(classes):
        union = np.sum((true == index) | (predicted == index))
        if union:
            ious.append(np.sum((true == index) & (predicted == index)) / union)
    return float(np.mean(ious)), float(np.mean(true == predicted))


def test_trainer_test_equals_a_hand_computation() -> None:
    data = DrawnScenes(CLASSES, count=5, size=(48, 64), seed=3, batch_size=2)
    segmenter = build()
    [logged] = trainer().test(segmenter, data, verbose=False)
    pairs = []
    for sample in data.dataset:
        prediction = segmenter.segment(sample.image).label_map.numpy()
        assert sample.target is not None
        pairs.append((prediction, sample.target.numpy()))
    miou, accuracy = slow_scores(pairs, len(CLASSES))
    assert 0 < miou < 1
    assert logged["miou"] == pytest.approx(miou, abs=1e-6)
    assert logged["pixel_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert segmenter.scores.compute()["miou"] == pytest.approx(miou, abs=1e-9)
    assert logged["failures"] == 0
    [again] = trainer().test(segmenter, data, verbose=False)
    assert again == logged  # nothing is left over from the first run


def test_a_failed_image_counts_as_background() -> None:
    data = DrawnScenes(CLASSES, count=2, size=(48, 64), seed=3, batch_size=2)
    segmenter = build(tagger=BreaksOn(64, RuntimeError("no")))
    [logged] = trainer().test(segmenter, data, verbose=False)
    assert logged["failures"] == 2
    assert [failure.name for failure in segmenter.failures] == ["drawn-3-00000", "drawn-3-00001"]
    pairs = [
        (np.zeros((48, 64), int), sample.target.numpy())
        for sample in data.dataset
        if sample.target is not None
    ]
    assert logged["miou"] == pytest.approx(slow_scores(pairs, 4)[0], abs=1e-6)


def test_a_data_set_of_other_classes_is_refused() -> None:
    data = DrawnScenes(["background", "dog", "cat"], count=1, size=(32, 32))
    with pytest.raises(ZerosegError, match="same vocabulary"):
        trainer().test(build(), data, verbose=False)


def test_a_sample_without_annotation_cannot_be_tested() -> None:
    with pytest.raises(ZerosegError, match="'x' has no annotation"):
        build().test_step([Sample(blank(), None, "x")], 0)


def test_predict_gives_named_results_and_failures() -> None:
    data = DrawnScenes(CLASSES, count=3, size=(32, 40), seed=3, batch_size=2)
    batches = trainer().predict(build(), data)
    assert batches is not None
    results = [result for batch in batches for result in batch]
    assert [result.name for result in results] == [f"drawn-3-0000{i}" for i in range(3)]
    assert all(isinstance(result, Segmentation) for result in results)
    broken = trainer().predict(build(tagger=BreaksOn(40, RuntimeError("no"))), data)
    assert broken is not None
    assert all(isinstance(result, Failure) for batch in broken for result in batch)


def test_a_captioner_gets_the_images_as_they_are() -> None:
    class Sees(Captioner):
        def forward(self, images: Sequence[Tensor]) -> list[str]:
            return [f"{tuple(image.shape)} {image.dtype}" for image in images]

    result = build(captioner=Sees()).segment(Image.new("RGBA", (21, 17)))
    assert result.description.caption == "(3, 17, 21) torch.uint8"


def test_batch_size_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="batch_size"):
        build(batch_size=0)


def test_a_component_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(TypeError, match="Detector is expected where BoxMasks was given"):
        ZeroShotSegmenter(["dog"], LexicalPreRefiner(), BoxMasks(), BoxMasks())  # type: ignore[arg-type]

"""A program as a user writes it: `test_typing.py` has it type-checked strictly, and runs it.

    python user_program.py FOLDER

`assert_type` fails where a type checker knows less, or something else; a "type: ignore" fails where
it sees nothing wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from typing_extensions import assert_type

import zeroseg
from zeroseg import (
    BaseSegmenter,
    ChatModel,
    Description,
    Detections,
    Detector,
    Failure,
    ImageError,
    Masks,
    Segmentation,
    Selection,
    Tag,
    TransformersChat,
    Vocabulary,
    ZerosegError,
    ZeroShotSegmenter,
)
from zeroseg.chat import Conversation, Message, Reply
from zeroseg.data import DrawnScenes, SampleData, Voc2012, open_data
from zeroseg.evaluation import Comparison, ImageRecord, Run
from zeroseg.values import Resolution


class Everywhere(Detector):
    """Finds all that is asked for in the whole picture."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        return [self._all(image, s) for image, s in zip(images, selections, strict=True)]

    def _all(self, image: Tensor, selection: Selection) -> Detections:
        height, width = image.shape[1:]
        count = len(selection.prompts)
        boxes = torch.tensor([[0.0, 0.0, width, height]]).repeat(count, 1)
        labels = torch.tensor(selection.labels).long()
        order = torch.arange(count)
        return Detections(boxes, torch.ones(count), labels, tuple(selection.prompts), order)


def pictures(folder: Path) -> list[Path]:
    data = DrawnScenes(count=2, size=(64, 64))
    assert_type(data.vocabulary, Vocabulary)
    files = []
    for sample in (data.dataset[position] for position in range(2)):
        assert_type(sample.image, Tensor)
        assert_type(sample.target, Tensor | None)
        files.append(folder / f"{sample.name}.png")
        Image.fromarray(sample.image.permute(1, 2, 0).numpy()).save(files[-1])
    return files


def in_and_out(segmenter: ZeroShotSegmenter, files: list[Path]) -> None:
    """Every kind of picture goes in, one or several."""
    image = Image.open(files[0])
    assert_type(segmenter.segment(files[0]), Segmentation)
    assert_type(segmenter.segment(str(files[0])), Segmentation)
    assert_type(segmenter.segment(image), Segmentation)
    assert_type(segmenter.segment(torch.zeros(3, 64, 64, dtype=torch.uint8)), Segmentation)
    assert_type(segmenter.segment(files), list[Segmentation])
    assert_type(segmenter.segment(tuple(files)), list[Segmentation])
    assert_type(segmenter.segment([str(file) for file in files]), list[Segmentation])
    assert_type(segmenter.segment([files[0], str(files[1]), image]), list[Segmentation])
    assert_type(segmenter([zeroseg.read_image(files[0])]), list[Segmentation])
    assert_type(segmenter.stream(files), Iterator[Segmentation | Failure])
    try:
        segmenter.segment(3)  # type: ignore[call-overload]
    except ImageError as error:
        print("refused:", error)


def a_result(result: Segmentation, folder: Path) -> None:
    assert_type(result.label_map, Tensor)
    assert_type(result.areas, dict[str, float])
    assert_type(result.plot(), Image.Image)
    assert_type(result.save(folder / "result"), dict[str, Path])
    assert_type(result.vocabulary.names, tuple[str, ...])
    assert_type(result.detections, Detections)
    assert_type(result.description.tags, tuple[Tag, ...])
    assert_type(result.description.caption, str | None)


def part_by_part(segmenter: ZeroShotSegmenter, image: Tensor) -> None:
    """Components are called as they are: what they return has a type."""
    assert segmenter.tagger is not None
    tags = segmenter.tagger([image])
    assert_type(tags, list[tuple[Tag, ...]])
    selections = segmenter.pre_refiner([Description(tags[0])], segmenter.vocabulary)
    assert_type(selections, list[Selection])
    found = segmenter.detector([image], selections)
    assert_type(found, list[Detections])
    assert_type(segmenter.post_refiner(found[0].phrases, segmenter.vocabulary), Resolution)
    assert_type(segmenter.mask_predictor([image], found), list[Masks])


def a_score(segmenter: ZeroShotSegmenter, folder: Path) -> None:
    """Systems are scored, runs compared."""
    data = DrawnScenes(segmenter.vocabulary, count=2, size=(64, 64))
    runs = zeroseg.evaluate({"tiny": segmenter}, data, {"tiny": folder / "a"})
    assert_type(runs, dict[str, Run])
    assert_type(runs["tiny"].records, list[ImageRecord])
    zeroseg.evaluate({"tiny": segmenter}, data, {"tiny": folder / "b"})
    comparison = zeroseg.compare(folder / "a", folder / "b")
    assert_type(comparison, Comparison)
    assert_type(comparison.names, tuple[str, ...])


def published_data(root: Path) -> SampleData:
    """Data sets are opened by class or by name; one that is not there says how to get it."""
    try:
        return Voc2012(root)
    except ImageError as error:
        print("refused:", error)
    return open_data("voc2012", root)


def asking(chat: ChatModel, question: str) -> str:
    """A language model is asked in conversations, and answers in replies."""
    replies = chat([Conversation((Message("user", question),))])
    assert_type(replies, list[Reply])
    assert_type(replies[0].text, str)
    return replies[0].text


def main(folder: Path) -> None:
    files = pictures(folder)
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "boat", "person"])
    assert_type(segmenter, ZeroShotSegmenter)
    assert_type(BaseSegmenter.from_preset("tiny"), BaseSegmenter)
    in_and_out(segmenter, files)
    a_result(segmenter.segment(files[0]), folder)
    part_by_part(segmenter, zeroseg.read_image(files[0]))
    own = ZeroShotSegmenter.from_preset("tiny", detector=Everywhere())
    for outcome in own.stream(files):
        if isinstance(outcome, Failure):
            assert_type(outcome.message, str)
        else:
            print(outcome.name, outcome.areas)
    a_score(segmenter, folder)
    try:
        published_data(folder)
    except ZerosegError as error:
        print("refused:", error)
    print(asking(TransformersChat.from_pretrained("tiny:chat"), "Which?"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

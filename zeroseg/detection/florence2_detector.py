"""Boxes by Florence-2 (Xiao et al., 2024), which writes them and scores none."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor
from transformers import Florence2ForConditionalGeneration, Florence2Processor
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.detection.candidates import clipped
from zeroseg.detection.detector import Detector, side_of
from zeroseg.recognition.florence2_answers import AskedFlorence2, answer, look
from zeroseg.values import UNRESOLVED, Detections, Selection, check_images

Task = Literal[
    "<OPEN_VOCABULARY_DETECTION>", "<CAPTION_TO_PHRASE_GROUNDING>", "<OD>", "<DENSE_REGION_CAPTION>"
]
OWN_PHRASES = ("<OD>", "<DENSE_REGION_CAPTION>")
"""Tasks that name regions in words of the network's own."""

Region = tuple[int, str, tuple[float, ...]]
"""Position of the prompt asked with, phrase, and box in pixels."""


class DetectorOptions(TypedDict, total=False):
    """What `Florence2Detector` takes beside its network; see there."""

    task: Task
    max_new_tokens: int
    num_beams: int
    batch_size: int


class Florence2Detector(AskedFlorence2, Detector):
    """Detection by Florence-2 from transformers, without scores: every detection has score 1.

    By the tasks "<OPEN_VOCABULARY_DETECTION>" and "<CAPTION_TO_PHRASE_GROUNDING>" it is asked for
    each prompt by itself, and tends to find one where there is none: it is for pictures whose
    content is known, as after pre-refinement. The picture is looked at once, but each prompt is an
    answer to write. By "<OD>" and "<DENSE_REGION_CAPTION>" it names what it sees in its own words,
    whatever the prompts; phrases that are none are left to post-refinement.

    Boxes come in thousandths of the picture. Where an outline is written, its box is taken.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        task: What it is asked, see above.
        max_new_tokens: Longest answer in tokens; a box has four.
        num_beams: Answers that are followed at a time; three in its authors' examples.
        batch_size: Images, and then questions, to a forward pass of the network.

    Raises:
        ValueError: The task is unknown, or a number is less than 1.
    """

    def __init__(
        self,
        model: Florence2ForConditionalGeneration,
        processor: Florence2Processor,
        *,
        task: Task = "<OPEN_VOCABULARY_DETECTION>",
        max_new_tokens: int = 256,
        num_beams: int = 3,
        batch_size: int = 8,
    ) -> None:
        tasks = get_args(Task)
        super().__init__(model, processor, task, tasks, max_new_tokens, num_beams, batch_size)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "florence-community/Florence-2-base",
        **options: Unpack[DetectorOptions],
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder.
            options: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        return cls(*cls._read_from(checkpoint), **options)

    @property
    def side(self) -> int:
        """See `Detector.side`."""
        return side_of(self.processor)

    def with_own_phrases(self) -> Self | None:
        """See `Detector.with_own_phrases`; the task is then "<OD>"."""
        if self.task in OWN_PHRASES:
            return None
        other = copy.copy(self)
        other.task = "<OD>"
        return other

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate every prompt of each image; see `Detector.forward`.

        Raises:
            ValueError: An image is not (3, H, W) uint8, or the numbers of images and selections
                differ.
        """
        check_images(images)
        if len(images) != len(selections):
            raise ValueError(f"{len(images)} images but {len(selections)} selections")
        found = [Detections.empty() for _ in images]
        asked = [i for i, selection in enumerate(selections) if selection.prompts]
        for start in range(0, len(asked), self.batch_size):
            part = asked[start : start + self.batch_size]
            seen = look(self.model, self.processor, [images[i] for i in part])
            questions = [
                (row, prompt, words)
                for row, i in enumerate(part)
                for prompt, words in self._questions(selections[i])
            ]
            texts = self._answers(seen, questions)
            for row, i in enumerate(part):
                size = (images[i].shape[1], images[i].shape[2])
                own = [
                    (prompt, text)
                    for (at, prompt, _), text in zip(questions, texts, strict=True)
                    if at == row
                ]
                found[i] = self._detect(size, selections[i], own)
        return found

    def _questions(self, selection: Selection) -> Iterator[tuple[int, str]]:
        """What is asked of an image, each with the prompt that it is asked for."""
        if self.task in OWN_PHRASES:
            yield UNRESOLVED, self.processor.task_prompts_without_inputs[self.task]
            return
        words = self.processor.task_prompts_with_input[self.task]
        for i, prompt in enumerate(selection.prompts):
            yield i, words.format(input=prompt)

    def _answers(self, seen: Tensor, questions: Sequence[tuple[int, int, str]]) -> list[str]:
        texts: list[str] = []
        for start in range(0, len(questions), self.batch_size):
            part = questions[start : start + self.batch_size]
            tokens = answer(
                self.model,
                self.processor,
                seen[[row for row, _, _ in part]],
                [words for _, _, words in part],
                self.max_new_tokens,
                self.num_beams,
            )
            texts += self.processor.batch_decode(tokens, skip_special_tokens=False)
        return texts

    def _detect(
        self, size: tuple[int, int], selection: Selection, answers: Sequence[tuple[int, str]]
    ) -> Detections:
        """Regions of one image, each once, in the order in which they were written."""
        known = {_plain(prompt): i for i, prompt in enumerate(selection.prompts)}
        regions: list[Region] = []
        for prompt, text in answers:
            for phrase, box in self._written(text, size):
                own = prompt if prompt != UNRESOLVED else known.get(_plain(phrase), UNRESOLVED)
                named = phrase if own == UNRESOLVED else selection.prompts[own]
                regions.append((own, named, box))
        regions = list(dict.fromkeys(regions))
        boxes = torch.tensor([box for _, _, box in regions], dtype=torch.float32).view(-1, 4)
        boxes, seen = clipped(boxes, size)
        kept = [region for region, there in zip(regions, seen.tolist(), strict=True) if there]
        labels = [UNRESOLVED if i == UNRESOLVED else selection.labels[i] for i, _, _ in kept]
        return Detections(
            boxes=boxes[seen],
            scores=torch.ones(len(kept)),
            labels=torch.tensor(labels, dtype=torch.int64),
            phrases=tuple(phrase for _, phrase, _ in kept),
            prompt_index=torch.tensor([i for i, _, _ in kept], dtype=torch.int64),
        )

    def _written(self, text: str, size: tuple[int, int]) -> Iterator[tuple[str, tuple[float, ...]]]:
        """Phrases and boxes that an answer holds."""
        height, width = size
        told = self.processor.post_process_generation(
            text, task=self.task, image_size=(width, height)
        )[self.task]
        phrases = told.get("labels", told.get("bboxes_labels", []))
        for phrase, box in zip(phrases, told["bboxes"], strict=True):
            yield phrase, tuple(box)
        outlines = zip(told.get("polygons_labels", []), told.get("polygons", []), strict=True)
        for phrase, outline in outlines:
            x, y = [v for ring in outline for v in ring[::2]], [v for r in outline for v in r[1::2]]
            yield phrase, (min(x), min(y), max(x), max(y))


def _plain(phrase: str) -> str:
    """A phrase as it comes out of an answer: transformers leaves out what is not ASCII."""
    return phrase.encode("ascii", "ignore").decode("ascii").strip().lower()

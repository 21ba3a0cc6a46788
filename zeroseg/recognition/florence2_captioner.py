"""Captions by Florence-2 (Xiao et al., 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor
from transformers import Florence2ForConditionalGeneration, Florence2Processor
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.florence2_answers import AskedFlorence2, answer, look
from zeroseg.values import check_images

Task = Literal["<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"]


class CaptionerOptions(TypedDict, total=False):
    """What `Florence2Captioner` takes beside its network; see there."""

    task: Task
    max_new_tokens: int
    num_beams: int
    batch_size: int


class Florence2Captioner(AskedFlorence2, Captioner):
    """Captions by Florence-2 from transformers, in three lengths.

    The network also finds prompts, see `zeroseg.detection.Florence2Detector`.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        task: How much is said of a picture: a sentence, some, or a paragraph.
        max_new_tokens: Longest caption in tokens.
        num_beams: Captions that are followed at a time; three in its authors' examples.
        batch_size: Images to a forward pass of the network.

    Raises:
        ValueError: The task is unknown, or a number is less than 1.
    """

    def __init__(
        self,
        model: Florence2ForConditionalGeneration,
        processor: Florence2Processor,
        *,
        task: Task = "<DETAILED_CAPTION>",
        max_new_tokens: int = 128,
        num_beams: int = 3,
        batch_size: int = 8,
    ) -> None:
        tasks = get_args(Task)
        super().__init__(model, processor, task, tasks, max_new_tokens, num_beams, batch_size)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "florence-community/Florence-2-base",
        **options: Unpack[CaptionerOptions],
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

    @torch.no_grad()
    def forward(self, images: Sequence[Tensor]) -> list[str]:
        """Caption every image; see `Captioner.forward`."""
        check_images(images)
        question = self.processor.task_prompts_without_inputs[self.task]
        captions: list[str] = []
        for start in range(0, len(images), self.batch_size):
            seen = look(self.model, self.processor, images[start : start + self.batch_size])
            tokens = answer(
                self.model,
                self.processor,
                seen,
                [question] * len(seen),
                self.max_new_tokens,
                self.num_beams,
            )
            said = self.processor.batch_decode(tokens, skip_special_tokens=True)
            captions += [caption.strip() for caption in said]
        return captions

"""Captions by Florence-2 (Xiao et al., 2024)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import Florence2ForConditionalGeneration, Florence2Processor
from typing_extensions import Self

from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.florence2_answers import answer, load_florence2, look
from zeroseg.values import check_images
from zeroseg.weights.needs import Checkpoint, Need

Task = Literal["<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"]


class Florence2Captioner(Captioner):
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
        super().__init__()
        known = Task.__args__  # type: ignore[attr-defined]
        if task not in known:
            raise ValueError(f"task is {task!r}, expected one of {', '.join(known)}")
        numbers = {"max_new_tokens": max_new_tokens, "num_beams": num_beams}
        for name, value in {**numbers, "batch_size": batch_size}.items():
            if value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.task = task
        self.max_new_tokens = max_new_tokens
        self.num_beams = num_beams
        self.batch_size = batch_size

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "florence-community/Florence-2-base",
        *,
        task: Task = "<DETAILED_CAPTION>",
        max_new_tokens: int = 128,
        num_beams: int = 3,
        batch_size: int = 8,
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder.
            task: See the class.
            max_new_tokens: See the class.
            num_beams: See the class.
            batch_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        return cls(
            *load_florence2(checkpoint, cls.__name__),
            task=task,
            max_new_tokens=max_new_tokens,
            num_beams=num_beams,
            batch_size=batch_size,
        )

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))

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

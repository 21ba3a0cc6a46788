"""BLIP-2 (Li et al., 2023) through transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import Blip2ForConditionalGeneration, Blip2Processor
from typing_extensions import Self

from zeroseg.recognition.captioner import Captioner
from zeroseg.running.transfer import upload
from zeroseg.values import check_images
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.eight_bit import PACKAGES, eight_bit
from zeroseg.weights.needs import Checkpoint, Need, Package

Precision = Literal["auto", "float32", "float16", "bfloat16", "int8"]

KEPT = ("lm_head", "vision_model", "qformer", "language_projection")
"""What stays as precise as "auto" is when the language model is loaded in 8 bits."""


class Blip2(Captioner):
    """Captions by BLIP-2, greedy, any size that transformers has (paper, section 3.2).

    Every picture is resized to the square that the network was trained on, so images of all sizes
    share a batch and company changes nothing. Unlike the reference, which hands the newline at the
    end of a caption on to the language model, captions are stripped.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        max_new_tokens: Longest caption in tokens. The reference takes the library's default of 20.
        prompt: What the model is made to go on from, e.g. "Question: what is this? Answer:". The
            caption is what it adds. None, as in the reference, lets it start by itself.
        batch_size: Images to a forward pass of the network.

    Raises:
        ValueError: A number is less than 1.
    """

    def __init__(
        self,
        model: Blip2ForConditionalGeneration,
        processor: Blip2Processor,
        *,
        max_new_tokens: int = 20,
        prompt: str | None = None,
        batch_size: int = 16,
    ) -> None:
        super().__init__()
        for name, value in (("max_new_tokens", max_new_tokens), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.max_new_tokens = max_new_tokens
        self.prompt = prompt
        self.batch_size = batch_size

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "Salesforce/blip2-opt-2.7b",
        *,
        dtype: Precision = "auto",
        max_new_tokens: int = 20,
        prompt: str | None = None,
        batch_size: int = 16,
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder; "tiny:blip2" is part of the package.
            dtype: What the weights are loaded as. "auto" is float16 on a machine with an
                accelerator (the reference always takes float16), else float32; `.half()` and
                the like change it later, as any module's. "int8" keeps the layers of the language
                model in 8 bits and the rest as "auto" does; it needs bitsandbytes and accelerate,
                and the network stays on the device that it is loaded on: the accelerator, if there
                is one.
            max_new_tokens: See the class.
            prompt: See the class.
            batch_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
            ValueError: `dtype` is unknown.
            ZerosegError: 8 bits are asked for, and a package that they take is not installed.
        """
        name = cls.__name__
        options: dict[str, Any] = {"dtype": _torch_dtype(dtype)}
        if dtype == "int8":
            options["quantization_config"] = eight_bit(name, KEPT)
        model = load_pretrained(Blip2ForConditionalGeneration, checkpoint, name, **options)
        processor = load_pretrained(Blip2Processor, checkpoint, name)
        return cls(
            model,
            processor,
            max_new_tokens=max_new_tokens,
            prompt=prompt,
            batch_size=batch_size,
        )

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]), dtype=str(arguments["dtype"]))
        if arguments["dtype"] == "int8":
            yield from (Package(name, "zeroseg[int8]") for name in PACKAGES)

    def forward(self, images: Sequence[Tensor]) -> list[str]:
        """Caption every image; see `Captioner.forward`."""
        check_images(images)
        captions: list[str] = []
        for start in range(0, len(images), self.batch_size):
            captions += self._caption(list(images[start : start + self.batch_size]))
        return captions

    @torch.no_grad()
    def _caption(self, images: list[Tensor]) -> list[str]:
        device = self.model.device
        text = [self.prompt] * len(images) if self.prompt is not None else None
        inputs = self.processor(
            images=upload(images, device),
            text=text,
            input_data_format="channels_first",
            return_tensors="pt",
        ).to(device)
        tokens = self.model.generate(
            **inputs, max_new_tokens=self.max_new_tokens, do_sample=False, num_beams=1
        )
        if text is not None and self.model.config.use_decoder_only_language_model:
            tokens = tokens[:, inputs["input_ids"].shape[1] :]
        captions = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [caption.strip() for caption in captions]


def _torch_dtype(dtype: Precision) -> torch.dtype:
    known = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    known["auto"] = torch.float16 if torch.accelerator.is_available() else torch.float32
    known["int8"] = known["auto"]
    if dtype not in known:
        raise ValueError(f"dtype is {dtype!r}, expected one of {', '.join(known)}")
    return known[dtype]

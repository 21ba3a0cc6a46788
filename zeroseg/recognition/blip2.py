"""BLIP-2 (Li et al., 2023) through transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import Blip2ForConditionalGeneration, Blip2Processor

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
        checkpoint: Hub name or folder; "tiny:blip2" is part of the package.
        max_new_tokens: Longest caption in tokens. The reference takes the library's default of 20.
        prompt: What the model is made to go on from, e.g. "Question: what is this? Answer:". The
            caption is what it adds. None, as in the reference, lets it start by itself.
        dtype: What the weights are loaded as. "auto" is float16 on a machine with an accelerator
            (the reference always takes float16), else float32; `.to()` and `.half()` change it
            later like any module's. "int8" keeps the layers of the language model in 8 bits and the
            rest as "auto" does; it needs bitsandbytes and accelerate, and the network stays on the
            device that it is loaded on: the accelerator, if there is one.
        batch_size: Images to a forward pass of the network.
        model: A network already in hand; together with `processor` in place of `checkpoint`.
        processor: What prepares images and text for `model`.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: It is damaged, incomplete, or of another network.
        ValueError: A number is less than 1, `dtype` is unknown, or only one of `model` and
            `processor` is given.
        ZerosegError: 8 bits are asked for, and a package that they take is not installed.
    """

    def __init__(
        self,
        checkpoint: str | Path = "Salesforce/blip2-opt-2.7b",
        *,
        max_new_tokens: int = 20,
        prompt: str | None = None,
        dtype: Precision = "auto",
        batch_size: int = 16,
        model: Blip2ForConditionalGeneration | None = None,
        processor: Blip2Processor | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("max_new_tokens", max_new_tokens), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1")
        if (model is None) != (processor is None):
            raise ValueError("give both `model` and `processor`, or neither")
        options: dict[str, Any] = {"dtype": _torch_dtype(dtype)}
        if dtype == "int8":
            options["quantization_config"] = eight_bit(type(self).__name__, KEPT)
        loaded: tuple[Any, Any] = (model, processor) if model else self._load(checkpoint, options)
        self.model, self.processor = loaded[0].eval(), loaded[1]
        self.max_new_tokens = max_new_tokens
        self.prompt = prompt
        self.batch_size = batch_size

    def _load(self, checkpoint: str | Path, options: dict[str, Any]) -> tuple[Any, Any]:
        name = type(self).__name__
        model = load_pretrained(Blip2ForConditionalGeneration, checkpoint, name, **options)
        return model, load_pretrained(Blip2Processor, checkpoint, name)

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

"""How Florence-2 (Xiao et al., 2024) is asked: a picture is looked at once, whatever is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Florence2ForConditionalGeneration, Florence2Processor

from zeroseg.running.transfer import sent, upload
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need


class AskedFlorence2(nn.Module):
    """The network and how it is asked, which captioner and detector have in common.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        task: What it is asked.
        tasks: What it may be asked.
        max_new_tokens: Longest answer in tokens.
        num_beams: Answers that are followed at a time.
        batch_size: Images, or questions, to a forward pass of the network.

    Raises:
        ValueError: The task is none of those, or a number is less than 1.
    """

    def __init__(
        self,
        model: Florence2ForConditionalGeneration,
        processor: Florence2Processor,
        task: str,
        tasks: Sequence[str],
        max_new_tokens: int,
        num_beams: int,
        batch_size: int,
    ) -> None:
        super().__init__()
        if task not in tasks:
            raise ValueError(f"task is {task!r}, expected one of {', '.join(tasks)}")
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
    def _read_from(cls, checkpoint: str | Path) -> tuple[Any, Any]:
        """The network, in float32, and its processor, of a hub name or a folder."""
        kind, name = Florence2ForConditionalGeneration, cls.__name__
        model = load_pretrained(kind, checkpoint, name, dtype=torch.float32)
        return model, load_pretrained(Florence2Processor, checkpoint, name)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))


def look(model: Any, processor: Any, images: Sequence[Tensor]) -> Tensor:
    """What the network sees in images, (B, N, C): N tokens each, in its precision."""
    weight = next(model.parameters())
    pixels = processor.image_processor(
        upload(images, weight.device), input_data_format="channels_first", return_tensors="pt"
    )["pixel_values"]
    seen: Tensor = model.get_image_features(pixels.to(weight)).pooler_output
    return seen


def answer(
    model: Any,
    processor: Any,
    seen: Tensor,
    questions: Sequence[str],
    max_new_tokens: int,
    num_beams: int,
) -> list[Tensor]:
    """Let the network answer questions, each about a picture of its own.

    Args:
        model: The network.
        processor: Its processor.
        seen: What it sees in the pictures, (B, N, C).
        questions: B of them, in the words it was trained with.
        max_new_tokens: Longest answer in tokens.
        num_beams: Answers that are followed at a time; the likeliest is given.

    Returns:
        B answers, token ids of one length, with what ends and fills them up.
    """
    picture = processor.image_token * seen.shape[1]
    start, end = processor.tokenizer.bos_token, processor.tokenizer.eos_token
    tokens = processor.tokenizer(
        [f"{picture}{start}{question}{end}" for question in questions],
        add_special_tokens=False,
        padding=True,
        return_tensors="pt",
    )
    ids, real = sent(tokens["input_ids"], seen.device), sent(tokens["attention_mask"], seen.device)
    words = model.get_input_embeddings()(ids)
    places = (ids == model.config.image_token_id)[..., None]
    read = model.model.language_model.encoder(
        inputs_embeds=words.masked_scatter(places, seen), attention_mask=real
    )
    return list(
        model.generate(
            encoder_outputs=read,
            attention_mask=real,
            max_new_tokens=max_new_tokens,
            num_beams=num_beams,
            do_sample=False,
        )
    )

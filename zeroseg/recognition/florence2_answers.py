"""How Florence-2 (Xiao et al., 2024) is asked: a picture is looked at once, whatever is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Florence2ForConditionalGeneration, Florence2Processor

from zeroseg.running.transfer import sent, upload
from zeroseg.weights.checkpoints import load_pretrained


def load_florence2(checkpoint: str | Path, component: str) -> tuple[Any, Any]:
    """The network, in float32, and its processor.

    Args:
        checkpoint: Hub name or folder.
        component: Name of the class that asks, for the message.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: It is damaged, incomplete, or of another network.
    """
    kind = Florence2ForConditionalGeneration
    model = load_pretrained(kind, checkpoint, component, dtype=torch.float32)
    return model, load_pretrained(Florence2Processor, checkpoint, component)


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

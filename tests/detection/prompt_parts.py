"""Small seeded networks that score every candidate for every prompt, and their processors."""

from __future__ import annotations

import string
from typing import Any

import torch
from transformers import (
    CLIPTokenizer,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
)

from tests.detection.test_grounding_dino import draw_weights

NARROW = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
SIDE = 64


def clip_words(length: int) -> CLIPTokenizer:
    """CLIP's tokens for letters; what pads is token 0, as OWLv2 has it."""
    letters = [*string.ascii_lowercase, *(f"{c}</w>" for c in string.ascii_lowercase), ",</w>"]
    words = ["!", *letters, ".</w>", "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: i for i, word in enumerate(words)},
        merges=[],
        pad_token="!",
        model_max_length=length,
    )


@torch.no_grad()
def owlv2() -> tuple[Owlv2ForObjectDetection, Owlv2Processor]:
    tokenizer = clip_words(40)
    text = {**NARROW, "vocab_size": len(tokenizer), "max_position_embeddings": 40}
    ends = {"bos_token_id": len(tokenizer) - 2, "eos_token_id": len(tokenizer) - 1}
    config = Owlv2Config(
        text_config={**text, **ends},
        vision_config={**NARROW, "image_size": SIDE, "patch_size": 16},
        projection_dim=16,
    )
    model = Owlv2ForObjectDetection(config)
    draw_weights(model)
    images = Owlv2ImageProcessor(size={"height": SIDE, "width": SIDE})
    return model.eval(), Owlv2Processor(images, tokenizer)


PARTS: dict[str, Any] = {"owlv2": owlv2}

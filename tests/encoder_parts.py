"""Small image-text encoders with random weights, and thresholds for them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
)

from zeroseg.refinement.presence_thresholds import (
    Basis,
    ClassThreshold,
    PresenceThresholds,
    words_of,
)
from zeroseg.vocabulary import Vocabulary

SIDE = 32
_TEXT = {
    "vocab_size": 58,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}
_VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": 8,
}


def tokenizer() -> CLIPTokenizer:
    """Letters; every word is spelled."""
    letters = [*string.ascii_lowercase, ".", "-"]
    rows = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{own}</w>" for own in letters)]
    return CLIPTokenizer(vocab={token: row for row, token in enumerate(rows)}, merges=[])


def clip() -> tuple[CLIPModel, CLIPProcessor]:
    """A CLIP; its processor would cut a picture's edges off, as the published one does."""
    torch.manual_seed(0)
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = CLIPConfig(text_config={**_TEXT, **ends}, vision_config=_VISION, projection_dim=12)
    images = CLIPImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    return _scattered(CLIPModel(config)), CLIPProcessor(images, tokenizer())


def siglip2() -> tuple[SiglipModel, SiglipProcessor]:
    """A SigLIP 2 of a fixed resolution, which is a SigLIP to transformers."""
    torch.manual_seed(0)
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = SiglipConfig(text_config={**_TEXT, **ends}, vision_config=_VISION)
    images = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    return _scattered(SiglipModel(config)), SiglipProcessor(images, tokenizer())


def _scattered(model: Any) -> Any:
    """With weights so large that pictures differ, and words do."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return model.eval()


def thresholds(
    vocabulary: Vocabulary,
    threshold: float = 0.0,
    width: float = 0.1,
    checkpoint: str = "",
    templates: Sequence[str] = ("a photo of a {}.",),
    basis: Basis = "two groups",
) -> PresenceThresholds:
    """The same threshold for every class."""
    classes = {
        vocabulary.names[i]: ClassThreshold(words_of(vocabulary, i), threshold, width, 7, basis)
        for i in vocabulary.classes
    }
    return PresenceThresholds(checkpoint, tuple(templates), 40, classes)

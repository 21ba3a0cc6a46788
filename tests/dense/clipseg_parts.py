"""CLIPSeg of a few numbers, with weights that depend on nothing but their names."""

from __future__ import annotations

from typing import Any

from transformers import (
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    CLIPSegProcessor,
    ViTImageProcessor,
)

from tests.detection.prompt_parts import clip_words
from tests.encoders.encoder_parts import LENGTH, PATCH, SIZE, VISION, seeded, text


def clipseg(condition: int = 0, fine: bool = True) -> tuple[Any, Any]:
    """The network and its processor.

    Args:
        condition: The decoder's layer that is told of the prompt.
        fine: Whether its end is that of the refined checkpoint.
    """
    last = len(clip_words(LENGTH)) - 1
    ends = {"bos_token_id": last - 1, "eos_token_id": last}
    config = CLIPSegConfig(
        text_config=text(**ends),
        vision_config={**VISION, "patch_size": 2 * PATCH},
        projection_dim=12,
        extract_layers=[0, 1, 2],
        reduce_dim=8,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
        conditional_layer=condition,
        use_complex_transposed_convolution=fine,
    )
    images = ViTImageProcessor(size=SIZE)
    processor = CLIPSegProcessor(images, clip_words(LENGTH))
    return seeded(CLIPSegForImageSegmentation, config), processor

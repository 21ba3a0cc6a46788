"""Small seeded networks that score every candidate for every prompt, and their processors."""

from __future__ import annotations

import string

import torch
from transformers import (
    CLIPTextConfig,
    CLIPTokenizer,
    DetrImageProcessor,
    OmDetTurboConfig,
    OmDetTurboForObjectDetection,
    OmDetTurboProcessor,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
    SwinConfig,
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


@torch.no_grad()
def omdet_turbo() -> tuple[OmDetTurboForObjectDetection, OmDetTurboProcessor]:
    """Around transformers' own Swin, where the published one has timm's."""
    tokenizer = clip_words(77)
    ends = {"bos_token_id": len(tokenizer) - 2, "eos_token_id": len(tokenizer) - 1}
    text = CLIPTextConfig(
        **NARROW, **ends, vocab_size=len(tokenizer), max_position_embeddings=77, projection_dim=16
    )
    swin = SwinConfig(
        image_size=SIDE,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )
    config = OmDetTurboConfig(
        text_config=text,
        backbone_config=swin,
        apply_layernorm_after_vision_backbone=False,
        image_size=SIDE,
        text_projection_in_dim=16,
        text_projection_out_dim=16,
        task_encoder_hidden_dim=16,
        class_embed_dim=16,
        num_queries=12,
        encoder_hidden_dim=32,
        vision_features_channels=[32, 32, 32],
        encoder_in_channels=[16, 32, 64],
        encoder_attention_heads=2,
        encoder_dim_feedforward=32,
        decoder_hidden_dim=32,
        decoder_num_heads=2,
        decoder_num_layers=2,
        decoder_dim_feedforward=32,
        disable_custom_kernels=True,
    )
    model = OmDetTurboForObjectDetection(config)
    draw_weights(model)
    images = DetrImageProcessor(size={"height": SIDE, "width": SIDE}, do_pad=False)
    return model.eval(), OmDetTurboProcessor(images, tokenizer)

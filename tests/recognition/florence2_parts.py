"""A small seeded Florence-2 that writes places, and its processor."""

from __future__ import annotations

import string

import torch
from transformers import (
    AddedToken,
    BartConfig,
    BartTokenizer,
    CLIPImageProcessor,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    Florence2VisionConfig,
)

from tests.detection.test_grounding_dino import draw_weights

SIDE = 64
PICTURE_TOKENS = 5
"""One for each of the four cells, and one for all."""
PARSED = (
    "pure_text",
    "description_with_bboxes",
    "phrase_grounding",
    "description_with_bboxes_or_polygons",
    "bboxes",
    "polygons",
    "ocr",
)


def build_tokenizer() -> BartTokenizer:
    """Letters, and the places that answers give."""
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *string.ascii_letters, "Ġ", *".,?"]
    tokenizer = BartTokenizer(
        vocab={word: i for i, word in enumerate(words)},
        merges=[],
        extra_special_tokens={"image_token": "<image>"},
    )
    marks = [f"<loc_{i}>" for i in range(1000)]
    marks += ["<od>", "</od>", "<poly>", "</poly>", "<sep>"]
    tokenizer.add_tokens([AddedToken(mark, special=True) for mark in marks])
    return tokenizer


@torch.no_grad()
def florence2() -> tuple[Florence2ForConditionalGeneration, Florence2Processor]:
    """Answers differ between pictures and questions, and repeat no token."""
    tokenizer = build_tokenizer()
    widths = {"d_model": 32, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    depths = {"encoder_layers": 1, "decoder_layers": 1}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ends = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    text = BartConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=256,
        forced_eos_token_id=None,
        **widths,
        **depths,
        **heads,
        **ends,
    )
    vision = Florence2VisionConfig(
        depths=[1, 1, 1, 1],
        embed_dim=[8, 16, 16, 16],
        num_heads=[1, 1, 2, 2],
        num_groups=[1, 1, 2, 2],
        window_size=4,
        projection_dim=32,
    )
    config = Florence2Config(
        vision_config=vision, text_config=text, image_token_id=tokenizer.image_token_id
    )
    model = Florence2ForConditionalGeneration(config)
    draw_weights(model)
    model.generation_config.no_repeat_ngram_size = 1
    images = CLIPImageProcessor(
        size={"height": SIDE, "width": SIDE}, do_center_crop=False, image_seq_length=PICTURE_TOKENS
    )
    parsing = {kind: {"PATTERN": None} for kind in PARSED}
    return model.eval(), Florence2Processor(images, tokenizer, post_processor_config=parsing)

"""Vision-language models of three families, tiny and random, with processors of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)

SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>", "<image>")
QWEN_SPECIAL = (
    *SPECIAL[:3],
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
IDEFICS_SPECIAL = (*SPECIAL, "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
_PARTS = (
    "{{% for m in messages %}}<|im_start|>{{{{ m.role }}}}\n"
    "{{% if m.content is string %}}{{{{ m.content }}}}{{% else %}}{{% for part in m.content %}}"
    "{{% if part.type == 'image' %}}{image}{{% else %}}{{{{ part.text }}}}{{% endif %}}"
    "{{% endfor %}}{{% endif %}}<|im_end|>\n{{% endfor %}}"
    "{{% if add_generation_prompt %}}<|im_start|>assistant\n{{% endif %}}"
)
_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "initializer_range": 0.5,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 2,
}


def tokenizer(special: tuple[str, ...] = SPECIAL) -> PreTrainedTokenizerFast:
    """Every byte is a token, so that any text can be told."""
    symbols = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    core = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(symbols)}, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(list(special))
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<|pad|>", eos_token="<|im_end|>"
    )


def llava(seed: int = 0) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """A LLaVA: pictures are squares of 32 pixels, 16 tokens each."""
    torch.manual_seed(seed)
    tokens = tokenizer()
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            initializer_range=0.5,
        ),
        text_config=LlamaConfig(vocab_size=len(tokens), **_TEXT),
        image_token_index=tokens.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        pad_token_id=0,
        eos_token_id=2,
    )
    size = {"height": 32, "width": 32}
    processor = LlavaProcessor(
        CLIPImageProcessor(size=size, crop_size=size, do_center_crop=False),
        tokens,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_PARTS.format(image="<image>"),
    )
    return LlavaForConditionalGeneration(config).eval(), processor


def qwen2_vl(seed: int = 0) -> tuple[Qwen2VLForConditionalGeneration, Qwen2VLProcessor]:
    """A Qwen2-VL: pictures keep their size, a token for every 8 x 8 pixels."""
    torch.manual_seed(seed)
    tokens = tokenizer(QWEN_SPECIAL)
    ids: dict[str, Any] = {
        "vision_start_token_id": 3,
        "vision_end_token_id": 4,
        "image_token_id": 5,
        "video_token_id": 6,
    }
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokens),
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2]},
            **_TEXT,
        },
        vision_config={
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 4,
            "mlp_ratio": 2,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        **ids,
        pad_token_id=0,
        eos_token_id=2,
    )
    limits = {"shortest_edge": 8 * 8, "longest_edge": 256 * 256}
    patches: dict[str, Any] = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
    processor = Qwen2VLProcessor(
        Qwen2VLImageProcessor(size=limits, **patches),
        tokens,
        Qwen2VLVideoProcessor(size=limits, **patches),
        chat_template=_PARTS.format(image="<|vision_start|><|image_pad|><|vision_end|>"),
    )
    return Qwen2VLForConditionalGeneration(config).eval(), processor


def idefics3(seed: int = 0) -> tuple[Idefics3ForConditionalGeneration, Idefics3Processor]:
    """An Idefics3 (SmolVLM): pictures are cut into tiles of 32 pixels, 4 tokens each."""
    torch.manual_seed(seed)
    tokens = tokenizer(IDEFICS_SPECIAL)
    config = Idefics3Config(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
        },
        text_config={"model_type": "llama", "vocab_size": len(tokens), **_TEXT},
        scale_factor=2,
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        pad_token_id=0,
    )
    processor = Idefics3Processor(
        Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}),
        tokens,
        image_seq_len=4,
        chat_template=_PARTS.format(image="<image>"),
    )
    return Idefics3ForConditionalGeneration(config).eval(), processor


FAMILIES = {"llava": llava, "qwen2_vl": qwen2_vl, "idefics3": idefics3}


def save(family: str, folder: Path) -> Path:
    """Write a family's model and processor as a checkpoint, as the hub has them."""
    model, processor = FAMILIES[family]()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder

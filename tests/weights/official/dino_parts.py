"""A Grounding DINO small enough for tests, in the only width that the authors' code allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertTokenizer, GroundingDinoConfig, SwinConfig

from benchmarks.parity_dino import seeded_weights
from tests.detection.test_grounding_dino import build_tokenizer


def small_config(**options: Any) -> GroundingDinoConfig:
    """Two layers everywhere; all stages of the backbone, one of them with shifted windows."""
    backbone = SwinConfig(
        embed_dim=12,
        depths=[1, 2, 1, 1],
        num_heads=[1, 2, 2, 2],
        window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )
    text = BertConfig(
        vocab_size=1060,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
    )
    sizes = {
        "num_queries": 12,
        "encoder_layers": 2,
        "encoder_ffn_dim": 32,
        "decoder_layers": 2,
        "decoder_ffn_dim": 32,
    }
    return GroundingDinoConfig(backbone_config=backbone, text_config=text, **{**sizes, **options})


def small_tokenizer(folder: Path) -> BertTokenizer:
    """Few words, and the special tokens where bert-base-uncased has them."""
    return build_tokenizer(folder)


def publish(file: Path, weights: dict[str, Tensor]) -> Path:
    """Write a file as the authors do, with what they leave around and among the weights."""
    left = {
        "label_enc.weight": torch.zeros(5, 256),
        "bert.embeddings.position_ids": torch.arange(512)[None],
    }
    model = {f"module.{key}": value for key, value in {**weights, **left}.items()}
    torch.save({"model": model}, file)
    return file


def small_weights() -> tuple[GroundingDinoConfig, dict[str, Tensor]]:
    """A configuration and weights of it by published key."""
    config = small_config()
    return config, seeded_weights(config)

"""What the published checkpoints at the hub hold beside their networks' parameters is no damage.

They were written by older versions of transformers and by conversions of their authors: buffers
that are counted today, parameters that share one tensor repeated or left out, heads of training.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

from tests.small_checkpoints import COMPONENTS, write
from tests.weights.official.dino_parts import small_config
from zeroseg.errors import CheckpointError
from zeroseg.weights.checkpoints import load_pretrained

Weights = dict[str, Tensor]


def _positions(*names: str) -> Callable[[Weights], Weights]:
    return lambda weights: {**weights, **{name: torch.arange(77)[None] for name in names}}


def _copy(source: str, *names: str) -> Callable[[Weights], Weights]:
    return lambda weights: {**weights, **{name: weights[source].clone() for name in names}}


def _less(pattern: str) -> Callable[[Weights], Weights]:
    return lambda weights: {k: v for k, v in weights.items() if not re.search(pattern, k)}


def _indices(weights: Weights) -> Weights:
    """Swin's relative positions, once beside each of its tables."""
    table = "relative_position_bias_table"
    found = [k.replace(table, "relative_position_index") for k in weights if k.endswith(table)]
    assert found
    return {**weights, **{name: torch.zeros(16, 16, dtype=torch.int64) for name in found}}


LEFT: dict[str, tuple[str, Callable[[Weights], Weights]]] = {
    "SAM: the points' grid twice": (
        "sam",
        _copy(
            "shared_image_embedding.positional_embedding",
            "prompt_encoder.shared_embedding.positional_embedding",
        ),
    ),
    "SAM: the points' grid once": ("sam", _less(r"prompt_encoder\.shared_embedding")),
    "SAM-HQ: the points' grid once": ("sam_hq", _less(r"prompt_encoder\.shared_embedding")),
    "BLIP-2: positions": ("blip2", _positions("qformer.embeddings.position_ids")),
    "BLIP-2: the words twice": (
        "blip2",
        _copy("language_model.model.decoder.embed_tokens.weight", "language_model.lm_head.weight"),
    ),
    "CLIP: positions": (
        "clip",
        _positions("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"),
    ),
    "Llama: frequencies": (
        "chat",
        lambda weights: {
            **weights,
            **{f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.ones(12) for i in range(4)},
        },
    ),
    "Llama: the words twice": ("chat", _copy("model.embed_tokens.weight", "lm_head.weight")),
    "SegFormer: batches that are not counted": ("segformer", _less("num_batches_tracked")),
    "SegFormer: the classifier of its encoder": (
        "segformer",
        lambda weights: {**weights, "classifier.weight": torch.ones(3, 8)},
    ),
    "Mask2Former: what weighs classes in training": ("mask2former", _less("criterion")),
    "Mask2Former: indices": ("mask2former", _indices),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left_over_or_out_is_no_damage(case: str, tmp_path: Path) -> None:
    kind, change = LEFT[case]
    folder = write(kind, tmp_path / kind)
    file = folder / "model.safetensors"
    before = load_file(file)
    after = change(before)
    if case not in ("SAM: the points' grid once", "SAM-HQ: the points' grid once"):
        assert after.keys() != before.keys()  # the newest transformers leaves that one out, too
    save_file(after, file, metadata={"format": "pt"})
    COMPONENTS[kind](folder)


def grounding_dino(folder: Path, config: GroundingDinoConfig) -> Path:
    torch.manual_seed(0)
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    return folder / "model.safetensors"


@pytest.mark.parametrize(
    "change",
    [
        _indices,
        _less(r"swin\.layernorm"),
        _positions("model.text_backbone.embeddings.position_ids"),
        lambda weights: {**weights, "model.text_backbone.pooler.dense.bias": torch.ones(16)},
        lambda weights: {
            **weights,
            **{k.replace("box_embed.0", "box_embed.1"): v.clone() for k, v in weights.items()
               if k.startswith("bbox_embed.0")},
        },
    ],
)  # fmt: skip
def test_grounding_dino_of_a_swin(change: Callable[[Weights], Weights], tmp_path: Path) -> None:
    file = grounding_dino(tmp_path, small_config())
    save_file(change(load_file(file)), file, metadata={"format": "pt"})
    load_pretrained(GroundingDinoForObjectDetection, tmp_path, "Part", dtype=torch.float32)


def test_grounding_dino_of_a_larger_swin_is_refused(tmp_path: Path) -> None:
    config = small_config()
    file = grounding_dino(tmp_path / "larger", config)
    backbone: SwinConfig = config.backbone_config
    backbone.depths = [1, 1, 1, 1]
    grounding_dino(tmp_path / "smaller", config)
    file.replace(tmp_path / "smaller" / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"unexpected: .*layers\.1\.blocks\.1\."):
        load_pretrained(GroundingDinoForObjectDetection, tmp_path / "smaller", "Part")

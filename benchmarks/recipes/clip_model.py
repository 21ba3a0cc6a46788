"""The tiny CLIP: its configuration, its initialisation, and what it has only while training.

The network is transformers' `CLIPModel`, unchanged. `Trainee` computes what it computes, the class
token's embedding and those of the patches in one pass, and besides the patches' embeddings as they
are when the last attention is left out, which is what dense readings of CLIP start from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, Sam3Model

from benchmarks.recipes.masks_model import stretched
from benchmarks.recipes.sam3_model import scale_to_fan_in
from benchmarks.recipes.words import ROWS
from zeroseg.weights.checkpoints import locate

SIDE = 160
"""Height and width of the image encoder's input in pixels."""
PATCH = 8
GRID = SIDE // PATCH
WIDTH = 128
"""Width of the image encoder and of the space that pictures and words share."""


def clip_config() -> CLIPConfig:
    """1.55 M parameters: the layers of `tiny:sam3`'s encoders, six for images, two for words."""
    return CLIPConfig(
        text_config={
            "vocab_size": ROWS,
            "hidden_size": 96,
            "intermediate_size": 192,
            "projection_dim": WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 77,
            "hidden_act": "gelu",
            "bos_token_id": 101,
            "eos_token_id": 102,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": WIDTH,
            "intermediate_size": 4 * WIDTH,
            "projection_dim": WIDTH,
            "num_hidden_layers": 6,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": PATCH,
            "hidden_act": "gelu",
        },
        projection_dim=WIDTH,
    )


def build_clip(attention: str = "sdpa") -> CLIPModel:
    """A CLIP ready to be trained."""
    model = CLIPModel._from_config(clip_config(), attn_implementation=attention)
    sam3 = Sam3Model.from_pretrained(locate("tiny:sam3"), dtype=torch.float32)
    with torch.no_grad():
        model.apply(scale_to_fan_in)
        _start_vision(model.vision_model, sam3.vision_encoder.backbone)
        _start_text(model.text_model, sam3.text_encoder)
    return model


def _start_vision(vision: Any, sam3: Any) -> None:
    """Start as `tiny:sam3`'s image encoder, whose windows are opened: every layer sees all patches.

    CLIP has a class token more, and does not turn queries and keys by their position, which SAM 3
    does at so low frequencies that most of what they know of each other holds.
    """
    embeddings, theirs = vision.embeddings, sam3.embeddings
    embeddings.patch_embedding.weight.copy_(theirs.patch_embeddings.projection.weight)
    positions = stretched(theirs.position_embeddings.unflatten(1, (GRID, GRID)), GRID)
    embeddings.position_embedding.weight[1:] = positions.flatten(0, 2)
    embeddings.position_embedding.weight[0] = 0
    embeddings.class_embedding.normal_(std=0.5)
    vision.pre_layrnorm.load_state_dict(sam3.layer_norm.state_dict())
    for ours, known in zip(vision.encoder.layers, sam3.layers, strict=True):
        state = {
            name.replace("attention.", "self_attn.").replace("o_proj", "out_proj"): weight
            for name, weight in known.state_dict().items()
        }
        ours.load_state_dict(state)


def _start_text(text: Any, sam3: Any) -> None:
    """Start as `tiny:sam3`'s text encoder, which knows the words; longer texts are new to it."""
    state = getattr(sam3, "text_model", sam3).state_dict()
    table = "embeddings.position_embedding.weight"
    positions = text.embeddings.position_embedding.weight.detach().clone().normal_(std=0.05)
    positions[: len(state[table])] = state[table]
    text.load_state_dict({**state, table: positions}, strict=True)


@dataclass(frozen=True)
class Seen:
    """B images in the space of words, of length 1.

    Attributes:
        whole: (B, C), the class token's.
        patches: (B, L, C), the patches', row by row.
        values: (B, L, C), the patches' without the last attention: of each, its own value alone.
    """

    whole: Tensor
    patches: Tensor
    values: Tensor


class Trainee(nn.Module):
    """CLIP, and two numbers that are dropped after training: where yes begins.

    Args:
        quick: Multiply in bfloat16 in the image encoder; weights and all else stay float32.
    """

    def __init__(self, quick: bool = False) -> None:
        super().__init__()
        self.clip = build_clip("eager" if quick else "sdpa")
        self.whole_bias = nn.Parameter(torch.tensor(-4.0))
        self.patch_bias = nn.Parameter(torch.tensor(-7.0))
        self.quick = quick

    def see(self, images: Tensor) -> Seen:
        """Encode images (B, 3, S, S), S in whole patches."""
        vision = self.clip.vision_model
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.quick):
            tokens = vision.embeddings(images, interpolate_pos_encoding=True)
            tokens = vision.pre_layrnorm(tokens)
            *layers, last = vision.encoder.layers
            for layer in layers:
                tokens = layer(tokens, None)
            values = value_layer(last, tokens[:, 1:])
            tokens = torch.cat([last(tokens, None), values], 1)
            tokens = self.clip.visual_projection(vision.post_layernorm(tokens))
        tokens = F.normalize(tokens.float(), dim=-1)
        count = values.shape[1]
        return Seen(tokens[:, 0], *tokens[:, 1:].split(count, 1))

    def read(self, ids: Tensor) -> Tensor:
        """Texts as token ids (P, T), 0 beyond a text, in the space of words (P, C)."""
        mask = (ids > 0).long()
        output = self.clip.get_text_features(input_ids=ids, attention_mask=mask)
        return F.normalize(output.pooler_output, dim=-1)

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by."""
        return self.clip.logit_scale.exp()


def value_layer(layer: Any, tokens: Tensor) -> Tensor:
    """A layer whose tokens (..., C) attend to themselves alone (MaskCLIP, Zhou et al., 2022)."""
    attention = layer.self_attn
    tokens = tokens + attention.out_proj(attention.v_proj(layer.layer_norm1(tokens)))
    return tokens + layer.mlp(layer.layer_norm2(tokens))

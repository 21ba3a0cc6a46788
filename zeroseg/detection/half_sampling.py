"""Deformable attention of Grounding DINO and its kin in half precision on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map
from transformers.models.grounding_dino.modeling_grounding_dino import (
    GroundingDinoMultiscaleDeformableAttention,
)
from transformers.models.mm_grounding_dino.modeling_mm_grounding_dino import (
    MMGroundingDinoMultiscaleDeformableAttention,
)
from transformers.models.omdet_turbo.modeling_omdet_turbo import (
    OmDetTurboMultiscaleDeformableAttention,
)

_SAMPLERS = (
    GroundingDinoMultiscaleDeformableAttention,
    MMGroundingDinoMultiscaleDeformableAttention,
    OmDetTurboMultiscaleDeformableAttention,
)


def keep_sampling(model: nn.Module) -> None:
    """Have a network of Grounding DINO's kinds, or OmDet-Turbo, sample in float32 on a CPU.

    For 16-bit numbers torch's `grid_sample` reads the wrong memory there if the features are a
    transposed view (2.14), as they are for a batch of one image: scores become anything or NaN.
    """
    for module in model.modules():
        if isinstance(module, _SAMPLERS):
            module.attn.register_forward_pre_hook(_in_float32, with_kwargs=True)
            module.output_proj.register_forward_pre_hook(_as_weights)


def _in_float32(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    def widened(value: Any) -> Any:
        narrow = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
        return value.float() if narrow and value.device.type == "cpu" else value

    return tree_map(widened, (arguments, named))


def _as_weights(layer: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return (arguments[0].to(layer.weight.dtype),)

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from transformers import GroundingDinoConfig, MMGroundingDinoConfig, OmDetTurboConfig
from transformers.models.grounding_dino.modeling_grounding_dino import (
    GroundingDinoMultiscaleDeformableAttention,
)
from transformers.models.mm_grounding_dino.modeling_mm_grounding_dino import (
    MMGroundingDinoMultiscaleDeformableAttention,
)
from transformers.models.omdet_turbo.modeling_omdet_turbo import (
    OmDetTurboMultiscaleDeformableAttention,
)

from zeroseg.detection.half_sampling import keep_sampling

LAYERS: dict[Any, Any] = {
    GroundingDinoMultiscaleDeformableAttention: GroundingDinoConfig,
    MMGroundingDinoMultiscaleDeformableAttention: MMGroundingDinoConfig,
    OmDetTurboMultiscaleDeformableAttention: partial(OmDetTurboConfig, num_feature_levels=4),
}
SHAPES = [(40, 40), (20, 20), (10, 10), (5, 5)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kind", LAYERS)
def test_one_image_is_sampled_as_in_full_precision(
    kind: Any, dtype: torch.dtype, batch: int
) -> None:
    torch.manual_seed(0)
    layer = kind(LAYERS[kind](), 8, 4)
    nn.init.normal_(layer.sampling_offsets.weight, std=0.1)
    keep_sampling(layer)
    count = sum(height * width for height, width in SHAPES)
    tokens, places = torch.randn(batch, count, 256), torch.rand(batch, 300, 4, 2)
    shapes = torch.tensor(SHAPES)

    def run(kind: torch.dtype) -> torch.Tensor:
        return layer.to(kind)(
            tokens[:, :300].to(kind),
            encoder_hidden_states=tokens.to(kind),
            reference_points=places.to(kind),
            spatial_shapes=shapes,
            spatial_shapes_list=SHAPES,
            level_start_index=torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]]),
        )[0]

    with torch.no_grad():
        exact, found = run(torch.float32), run(dtype)
    assert found.dtype == dtype
    # A place in bfloat16 is off by up to a third of a cell here.
    similar = torch.corrcoef(torch.stack([exact.flatten(), found.float().flatten()]))[0, 1]
    assert similar > 0.97

"""The tiny SAM: its configuration, its initialisation, and the dense heads that train its encoder.

The network is transformers' `SamModel`, unchanged. What the defaults of that class leave unset is
set here: `SamVisionConfig.initializer_range` is 1e-10, with which the encoder puts out nothing and
training does not start, and the prompt encoder and mask decoder start an order of magnitude too
small for layers this narrow.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from transformers import (
    SamConfig,
    SamMaskDecoderConfig,
    SamModel,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

from benchmarks.recipes.vit_start import (
    image_patches,
    principal_components,
    sinusoids,
    start_projection,
)
from zeroseg.drawn.world import CATEGORIES

SIDE = 256
"""Height and width of the frame that SAM sees, in pixels."""
PATCH = 8
MASK_STRIDE = 2
"""SAM's masks have four times the resolution of its patches."""


def sam_config() -> SamConfig:
    """1.5 million parameters: six layers of width 128, two of which see the whole image."""
    return SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=128,
            num_hidden_layers=6,
            num_attention_heads=2,
            mlp_dim=512,
            output_channels=64,
            num_pos_feats=32,
            image_size=SIDE,
            patch_size=PATCH,
            window_size=SIDE // PATCH // 2,
            global_attn_indexes=[2, 5],
            use_rel_pos=False,
            initializer_range=0.02,
        ),
        prompt_encoder_config=SamPromptEncoderConfig(
            hidden_size=64, image_size=SIDE, patch_size=PATCH, mask_input_channels=8
        ),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=64, mlp_dim=128, num_attention_heads=4, iou_head_hidden_dim=64
        ),
    )


def build_sam(images: Tensor) -> SamModel:
    """A SAM ready to be trained; `images` (N, 3, S, S), normalised, tell what patches look like."""
    model = SamModel._from_config(sam_config(), attn_implementation="eager")
    with torch.no_grad():
        model.apply(_scale_to_fan_in)
        encoder = model.vision_encoder
        _whiten(encoder.patch_embed.projection, images)
        encoder.pos_embed.copy_(0.5 * sinusoids(SIDE // PATCH, encoder.config.hidden_size))
        for layer in encoder.layers:
            _attend_to_the_similar(layer.attn.qkv)
            layer.attn.proj.weight.mul_(0.5)
            layer.mlp.lin2.weight.mul_(0.5)
        for embedding in (model.shared_image_embedding, model.prompt_encoder.shared_embedding):
            embedding.positional_embedding.copy_(_frequencies(32))
            embedding.positional_embedding.requires_grad_(False)
        model.prompt_encoder.no_mask_embed.weight.mul_(0.02)
        model.prompt_encoder.mask_embed.requires_grad_(False)
    return model


@torch.no_grad()
def go_on_from(model: SamModel, folder: Path) -> None:
    """Start as an exported SAM, also one whose frame is of another size.

    Patches are of the same size, so positions alone are stretched; and so are windows, by the
    configuration, which have no weights.
    """
    start = SamModel.from_pretrained(folder, dtype=torch.float32).state_dict()
    name = "vision_encoder.pos_embed"
    start[name] = stretched(start[name], SIDE // PATCH)
    model.load_state_dict(start)


def stretched(positions: Tensor, grid: int) -> Tensor:
    """Position embeddings (1, h, w, C) for `grid` x `grid` patches."""
    channels_first = positions.movedim(-1, 1)
    return F.interpolate(channels_first, (grid, grid), mode="bicubic").movedim(1, -1)


def _scale_to_fan_in(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(module.weight.flatten(1))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=module.weight.shape[0] ** -0.5)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight)


def _whiten(projection: nn.Conv2d, images: Tensor) -> None:
    """Project patches on their principal components, each brought to variance one."""
    patches = image_patches(projection, images)
    mean = patches.mean(0)
    variances, directions = principal_components(patches - mean, projection.out_channels)
    variances, directions = variances.flip(0), directions.flip(1)
    weight = directions.T / (variances + 1e-3 * variances.sum())[:, None].sqrt()
    start_projection(projection, weight, mean)


def _attend_to_the_similar(qkv: nn.Linear) -> None:
    """Let keys start equal to queries, so that tokens look at what resembles them."""
    query, key, _ = qkv.weight.chunk(3)
    key.copy_(query)


def _frequencies(count: int) -> Tensor:
    """Wave vectors (2, count) of all orientations, a quarter to four cycles a half frame."""
    generator = torch.Generator().manual_seed(0)
    length = 2.0 ** torch.linspace(-2, 2, count)
    angle = torch.rand(count, generator=generator) * 2 * math.pi
    return length * torch.stack([angle.cos(), angle.sin()])


class DenseHeads(nn.Module):
    """Reads pixels' classes, extents and borders off SAM's image embedding, in training only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.classes = nn.Conv2d(width, len(CATEGORIES) * 4, 1)
        self.extents = nn.Conv2d(width, 4 * 4, 1)
        self.borders = nn.Conv2d(width, 16, 1)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Class logits (B, C, S/4, S/4), box extents (B, 4, S/4, S/4), borders (B, S/2, S/2)."""
        classes = F.pixel_shuffle(self.classes(embedding), 2)
        extents = F.pixel_shuffle(self.extents(embedding), 2)
        return classes, extents, F.pixel_shuffle(self.borders(embedding), 4)[:, 0]


class Trainee(nn.Module):
    """SAM and the heads that are dropped after training."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.sam = build_sam(images)
        self.heads = DenseHeads(self.sam.config.vision_config.output_channels)

    def embed(self, images: Tensor) -> Tensor:
        """Image embeddings (B, C, S/8, S/8), computed in bfloat16 from the float32 weights."""
        encoder = self.sam.vision_encoder
        weights = {name: value.bfloat16() for name, value in encoder.named_parameters()}
        out = functional_call(encoder, weights, (images.bfloat16(),))
        return out.last_hidden_state.float()

    def decode(
        self,
        embeddings: Tensor,
        boxes: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        multimask: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Mask logits (N, M, S/2, S/2) and predicted IoU (N, M) of one prompt an embedding.

        Args:
            embeddings: (N, C, S/8, S/8), an image's embedding once for each of its prompts.
            boxes: (N, 4) in pixels of the frame.
            points: (N, K, 2) in pixels of the frame.
            labels: (N, K), 1 or -10.
            multimask: Three masks a prompt instead of the one.
        """
        sparse, dense = self.sam.prompt_encoder(
            points[:, None] if points is not None else None,
            labels[:, None] if labels is not None else None,
            boxes[:, None],
            None,
        )
        positions = self.sam.get_image_wide_positional_embeddings()
        masks, scores = self.sam.mask_decoder(
            embeddings, positions.expand(len(boxes), -1, -1, -1), sparse, dense, multimask
        )
        return masks[:, 0], scores[:, 0]

"""A cheap look of SAM 3 at a small picture, for which prompts are worth a full one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from transformers.initialization import no_init_weights

from zeroseg.detection.concept_texts import together
from zeroseg.detection.prompted_image import PromptedImage

LAYERS, QUERIES = 2, 50
"""As much of the decoder as ActiveSAM's second version runs for its preview."""
CELLS = 24
"""And as many of its cells on a side the picture has there, at least."""
ADMITTED = 0.1
"""Presence from which on it looks for a prompt in full."""


class PresencePreview:
    """How likely prompts are in an image, by the same network on a smaller picture.

    Fewer tokens of the image go through the image and prompt encoders, fewer layers and queries of
    the decoder run, and no mask is made.

    The network's image encoder takes pictures of one size alone: its rotary positions are made for
    that. So there is a second one without weights of its own, which borrows those of the first
    for the time of a call, wherever they are by then.

    Attributes:
        side: Side of the small picture in pixels.
        smaller: Whether it is smaller than what the network takes, which is worth a look of its
            own.

    Args:
        model: The network.
        side: Side of the small picture in pixels. If None, a third of the network's, in whole
            patches, but at least 24 of them where the network's own has as many.
    """

    def __init__(self, model: Any, side: int | None = None) -> None:
        config = copy.deepcopy(model.vision_encoder.config)
        backbone = config.backbone_config
        whole = backbone.image_size // backbone.patch_size
        cells = min(whole, max(CELLS, round(whole / 3)))
        self.side = side if side is not None else cells * backbone.patch_size
        self.smaller = self.side < backbone.image_size
        backbone.image_size = self.side
        with no_init_weights():
            encoder = type(model.vision_encoder)._from_config(config)
        for module in encoder.modules():
            for name, weight in module.named_parameters(recurse=False):
                empty = nn.Parameter(weight.to("meta"), requires_grad=False)
                setattr(module, name, empty)
        self._encoder = encoder.eval()

    def look(self, model: Any, pixels: Tensor) -> Any:
        """Encode the small picture (1, 3, side, side) with the network's weights."""
        weights = dict(model.vision_encoder.named_parameters())
        tables = {name: own.to(pixels.device) for name, own in self._encoder.named_buffers()}
        return functional_call(self._encoder, {**weights, **tables}, (pixels,))

    def judge(self, image: PromptedImage, texts: Sequence[Tensor], chunk_size: int) -> Tensor:
        """Say how likely prompts are.

        Args:
            image: What `look` gave, or the network itself of a picture of its own size.
            texts: The features of each of P prompts, (T, C).
            chunk_size: Prompts put to the network at a time.

        Returns:
            (P,) float32 in [0, 1], on the network's device.
        """
        decoder = _shortened(image.model.detr_decoder)
        judged = []
        for start in range(0, len(texts), chunk_size):
            part = together(texts[start : start + chunk_size])
            said = image.decode(decoder, image.fuse(part), part)
            judged.append(said.presence_logits[-1, :, 0].float().sigmoid())
        return torch.cat(judged)


def _shortened(decoder: Any) -> Any:
    """The first layers of a decoder, asked by its first queries."""
    short = copy.copy(decoder)
    short._modules = {
        **decoder._modules,
        "layers": decoder.layers[:LAYERS],
        "query_embed": _first(decoder.query_embed),
        "reference_points": _first(decoder.reference_points),
    }
    return short


def _first(table: nn.Embedding) -> nn.Embedding:
    return nn.Embedding.from_pretrained(table.weight[:QUERIES])


def admitted(presence: Tensor, always: Sequence[int]) -> list[int]:
    """The positions of prompts that are worth a full look, rising.

    Args:
        presence: (P,) of each prompt.
        always: Positions of those that are looked for in any case. The likeliest other one is,
            too, where no other is admitted.
    """
    scores = presence.tolist()
    others = [i for i in range(len(scores)) if i not in set(always)]
    chosen = [i for i in others if scores[i] >= ADMITTED]
    if others and not chosen:
        chosen = [max(others, key=lambda i: scores[i])]
    return sorted([*chosen, *always])

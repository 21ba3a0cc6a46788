"""One encoded image that SAM 3 is asked many prompts about: what all of them share is done once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg.detection.concept_texts import Texts


@dataclass(frozen=True)
class Answers:
    """What the network says to P prompts with Q queries each, in its own precision.

    Attributes:
        logits: (P, Q), that a query is an instance of its prompt.
        presence: (P,), logits that the prompt is in the image at all.
        dense: (P, h, w), logits of the dense maps.
        queries: (P, Q, C), for `masks`.
        pixels: (P, C, h, w), for `masks`.
    """

    logits: Tensor
    presence: Tensor
    dense: Tensor
    queries: Tensor
    pixels: Tensor


class PromptedImage:
    """The parts of a SAM 3 after its image encoder, over one image and any number of prompts.

    It computes what `Sam3Model.forward` does but for floating point noise, and less of it:

    - Before the first look at a prompt the encoder attends from image to image: done once.
    - The pixel decoder enlarges a prompt's features to twice their size by repeating them, adds the
      image's own and convolves. A convolution is linear: the image's part is convolved once, and
      that of repeated features is a transposed convolution of those that are not repeated, with
      16 products a feature where there were 36.
    - What the image reads in a prompt's few words is multiplied in the order that is cheap for few.
    - Masks are made for the queries that are wanted, and without projecting all pixels for them.
    - Of the decoder's layers only the last one's scores are read.

    Args:
        model: `Sam3Model` or `Sam3LiteTextModel`, in evaluation mode.
        seen: What its image encoder gave for one image.
    """

    def __init__(self, model: Any, seen: Any) -> None:
        self.model = model
        levels = seen.fpn_hidden_states[:-1]
        tokens = levels[-1].flatten(2).transpose(1, 2)
        self._positions = seen.fpn_position_encoding[-2].flatten(2).transpose(1, 2)
        self._shape = levels[-1].shape[-2:]
        layers = model.detr_encoder.layers
        self._attended = self._look_around(layers[0], tokens) if len(layers) else tokens
        self._finer = levels[-2::-1]
        self._steps: list[tuple[Tensor, Tensor]] = []

    def fuse(self, texts: Texts) -> Tensor:
        """The encoder's tokens for each prompt, (P, h * w, C)."""
        hidden = self._attended
        for depth, layer in enumerate(self.model.detr_encoder.layers):
            if depth:
                hidden = self._look_around(layer, hidden)
            hidden = _read(layer.cross_attn, layer.layer_norm2(hidden), hidden, texts)
            hidden = _sum(layer.mlp(layer.layer_norm3(hidden)), hidden)
        return hidden.expand(len(texts.features), -1, -1)

    def decode(self, decoder: Any, fused: Tensor, texts: Texts) -> Any:
        """What a decoder, the network's own or a part of it, gives for fused tokens."""
        return decoder(
            vision_features=fused,
            text_features=texts.features,
            vision_pos_encoding=self._positions,
            text_mask=texts.real.bool(),
            spatial_shapes=np.array([self._shape]),  # tensors would be waited for
        )

    def ask(self, texts: Texts) -> Answers:
        """Put prompts to the image."""
        model, fused = self.model, self.fuse(texts)
        decoded = self.decode(model.detr_decoder, fused, texts)
        queries = decoded.intermediate_hidden_states[-1]
        logits = model.dot_product_scoring(
            decoder_hidden_states=queries[None],
            text_features=texts.features,
            text_mask=texts.real.bool(),
        )
        pixels = self._paint(fused, texts)
        return Answers(
            logits=logits[0, ..., 0],
            presence=decoded.presence_logits[-1, :, 0],
            dense=self._mapped(pixels),
            queries=queries,
            pixels=pixels,
        )

    def maps(self, texts: Texts, presence: bool) -> tuple[Tensor, Tensor | None]:
        """What `ask` tells of places alone: `Answers.dense`, and `Answers.presence` if wanted."""
        fused = self.fuse(texts)
        dense = self._mapped(self._paint(fused, texts))
        if not presence:
            return dense, None
        return dense, self.decode(self.model.detr_decoder, fused, texts).presence_logits[-1, :, 0]

    def masks(self, answers: Answers, prompts: Tensor, queries: Tensor) -> Tensor:
        """Mask logits (N, h, w) of some queries: positions of prompts and queries, (N,) int64.

        Prompts come in rising order.
        """
        head = self.model.mask_decoder
        wanted = head.mask_embedder(answers.queries[prompts, queries])
        projection = head.instance_projection
        weights = wanted @ projection.weight[..., 0, 0]
        offsets = wanted @ projection.bias
        sizes = prompts.bincount(minlength=len(answers.pixels)).tolist()
        shares = zip(weights.split(sizes), answers.pixels, strict=True)
        logits = [own @ pixels.flatten(1) for own, pixels in shares if len(own)]
        if not logits:
            return answers.pixels.new_zeros(0, *answers.pixels.shape[2:])
        return torch.cat(logits).add_(offsets[:, None]).unflatten(1, answers.pixels.shape[2:])

    def _mapped(self, pixels: Tensor) -> Tensor:
        """The dense maps (P, h, w) of each prompt's pixels (P, C, h, w)."""
        maps: Tensor = self.model.mask_decoder.semantic_projection(pixels)
        return maps[:, 0]

    def _look_around(self, layer: Any, hidden: Tensor) -> Tensor:
        """An encoder layer's attention from image to image."""
        values = layer.layer_norm1(hidden)
        places = values + self._positions
        attended, _ = layer.self_attn(query=places, key=places, value=values)
        return _sum(attended, hidden)

    def _paint(self, fused: Tensor, texts: Texts) -> Tensor:
        """The pixels of each prompt at the masks' size, (P, C, h, w)."""
        head = self.model.mask_decoder
        fused = _read(head.prompt_cross_attn, head.prompt_cross_attn_norm(fused), fused, texts)
        pixels = fused.transpose(1, 2).unflatten(2, self._shape)
        decoder = head.pixel_decoder
        if not self._steps:
            self._steps = [
                (_enlarging(conv.weight), conv(finer))
                for conv, finer in zip(decoder.conv_layers, self._finer, strict=False)
            ]
        for (weight, own), norm in zip(self._steps, decoder.norms, strict=False):
            pixels = F.conv_transpose2d(pixels, weight, stride=2, padding=1)
            pixels = norm(pixels.add_(own)).relu_()
        return pixels


def _read(attention: Any, normed: Tensor, hidden: Tensor, texts: Texts) -> Tensor:
    """Attention from image to text, beside what was there.

    A prompt has few words: its keys are brought to where queries come from, and its values to where
    the output goes, so that no token of the image passes the attention's own layers.

    Args:
        attention: A `Sam3Attention`.
        normed: (P or 1, N, C), the tokens of the image that it is asked with.
        hidden: (P or 1, N, C), those that what is read is added to.
        texts: P prompts.
    """
    split = (attention.num_attention_heads, attention.head_dim)
    queries, output = attention.q_proj, attention.o_proj
    keys = attention.k_proj(texts.features).unflatten(-1, split) * attention.scaling
    values = attention.v_proj(texts.features).unflatten(-1, split)
    wanted = torch.einsum("pthd,hdc->pcht", keys, queries.weight.unflatten(0, split))
    offsets = torch.einsum("pthd,hd->pht", keys, queries.bias.unflatten(0, split))
    offsets = offsets.masked_fill(texts.real[:, None] == 0, -torch.inf)
    logits = (normed @ wanted.flatten(2)).unflatten(-1, offsets.shape[1:]) + offsets[:, None]
    given = torch.einsum("pthd,chd->phtc", values, output.weight.unflatten(1, split))
    found = logits.softmax(-1).flatten(2) @ given.flatten(1, 2)
    return _sum(found.add_(output.bias), hidden)


def _sum(new: Tensor, old: Tensor) -> Tensor:
    """Both, in the place of the new one unless mixed precision made it coarser than the old one."""
    return new.add_(old) if new.dtype == old.dtype else new + old


def _enlarging(weight: Tensor) -> Tensor:
    """What enlarges to twice the size and convolves by a weight (D, C, 3, 3), in one.

    Returns:
        (C, D, 4, 4), of a transposed convolution with a stride of 2 and a padding of 1.
    """
    mirrored = weight.transpose(0, 1).flip(2, 3)
    places = [(x, 1 - x, y, 1 - y) for x in (0, 1) for y in (0, 1)]
    return torch.stack([F.pad(mirrored, place) for place in places]).sum(0)

"""Attention of SAM's image encoder, without its bias ever being there as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.sam.modeling_sam import SamVisionSdpaAttention
from transformers.models.sam_hq.modeling_sam_hq import SamHQVisionSdpaAttention

CPU_BYTES, DEVICE_BYTES = 2**25, 2**29
"""The largest bias made at a time: on a CPU one that its cache holds, elsewhere enough to do."""


def slice_attention(network: nn.Module) -> None:
    """Put `SlicedAttention` into a network of transformers, in place of what it equals.

    Attention that gives its weights ("eager"), or knows no relative positions, stays.
    """
    for layer in list(network.modules()):
        attention: Any = getattr(layer, "attn", None)
        known = type(attention) in (SamVisionSdpaAttention, SamHQVisionSdpaAttention)
        if known and attention.use_rel_pos:
            layer.attn = SlicedAttention(attention)


class SlicedAttention(nn.Module):
    """Attention with decomposed relative positions (Li et al., MViTv2, 2022), a part at a time.

    The bias of a cell towards another is the sum of one for the rows between them and one for the
    columns, both of which depend on the query. Over 64 x 64 cells and 12 heads the sums are 768 MiB
    an image in float32. Here they are made for a few maps, or a few rows of one, at a time: no more
    than `CPU_BYTES` or `DEVICE_BYTES`, but at least one row, whatever the batch.

    Args:
        attention: transformers' own; its parameters are taken over, under their names.
    """

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.num_attention_heads: int = attention.num_attention_heads
        self.rel_pos_h, self.rel_pos_w = attention.rel_pos_h, attention.rel_pos_w
        self.qkv, self.proj = attention.qkv, attention.proj

    def forward(
        self, hidden_states: Tensor, output_attentions: bool = False
    ) -> tuple[Tensor, None]:
        """Let the cells of every map see one another.

        Args:
            hidden_states: Maps of cells, (B, h, w, C): images or windows of them.
            output_attentions: Changes nothing, there are no weights to give.

        Returns:
            (B, h, w, C), and None in place of weights.
        """
        qkv = self.qkv(hidden_states).unflatten(-1, (3, self.num_attention_heads, -1))
        query, key, value = qkv.permute(3, 0, 4, 1, 2, 5)  # (B, heads, h, w, C / heads) each
        keys, values = key.flatten(2, 3), value.flatten(2, 3)
        by_row, by_column = _by_distance(self.rel_pos_h), _by_distance(self.rel_pos_w)
        seen = torch.empty_like(qkv[..., 0, :, :])
        for maps, rows in _slices(query):
            asked = query[maps, :, rows]
            bias = _bias(asked, by_row[rows], by_column)
            found = F.scaled_dot_product_attention(
                asked.flatten(2, 3), keys[maps], values[maps], attn_mask=bias
            )
            seen[maps, rows] = found.transpose(1, 2).unflatten(1, asked.shape[2:4])
        return self.proj(seen.flatten(3)), None


def _by_distance(table: Tensor) -> Tensor:
    """What a table (2n - 1, C) of distances has for each query and key on a line, (n, n, C)."""
    places = torch.arange((len(table) + 1) // 2, device=table.device)
    return table[places[:, None] - places + len(places) - 1]


def _slices(query: Tensor) -> Iterator[tuple[slice, slice]]:
    """Maps and rows of queries (B, heads, h, w, c) whose bias is made at a time."""
    batch, heads, height, width, _ = query.shape
    row = heads * width * height * width * query.element_size()
    count = max(1, (CPU_BYTES if query.device.type == "cpu" else DEVICE_BYTES) // row)
    maps, rows = max(1, count // height), min(count, height)
    for first in range(0, batch, maps):
        for top in range(0, height, rows):
            yield slice(first, first + maps), slice(top, top + rows)


def _bias(query: Tensor, by_row: Tensor, by_column: Tensor) -> Tensor:
    """What the logits of some rows of queries get for every key, (B, heads, r * w, h * w).

    Args:
        query: (B, heads, r, w, c).
        by_row: What they have for each row of keys, (r, h, c).
        by_column: And for each column, (w, w, c).
    """
    # Contiguous, since a sum is laid out as its terms are: reshaping it would copy all of it.
    rows = torch.einsum("bnhwc,hkc->bnhwk", query, by_row).contiguous()
    columns = torch.einsum("bnhwc,wkc->bnhwk", query, by_column).contiguous()
    return (rows[..., None] + columns[..., None, :]).flatten(4).flatten(2, 3)

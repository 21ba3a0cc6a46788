"""The last layer of a vision transformer, changed so that patches look at like patches.

Trained to tell what is in a picture, the last layer of an image-text encoder gathers it in tokens
that have nothing to do with the place. The ways to keep a patch at its place differ in what it
attends by, and in what is kept of the layer around the attention:

- "own": the network's own layer.
- "maskclip": every patch attends to itself alone: its value, with residual and feed-forward part
  (Zhou et al., "Extract Free Dense Labels from CLIP", 2022; TIPSv2's authors do the same).
- "sclip": the sum of query to query and key to key, with both (Wang et al., 2023).
- "clearclip": query to query, without both (Lan et al., 2024).
- "naclip": key to key, and a Gaussian of the distance is added before the softmax, without both
  (Hajimiri et al., "Pay Attention to Your Neighbours", 2025).

Where regions are known, patches look at those of their own alone, and at nothing that is no patch
(the scope reconstruction of CorrCLIP, Zhang et al., 2025); what is in no region looks everywhere
and is looked at from everywhere. "maskclip" looks nowhere else anyhow.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg.encoders.image_text_encoder import LastLayer

Attention = Literal["own", "maskclip", "sclip", "clearclip", "naclip"]

DEVIATION = 5.0
"""Standard deviation of NACLIP's Gaussian, in patches."""


def last_tokens(
    layer: LastLayer,
    hidden: Tensor,
    attention: Attention,
    grid: tuple[int, int],
    regions: Tensor | None = None,
) -> Tensor:
    """What comes out of the last layer.

    Args:
        layer: The layer.
        hidden: (B, S + N, C), what enters it: S special tokens, then the patches row by row.
        attention: Which way; see the module.
        grid: Rows and columns of the patches.
        regions: (B, N) int64, the region of every patch, 0 for none; None where none are known.

    Returns:
        (B, S + N, C).
    """
    scope = None if regions is None else closed(regions, hidden.shape[1]).to(hidden.dtype)
    if attention == "own":
        whole: Tensor = layer.whole(hidden, scope)
        return whole
    attended: Tensor = layer.scale(_attend(layer, layer.norm(hidden), attention, grid, scope))
    if attention in ("clearclip", "naclip"):
        return attended
    hidden = hidden + attended
    more: Tensor = layer.mlp_scale(layer.mlp(layer.mlp_norm(hidden)))
    return hidden + more


def _attend(
    layer: LastLayer,
    normed: Tensor,
    attention: Attention,
    grid: tuple[int, int],
    scope: Tensor | None,
) -> Tensor:
    """The attention's output (B, S + N, C)."""

    def heads(projection: object) -> Tensor:
        projected: Tensor = projection(normed)  # type: ignore[operator]
        return projected.unflatten(-1, (layer.heads, -1)).transpose(1, 2)

    values = heads(layer.value)
    if attention == "maskclip":
        found = values
    elif attention == "clearclip":
        found = _alike(heads(layer.query), values, scope)
    elif attention == "sclip":
        queries, keys = heads(layer.query), heads(layer.key)
        found = _alike(queries, values, scope) + _alike(keys, values, scope)
    else:
        keys = heads(layer.key)
        near = neighbourhood(grid, normed.shape[1], keys.device).to(keys)
        found = _alike(keys, values, near if scope is None else near + scope)
    output: Tensor = layer.output(found.transpose(1, 2).flatten(2))
    return output


def _alike(these: Tensor, values: Tensor, more: Tensor | None) -> Tensor:
    """The values of what is like oneself."""
    return F.scaled_dot_product_attention(these, these, values, attn_mask=more)


def neighbourhood(grid: tuple[int, int], tokens: int, device: torch.device) -> Tensor:
    """What is added to how much tokens attend to each other, (T, T): a Gaussian of the distance.

    exp(-d^2 / (2 * 5^2)) for patches at a distance of d patches, 0 for special tokens.

    Args:
        grid: Rows and columns of the patches.
        tokens: All tokens, special ones first.
        device: Where to.
    """
    steps = (torch.arange(length, dtype=torch.float32, device=device) for length in grid)
    rows, columns = (torch.exp(-((n - n[:, None]) ** 2) / (2 * DEVIATION**2)) for n in steps)
    close = torch.kron(rows, columns)
    special = tokens - len(close)
    return F.pad(close, (special, 0, special, 0))


def closed(regions: Tensor, tokens: int) -> Tensor:
    """What keeps patches from looking out of their region, (B, 1, T, T): 0 or minus infinity.

    Args:
        regions: (B, N) int64, the region of every patch, 0 for none.
        tokens: All tokens, special ones first, which look everywhere.
    """
    free = regions == 0
    seen = regions[:, :, None] == regions[:, None]
    seen = seen | free[:, :, None] | free[:, None]
    special = tokens - regions.shape[1]
    seen = F.pad(seen, (special, 0), value=False)
    seen = F.pad(seen, (0, 0, special, 0), value=True)
    bias = torch.zeros(seen.shape, device=regions.device)
    return bias.masked_fill_(~seen, -torch.inf)[:, None]

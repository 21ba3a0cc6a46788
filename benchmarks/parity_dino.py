"""How far transformers' Grounding DINO is from the authors' code with the same weights.

    python benchmarks/parity.py --parts dino_t dino_b

The weights are random, drawn for each published key by its name, so that both sides are filled
through what loads the real ones. Pixels are noise and words are random tokens, given to both.

The network keeps the best-ranked image tokens as proposals, and query i is the i-th of them plus
the i-th learned embedding. Where two tokens score the same up to rounding, they change places from
one implementation to the other, and two rows of the output with them, although nothing is wrong.
So transformers is made to take the proposals that the package took, in its order, and everything
else is compared; how many places would have differed is told beside it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import torch
import torch.nn.functional as F
from groundingdino.util.misc import NestedTensor
from torch import Tensor, nn
from transformers import BatchEncoding, GroundingDinoConfig, GroundingDinoForObjectDetection

from zeroseg.detection.text_positions import keep_positions
from zeroseg.weights.official.grounding_dino_checkpoint import to_transformers
from zeroseg.weights.official.grounding_dino_network import build_official, load_official

CLS, SEP, STOP, QUESTION, COMMA = 101, 102, 1012, 1029, 1010
"""What these tokens are in the vocabulary of bert-base-uncased."""
QUERY_NORMS = ("transformer.decoder.norm.weight", "transformer.enc_output_norm.weight")
"""What a logit's size hangs on: drawn small, so that logits spread over a few units as trained."""
Shape = tuple[int, int]
Row = tuple[str, float]


def network_rows(name: str, config: GroundingDinoConfig, shapes: Sequence[Shape]) -> list[Row]:
    """Every quantity compared at these image shapes, with the largest difference found."""
    pair = Pair.of(config)
    found = []
    for height, width in shapes:
        for prompt, text in prompts(config.text_config.vocab_size).items():
            apart = pair.compare([(height, width)], text)
            found += [(f"{name} {height}x{width}, {prompt}: {k}", v) for k, v in apart.items()]
    height, width = shapes[0]
    text = prompts(config.text_config.vocab_size)["three prompts"]
    apart = pair.compare([(height, width // 2), (height, width)], text)
    return found + [(f"{name} padded batch, three prompts: {k}", v) for k, v in apart.items()]


def prompts(words: int) -> dict[str, list[int]]:
    """Texts of random words from a vocabulary of this size, as the detectors write them."""
    generator = torch.Generator().manual_seed(2)
    a, b, c, d = torch.randint(QUESTION + 1, words, (4,), generator=generator).tolist()
    return {
        "one prompt": [CLS, a, STOP, SEP],
        "three prompts": [CLS, a, STOP, b, c, STOP, d, STOP, SEP],
        "three prompts joined by commas": [CLS, a, COMMA, b, c, COMMA, d, STOP, SEP],
    }


@dataclass(frozen=True)
class Pair:
    """The authors' network and transformers' with the same weights."""

    official: nn.Module
    ours: GroundingDinoForObjectDetection

    @classmethod
    def of(cls, config: GroundingDinoConfig) -> Pair:
        """Both networks of this size."""
        weights = seeded_weights(config)
        ours = to_transformers(config, weights)
        keep_positions(ours)  # as `GroundingDino` does
        return cls(load_official(config, weights, SpecialTokens()), ours)

    @torch.no_grad()
    def compare(self, shapes: Sequence[Shape], text: Sequence[int]) -> dict[str, float]:
        """Largest differences for a batch of images of these shapes that share a text."""
        images = [noise_pixels(*shape) for shape in shapes]
        pixels, real = padded(images)
        ids = torch.tensor([list(text)] * len(images))
        tokens = BatchEncoding({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        with recorded_ranking() as taken:
            theirs = self.official(NestedTensor(pixels, ~real), captions=tokens)
        with replayed_ranking(taken) as moved:
            mine = self.ours(pixel_values=pixels, pixel_mask=real.long(), **tokens)
        length = len(text)
        logits = theirs["pred_logits"][..., :length], mine.logits[..., :length]
        return {
            "logits": largest(*logits),
            "boxes": largest(theirs["pred_boxes"], mine.pred_boxes),
            "proposals that change places": sum(moved),
        }


def largest(one: Tensor, other: Tensor) -> float:
    """The largest difference of two tensors, which must be of one shape and say something."""
    if one.shape != other.shape or not one.std() > 0.01 or not one.isfinite().all():
        raise ValueError(f"nothing to compare: {one.shape}, {other.shape}, spread {one.std()}")
    return float((one - other).abs().max())


@contextmanager
def recorded_ranking() -> Iterator[list[Tensor]]:
    """Remember what `torch.topk` chooses."""
    taken: list[Tensor] = []
    topk = torch.topk

    def record(values: Tensor, k: int, dim: int) -> tuple[Tensor, Tensor]:
        best, places = topk(values, k, dim=dim)
        taken.append(places)
        return best, places

    with patch("torch.topk", record):
        yield taken


@contextmanager
def replayed_ranking(taken: Sequence[Tensor]) -> Iterator[list[int]]:
    """Let `torch.topk` choose what it chose before; gives the number of places that differ."""
    moved: list[int] = []
    topk, before = torch.topk, iter(taken)

    def replay(values: Tensor, k: int, dim: int) -> tuple[Tensor, Tensor]:
        places = next(before)
        moved.append(int((topk(values, k, dim=dim)[1] != places).sum()))
        return values.gather(dim, places), places

    with patch("torch.topk", replay):
        yield moved


def noise_pixels(height: int, width: int) -> Tensor:
    """Noise over blurred noise, (3, H, W) float32: near pixels have to do with one another."""
    generator = torch.Generator().manual_seed(height * 10000 + width)
    coarse = torch.randn(1, 3, height // 16, width // 16, generator=generator)
    smooth = F.interpolate(coarse, (height, width), mode="bicubic")
    return (smooth + 0.3 * torch.randn(1, 3, height, width, generator=generator))[0]


def padded(images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) with zeros at their right and bottom, and (B, H, W) where they are."""
    height, width = (max(image.shape[i] for image in images) for i in (1, 2))
    pixels = torch.zeros(len(images), 3, height, width)
    real = torch.zeros(len(images), height, width, dtype=torch.bool)
    for i, image in enumerate(images):
        pixels[i, :, : image.shape[1], : image.shape[2]] = image
        real[i, : image.shape[1], : image.shape[2]] = True
    return pixels, real


class SpecialTokens:
    """As much of bert-base-uncased's tokenizer as the network asks for."""

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Ids of special tokens."""
        known = {"[CLS]": CLS, "[SEP]": SEP, ".": STOP, "?": QUESTION}
        return [known[token] for token in tokens]


def seeded_weights(config: GroundingDinoConfig) -> dict[str, Tensor]:
    """Weights by published key, each drawn from a seed that is its name."""
    state = build_official(config, SpecialTokens()).state_dict()
    return seeded({key: tuple(v.shape) for key, v in state.items() if v.is_floating_point()})


def seeded(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    # The heads for boxes are one head under many names.
    names = {key: re.sub(r".*bbox_embed\.\d+\.", "bbox_embed.0.", key) for key in shapes}
    return {key: _drawn(names[key], shape) for key, shape in shapes.items()}


def _drawn(key: str, shape: tuple[int, ...]) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
    if key in QUERY_NORMS:
        return values * 0.025 + 0.25
    if len(shape) == 1:
        return values * 0.1 + (1.0 if key.endswith("weight") else 0.0)
    return values / values[0].numel() ** 0.5

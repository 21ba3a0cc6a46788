"""Dense scores as scripts make them, over the same networks: another yardstick of `throughput.py`.

Patches of CLIP: each window goes through the network by itself, its logits are enlarged to pixels,
laid into a picture of zeros and summed up; the mean is enlarged to the picture's size (the sliding
loop that SCLIP, NACLIP and their kin share). CLIPSeg: the picture goes through the whole network
once for every prompt, several at a time, as its documentation shows. zeroseg's sides are
`PatchScorer` and `ClipSeg` on the same weights, which are random. Label maps of CLIPSeg have to
agree; those of patches but for pixels between patches, where means are enlarged, not enlarged maps
averaged: with random weights, many classes are nearly as likely there.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from concept_loop import Turn, agreement, clock
from rich.console import Console
from rich.table import Table
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    CLIPSegProcessor,
    CLIPTokenizer,
    ViTImageProcessor,
)

from zeroseg.dense import ClipSeg, DenseScorer, PatchScorer
from zeroseg.refinement.selecting import select_classes
from zeroseg.values import Selection
from zeroseg.vocabulary import Vocabulary

LENGTH, PATCH = 77, 16


@dataclass(frozen=True)
class Size:
    """How large the networks are.

    Attributes:
        width, layers, heads: Of both encoders.
        side: Of CLIP's pictures and windows, in pixels.
        square: Of CLIPSeg's pictures, in pixels.
    """

    width: int
    layers: int
    heads: int
    side: int
    square: int


SIZES = {
    "tiny": Size(32, 3, 2, 32, 48),
    "small": Size(384, 12, 6, 224, 352),
    "base": Size(768, 12, 12, 224, 352),
}
"""Sizes by name: "base" is that of CLIP ViT-B/16 and of CLIPSeg around it, "small" half as wide."""


def scorers(size: Size, device: torch.device) -> tuple[PatchScorer, ClipSeg]:
    """Both, of a size, with random weights; always the same."""
    letters = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    words = ["!", *letters, "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        {word: i for i, word in enumerate(words)}, [], pad_token="!", model_max_length=LENGTH
    )
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1}
    width = {"hidden_size": size.width, "intermediate_size": 4 * size.width}
    deep = {**width, "num_hidden_layers": size.layers, "num_attention_heads": size.heads}
    text = {**deep, **ends, "vocab_size": len(words), "max_position_embeddings": LENGTH}
    vision = {**deep, "patch_size": PATCH, "image_size": size.side}
    torch.manual_seed(0)
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision))
    extracted = [i * size.layers // 4 for i in (1, 2, 3)]
    clipseg = CLIPSegForImageSegmentation(
        CLIPSegConfig(
            text_config=text, vision_config=vision, extract_layers=extracted,
            use_complex_transposed_convolution=True,
        )
    )  # fmt: skip
    pictures = CLIPImageProcessor(crop_size={"height": size.side, "width": size.side})
    squares = ViTImageProcessor(size={"height": size.square, "width": size.square})
    patches = PatchScorer(clip, CLIPProcessor(pictures, tokenizer), others=())
    segments = ClipSeg(clipseg, CLIPSegProcessor(squares, tokenizer), cell=1)
    return (
        patches.to(device).requires_grad_(False),
        segments.to(device).requires_grad_(False),
    )


@torch.inference_mode()
def by_window(scorer: PatchScorer, image: Tensor, asked: Selection) -> Tensor:
    """The label map (H, W) of an image by the published loop over windows."""
    words = scorer._words.encode(scorer.encoder, asked.prompts, 1)
    texts = torch.stack([words[prompt] for prompt in asked.prompts])
    framing, size = scorer.framing, (image.shape[1], image.shape[2])
    grid = framing.grid(size)
    resized = scorer.encoder.pixels([image], (grid[0] * PATCH, grid[1] * PATCH))[0]
    total = resized.new_zeros(len(texts), *resized.shape[1:])
    count = resized.new_zeros(resized.shape[1:])
    for window in framing.windows(grid):
        shown = framing.cut(resized, window)
        [patches] = scorer._features(shown[None])
        logits = torch.einsum("pd,dhw->phw", texts, patches)
        rows, columns = (slice(w.start * PATCH, w.stop * PATCH) for w in window)
        place = (
            columns.start,
            total.shape[2] - columns.stop,
            rows.start,
            total.shape[1] - rows.stop,
        )
        total += F.pad(_enlarged(logits, (shown.shape[1], shown.shape[2])), place)
        count[rows, columns] += 1
    scores = _enlarged(total / count, size).mul(scorer.logit_scale).softmax(0)
    return torch.tensor(asked.labels)[scores.argmax(0).cpu()]


@torch.inference_mode()
def by_prompt(scorer: ClipSeg, image: Tensor, asked: Selection, together: int) -> Tensor:
    """The label map (H, W) of an image by CLIPSeg with the picture repeated for every prompt."""
    maps = []
    for start in range(0, len(asked.prompts), together):
        prompts = list(asked.prompts[start : start + together])
        inputs = scorer.processor(
            text=prompts, images=[image] * len(prompts), padding=True, return_tensors="pt"
        ).to(scorer.model.device)
        maps.append(scorer.model(**inputs).logits.sigmoid())
    scores = _enlarged(torch.cat(maps), (image.shape[1], image.shape[2]))
    return torch.tensor(asked.labels)[scores.argmax(0).cpu()]


@torch.inference_mode()
def ours(scorer: DenseScorer, images: Sequence[Tensor], asked: Selection) -> list[Tensor]:
    """The label maps of images by zeroseg."""
    labels = torch.tensor(asked.labels)
    found = scorer(images, [asked] * len(images))
    return [labels[dense.full().argmax(0).cpu()] for dense in found]


def compare(
    size: Size,
    vocabulary: Vocabulary,
    images: Sequence[Tensor],
    repeats: int,
    together: int,
    device: torch.device,
) -> dict[str, Any]:
    """All ways in turns over the same images (3, H, W) uint8, each by its fastest turn.

    Args:
        size: Of the networks.
        vocabulary: Its classes are asked for.
        images: What is scored.
        repeats: Turns of each way.
        together: Prompts to a pass of CLIPSeg where the picture is repeated.
        device: Where it runs.
    """
    patches, segments = scorers(size, device)
    asked = select_classes(vocabulary.classes, vocabulary)
    ways: dict[str, Callable[[Sequence[Tensor]], list[Tensor]]] = {
        "patches, window by window": lambda own: [by_window(patches, i, asked) for i in own],
        "PatchScorer": lambda own: ours(patches, own, asked),
        "CLIPSeg, picture repeated": lambda own: [
            by_prompt(segments, i, asked, together) for i in own
        ],
        "ClipSeg": lambda own: ours(segments, own, asked),
    }
    for way in ways.values():
        way(images[:1])
    turns: dict[str, list[Turn]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            with clock(device) as spent:
                maps = way(images)
            turns[name].append(Turn(*spent, maps, 0))
    names = list(ways)
    pairs = zip(names, [names[1], names[1], names[3], names[3]], strict=True)
    return {name: _figures(turns[name], turns[yardstick]) for name, yardstick in pairs}


def _figures(turns: Sequence[Turn], ours: Sequence[Turn]) -> dict[str, float]:
    """A way's times, and how they compare with ours."""
    wall, our_wall = (min(turn.seconds for turn in own) for own in (turns, ours))
    busy, our_busy = (min(turn.processor_seconds for turn in own) for own in (turns, ours))
    return {
        "ms": 1000 * wall / len(turns[0].maps),
        "processor_ms": 1000 * busy / len(turns[0].maps),
        "ratio": wall / our_wall,
        "processor_ratio": busy / our_busy,
        "pixel_agreement": agreement(turns[0].maps, ours[0].maps),
    }


def show(report: dict[str, Any], console: Console) -> None:
    """The report as a table."""
    table = Table("way", "ms an image", "ratio", "processor ms", "ratio", "pixels equal")
    for name, own in report.items():
        table.add_row(
            name,
            f"{own['ms']:.0f}",
            f"{own['ratio']:.2f}",
            f"{own['processor_ms']:.0f}",
            f"{own['processor_ratio']:.2f}",
            f"{own['pixel_agreement']:.2%}",
        )
    console.print(table)


def _enlarged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps[None], size, mode="bilinear", align_corners=False)[0]

"""How fast the hardware would let the networks be: floating-point operations over matmul rate.

    python benchmarks/roofline.py --random-weights published

prints what the networks of the published system take for one image, counted on shapes alone: no
weights, no device. `throughput.py` counts the same while real images pass, and divides by the rate
that a large matrix product reaches on the device at hand, in the precision and with the threads of
the run. A multiply-add is two operations. What is no matrix product, convolution or attention
counts as nothing, so the roofline is never quite reached.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import random_weights
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from zeroseg import ZeroShotSegmenter
from zeroseg.values import Description

SECONDS_OF_MATMUL = 1.0
Answer = TypeVar("Answer")


def operations(work: Callable[[], object]) -> float:
    """Floating-point operations of some work with tensors."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work()
    return float(counter.get_total_flops())


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of the best of many products of large square matrices."""
    side = 8192 if device.type == "cuda" else 1024
    one, other = torch.randn(2, side, side, device=device).to(dtype)
    best, end = float("inf"), time.perf_counter() + SECONDS_OF_MATMUL
    while best == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        one @ other
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def stage_operations(
    segmenter: ZeroShotSegmenter, images: Sequence[Tensor], descriptions: Sequence[Description]
) -> dict[str, float]:
    """Operations an image of each stage with a network, the mean over images.

    Args:
        segmenter: Its components see one image at a time. No parameter may need a gradient: the
            counter would follow it.
        images: (3, H, W) uint8 each.
        descriptions: What pre-refinement is told of each image.
    """
    counts: dict[str, float] = {}

    def count(stage: str, component: Callable[..., Answer], *inputs: Any) -> Answer:
        answers: list[Answer] = []
        done = operations(lambda: answers.append(component(*inputs)))
        counts[stage] = counts.get(stage, 0.0) + done / len(images)
        return answers[0]

    for image, description in zip(images, descriptions, strict=True):
        if segmenter.tagger is not None:
            count("tags", segmenter.tagger, [image])
        if segmenter.captioner is not None:
            count("caption", segmenter.captioner, [image])
        selections = segmenter.pre_refiner([description], segmenter.vocabulary)
        found = count("detection", segmenter.detector, [image], selections)
        count("masks", segmenter.mask_predictor, [image], found)
    return counts


def network_operations(segmenter: Any, seen: tuple[int, int]) -> dict[str, float]:
    """Operations of what takes most for one image, counted on any device, "meta" too.

    Args:
        segmenter: A system of `random_weights`.
        seen: (height, width) of what the detector sees of the image.
    """

    def of(network: Callable[..., object], height: int, width: int, *more: Tensor) -> float:
        blank = torch.zeros(1, 3, height, width, device=segmenter.device)
        return operations(lambda: network(blank, *more))

    tagger, captioner = segmenter.tagger.model, segmenter.captioner.model
    detector, masks = segmenter.detector.model, segmenter.mask_predictor
    piece, square = tagger.config.image_size, captioner.config.vision_config.image_size
    whole = torch.ones(1, *seen, dtype=torch.int64, device=segmenter.device)
    return {
        "tagger, one piece": of(tagger, piece, piece),
        "captioner's vision model": of(captioner.vision_model, square, square),
        "detector's backbone": of(detector.model.backbone.conv_encoder, *seen, whole),
        "mask predictor's image encoder": of(masks.model.vision_encoder, masks.frame, masks.frame),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--random-weights", choices=list(random_weights.SIZES), default="published")
    args = parser.parse_args()
    sizes = random_weights.SIZES[args.random_weights]()
    seen = (sizes.short_side, sizes.short_side * 4 // 3)
    table = Table(f"{args.random_weights}, one image", "GFLOP")
    for part, count in network_operations(random_weights.build(sizes, "meta"), seen).items():
        table.add_row(part, f"{count / 1e9:.1f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()

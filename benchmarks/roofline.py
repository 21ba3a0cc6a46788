"""How fast the hardware would let the networks be: floating-point operations over matmul rate.

`throughput.py` counts operations while images pass, and divides by the rate that a large matrix
product reaches on the device at hand, in the precision and with the threads of the run. A
multiply-add is two operations. What is no matrix product, convolution or attention counts as
nothing, so the roofline is never quite reached; `bounds.py` tells how near one could come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from zeroseg import ZeroShotSegmenter
from zeroseg.running.transfer import wait_for
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
    side = 1024 if device.type == "cpu" else 8192
    one, other = torch.randn(2, side, side, device=device).to(dtype)
    best, end = float("inf"), time.perf_counter() + SECONDS_OF_MATMUL
    while best == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        one @ other
        wait_for(device)
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

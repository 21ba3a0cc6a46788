"""SAM 3 as scripts run it, over transformers' own classes: another yardstick of `throughput.py`.

Every prompt goes with its picture through the processor, the whole network and the processor's
post-processing: one prompt after the other, or several with the picture repeated for each. From the
answers follows a label map as SegEarth-OV3's code makes it: for each prompt its presence times the
higher of dense map and instances, which are the probabilities of their masks times their scores, at
the picture's size; the highest takes the pixel. zeroseg's side is `Sam3` with `ThingsAndStuff`,
with the same options, so the label maps have to agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from zeroseg import Segmentation, ZeroShotSegmenter
from zeroseg.detection import Sam3
from zeroseg.fusion import ThingsAndStuff
from zeroseg.masking import DetectorMasks
from zeroseg.refinement import AllClasses
from zeroseg.refinement.selecting import select_classes
from zeroseg.running.transfer import wait_for
from zeroseg.vocabulary import Vocabulary

ONE_BY_ONE, REPEATED, OURS = "one prompt at a time", "picture repeated", "zeroseg"


@dataclass(frozen=True)
class Turn:
    """One way over all pictures.

    Attributes:
        seconds: Of the clock on the wall.
        processor_seconds: Of all threads of this process, which hardly know of other processes.
        maps: (H, W) int64 each.
        instances: How many there were in all pictures.
    """

    seconds: float
    processor_seconds: float
    maps: list[Tensor]
    instances: int


def system(checkpoint: str, vocabulary: Vocabulary, device: torch.device) -> ZeroShotSegmenter:
    """What is measured: it asks for all classes, thins out no instance, leaves no pixel over."""
    detector = Sam3.from_pretrained(checkpoint, preview="never", nms_threshold=1.0)
    fusion = ThingsAndStuff(background="threshold", threshold=0.0)
    segmenter = ZeroShotSegmenter(
        vocabulary, AllClasses(), detector, DetectorMasks(), fusion=fusion
    )
    return segmenter.to(device).requires_grad_(False)


class ConceptLoop:
    """The scripts' way over the network of a system.

    Args:
        parts: The system whose network, processor, classes and threshold are used; see `system`.
        together: Prompts to a pass.
    """

    def __init__(self, parts: ZeroShotSegmenter, together: int) -> None:
        if not isinstance(parts.detector, Sam3):
            raise TypeError(f"{type(parts.detector).__name__} is no Sam3")
        asked = select_classes(parts.vocabulary.classes, parts.vocabulary)
        self.prompts, self.labels = list(asked.prompts), torch.tensor(asked.labels)
        self.model, self.processor = parts.detector.model, parts.detector.processor
        self.threshold = parts.detector.score_threshold
        self.together = together
        self.instances = 0

    @torch.inference_mode()
    def segment(self, image: Tensor) -> Tensor:
        """The label map (H, W) int64 of an image (3, H, W) uint8."""
        scores = []
        for start in range(0, len(self.prompts), self.together):
            scores += self._scores(image, self.prompts[start : start + self.together])
        best: Tensor = torch.stack(scores).argmax(0).cpu()
        return self.labels[best]

    def _scores(self, image: Tensor, prompts: list[str]) -> list[Tensor]:
        """How much speaks for each prompt at every pixel, (H, W) each."""
        sizes = [(image.shape[1], image.shape[2])] * len(prompts)
        inputs = self.processor(images=[image] * len(prompts), text=prompts, return_tensors="pt")
        output = self.model(**inputs.to(self.model.device))
        found = self.processor.post_process_semantic_segmentation(
            output, sizes, return_segmentation_scores=True
        )
        presence = output.presence_logits.sigmoid()
        likely = output.pred_logits.sigmoid() * presence
        answers = []
        for row, dense in enumerate(found):
            kept = likely[row] > self.threshold
            answer = dense["segmentation_scores"][0]
            self.instances += int((output.pred_masks[row, kept] > 0).flatten(1).any(1).sum())
            if kept.any():
                masks = F.interpolate(output.pred_masks[row, kept][None], sizes[0], mode="bilinear")
                best = (masks[0].sigmoid() * likely[row, kept, None, None]).amax(0)
                answer = torch.maximum(answer, best)
            answers.append(presence[row] * answer)
        return answers


def compare(
    parts: ZeroShotSegmenter, images: Sequence[Tensor], repeats: int, together: int
) -> dict[str, Any]:
    """All ways in turns over the same images (3, H, W) uint8, each by its fastest turn.

    Args:
        parts: See `system`.
        images: What is segmented.
        repeats: Turns of each way.
        together: Prompts to a pass where the picture is repeated.
    """
    ways: dict[str, Callable[[Sequence[Tensor]], Turn]] = {
        ONE_BY_ONE: lambda images: _theirs(parts, images, 1),
        REPEATED: lambda images: _theirs(parts, images, together),
        OURS: lambda images: _ours(parts, images),
    }
    for way in ways.values():
        way(images[:1])
    turns: dict[str, list[Turn]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            turns[name].append(way(images))
    wall = {name: min(turn.seconds for turn in own) for name, own in turns.items()}
    busy = {name: min(turn.processor_seconds for turn in own) for name, own in turns.items()}
    ours = turns[OURS][0]
    return {
        name: {
            "ms": 1000 * wall[name] / len(images),
            "processor_ms": 1000 * busy[name] / len(images),
            "ratio": wall[name] / wall[OURS],
            "processor_ratio": busy[name] / busy[OURS],
            "pixel_agreement": agreement(own[0].maps, ours.maps),
            "instances": own[0].instances,
        }
        for name, own in turns.items()
    }


def show(report: dict[str, Any], console: Console) -> None:
    """The report as a table."""
    heads = ("ms an image", "ratio", "processor ms", "ratio", "pixels equal", "instances")
    table = Table("way", *heads)
    for name, own in report.items():
        table.add_row(
            name,
            f"{own['ms']:.0f}",
            f"{own['ratio']:.2f}",
            f"{own['processor_ms']:.0f}",
            f"{own['processor_ratio']:.2f}",
            f"{own['pixel_agreement']:.3%}",
            f"{own['instances']}",
        )
    console.print(table)


def _theirs(parts: ZeroShotSegmenter, images: Sequence[Tensor], together: int) -> Turn:
    loop = ConceptLoop(parts, together)
    with clock(parts.device) as spent:
        maps = [loop.segment(image) for image in images]
    return Turn(*spent, maps, loop.instances)


def _ours(parts: ZeroShotSegmenter, images: Sequence[Tensor]) -> Turn:
    results: list[Segmentation] = []
    with clock(parts.device) as spent:
        for result in parts.stream(images):
            if not isinstance(result, Segmentation):
                raise RuntimeError(f"{result.stage} failed: {result.message}")
            results.append(result)
    maps = [result.label_map.cpu() for result in results]
    return Turn(*spent, maps, sum(len(result.detections) for result in results))


@contextmanager
def clock(device: torch.device) -> Iterator[list[float]]:
    """Seconds on the wall and of the processor, there when the body is over."""
    spent: list[float] = []
    start, busy = time.perf_counter(), time.process_time()
    yield spent
    wait_for(device)
    spent += [time.perf_counter() - start, time.process_time() - busy]


def agreement(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Share of pixels with the same class."""
    same = sum(int((a == b).sum()) for a, b in zip(one, other, strict=True))
    return same / sum(a.numel() for a in one)

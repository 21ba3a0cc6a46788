"""What the tiny family reaches on drawn scenes that it never saw.

    python benchmarks/tiny.py --scenes 500 --seed 7 --json tiny.json
    python benchmarks/tiny.py --scenes 200 --size 320x240 --parts detector

Every figure comes from the same components that a user runs. Scenes of any seed below a million are
held out: the recipes train on seed 1000003 and watch seed 1000004.

- tagger: F1 of each tag over all scenes, then the mean over tags that occur.
- captions: F1 of the drawn classes that a caption names, over all scenes.
- detector: AP50 and AP75 with the 11 DRAM classes prompted in every scene, the mean over classes;
  false boxes: share of prompts for absent classes that got a box at the preset's threshold.
- masks: IoU of every thing's mask from its true box, by visible area, without and with points.
- pipeline: mIoU on the DRAM vocabulary from one confusion matrix, for the tiny preset and variants.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from benchmarks.recipes.detector_score import DetectionScore
from zeroseg import (
    Description,
    Detections,
    GroundingDino,
    MaskPredictor,
    Sam,
    Selection,
    ZeroShotSegmenter,
)
from zeroseg.data import DrawnScenes
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.masking import TopLogits
from zeroseg.presets import load_preset
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement import AllClasses, ExactPostRefiner, LexicalPreRefiner, RawTags
from zeroseg.vocabularies import DRAM, DRAWN

BATCH = 16
PARTS = ["tagger", "captions", "detector", "masks", "pipeline"]
Variant = Callable[[], ZeroShotSegmenter]


@dataclass(frozen=True)
class World:
    """The first `count` scenes of a seed, drawn at `size` (height, width)."""

    count: int
    seed: int
    size: tuple[int, int]

    def batches(self, title: str) -> Iterator[list[Scene]]:
        """The scenes a batch at a time, with a progress bar."""
        for start in track(range(0, self.count, BATCH), title):
            stop = min(start + BATCH, self.count)
            yield [draw_scene(self.seed, i, self.size) for i in range(start, stop)]


def images(batch: list[Scene]) -> list[Tensor]:
    return [torch.from_numpy(scene.image).permute(2, 0, 1).contiguous() for scene in batch]


def f1(hits: int, predicted: int, present: int) -> float:
    return 2 * hits / (predicted + present) if predicted + present else float("nan")


def score_tagger(tagger: Tagger, world: World) -> dict[str, float]:
    tally: dict[str, list[int]] = {}
    for batch in world.batches("tagger"):
        for scene, tags in zip(batch, tagger(images(batch)), strict=True):
            present = {region.name for region in scene.regions}
            predicted = {tag.name for tag in tags}
            for name in present | predicted:
                counts = tally.setdefault(name, [0, 0, 0])
                counts[0] += name in present and name in predicted
                counts[1] += name in predicted
                counts[2] += name in present
    values = {name: f1(*counts) for name, counts in tally.items() if counts[2]}
    total = [sum(column) for column in zip(*tally.values(), strict=True)]
    return {
        "mean F1": sum(values.values()) / len(values),
        "micro F1": f1(*total),
        "lowest F1": min(values.values()),
        "tags": len(values),
    }


def score_captioner(captioner: Captioner, world: World) -> dict[str, float]:
    reader = LexicalPreRefiner()
    hits = predicted = present = 0
    for batch in world.batches("captions"):
        captions = captioner(images(batch))
        said = reader([Description((), caption) for caption in captions], DRAWN)
        for scene, selection in zip(batch, said, strict=True):
            truth = {DRAWN.index(region.category) for region in scene.regions if region.thing}
            named = set(selection.labels)
            hits += len(truth & named)
            predicted += len(named)
            present += len(truth)
    return {
        "class F1": f1(hits, predicted, present),
        "precision": hits / max(predicted, 1),
        "recall": hits / max(present, 1),
    }


def score_detector(detector: GroundingDino, threshold: float, world: World) -> dict[str, float]:
    words = tuple(DRAM.prompts[i] for i in DRAM.classes)
    asked = Selection(words, DRAM.classes)
    tally = DetectionScore(words, threshold)
    for batch in world.batches("detector"):
        found = detector(images(batch), [asked] * len(batch))
        for scene, detections in zip(batch, found, strict=True):
            things = [r for r in scene.regions if r.thing and r.category in words]
            boxes = torch.tensor([r.box for r in things], dtype=torch.float32).reshape(-1, 4)
            labels = torch.tensor([words.index(r.category) for r in things], dtype=torch.int64)
            scores = torch.zeros(len(detections), len(words))
            scores[torch.arange(len(detections)), detections.prompt_index] = detections.scores
            padded = torch.cat([detections.boxes, torch.zeros(1, 4)])
            tally.add(padded, torch.cat([scores, torch.zeros(1, len(words))]), boxes, labels)
    summary = tally.summary()
    return {
        "AP50": summary["AP50"],
        "AP75": summary["AP75"],
        "false boxes": summary["false"],
        "found": summary["found"],
    }


def score_masks(predictor: MaskPredictor, world: World) -> dict[str, float]:
    values: list[tuple[float, int]] = []
    for batch in world.batches("masks"):
        things = [[i for i, r in enumerate(scene.regions) if r.thing] for scene in batch]
        found = []
        for scene, own in zip(batch, things, strict=True):
            boxes = torch.tensor([scene.regions[i].box for i in own], dtype=torch.float32)
            found.append(
                Detections(
                    boxes=boxes.reshape(-1, 4),
                    scores=torch.ones(len(own)),
                    labels=torch.zeros(len(own), dtype=torch.int64),
                    phrases=tuple(scene.regions[i].name for i in own),
                    prompt_index=torch.zeros(len(own), dtype=torch.int64),
                )
            )
        for scene, own, masks in zip(batch, things, predictor(images(batch), found), strict=True):
            for index, mask in zip(own, masks.full() > 0, strict=True):
                truth = torch.from_numpy(scene.segments == index)
                union = int((mask | truth).sum())
                values.append((int((mask & truth).sum()) / union, int(truth.sum())))

    def mean(low: float, high: float) -> float:
        chosen = [iou for iou, area in values if low <= area < high]
        return sum(chosen) / len(chosen) if chosen else float("nan")

    return {
        "IoU": mean(0, 1e9),
        "IoU < 1500 px": mean(0, 1500),
        "IoU 1500-5000 px": mean(1500, 5000),
        "IoU > 5000 px": mean(5000, 1e9),
        "things": len(values),
    }


def score_pipeline(make: Variant, world: World) -> dict[str, float]:
    data = DrawnScenes(DRAM, world.count, world.size, world.seed, batch_size=BATCH)
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False
    )
    start = time.perf_counter()
    [scores] = trainer.test(make(), data, verbose=False)
    return {
        "mIoU": scores["miou"],
        "pixel accuracy": scores["pixel_accuracy"],
        "failures": scores["failures"],
        "ms an image": 1000 * (time.perf_counter() - start) / world.count,
    }


def variants() -> dict[str, Variant]:
    """The tiny preset and its ablations, as in the paper's table 3."""

    def tiny(**changes: object) -> ZeroShotSegmenter:
        return ZeroShotSegmenter.from_preset("tiny", vocabulary=DRAM, **changes)

    def plain_sam() -> MaskPredictor:
        return Sam.from_pretrained("tiny:sam", point_sampler=None)

    return {
        "full": tiny,
        "without captions": lambda: tiny(captioner=None),
        "without tags": lambda: tiny(tagger=None),
        "without pre-refinement (raw tags)": lambda: tiny(pre_refiner=RawTags()),
        "without post-refinement": lambda: tiny(post_refiner=ExactPostRefiner()),
        "without points": lambda: tiny(mask_predictor=plain_sam()),
        "without all (raw tags, boxes only)": lambda: tiny(
            captioner=None,
            pre_refiner=RawTags(),
            post_refiner=ExactPostRefiner(),
            mask_predictor=plain_sam(),
        ),
        "all classes prompted": lambda: tiny(tagger=None, captioner=None, pre_refiner=AllClasses()),
    }


def pixels(text: str) -> tuple[int, int]:
    """(height, width) of "WIDTHxHEIGHT"."""
    width, height = text.split("x")
    return int(height), int(width)


def measure(parts: list[str], world: World) -> dict[str, dict[str, float]]:
    """The figures of the parts asked for."""
    preset = load_preset("tiny")
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=DRAWN)
    assert segmenter.tagger is not None
    assert segmenter.captioner is not None
    report: dict[str, dict[str, float]] = {}
    if "tagger" in parts:
        report["tagger"] = score_tagger(segmenter.tagger, world)
    if "captions" in parts:
        report["captions"] = score_captioner(segmenter.captioner, world)
    if "detector" in parts:
        threshold = preset["detector"]["init_args"]["box_threshold"]
        keen = GroundingDino.from_pretrained(
            "tiny:grounding_dino", box_threshold=0.02, nms_threshold=0.7
        )
        report["detector"] = score_detector(keen, threshold, world)
    if "masks" in parts:
        report["masks, box"] = score_masks(
            Sam.from_pretrained("tiny:sam", point_sampler=None), world
        )
        pointed = Sam.from_pretrained("tiny:sam", point_sampler=TopLogits(20))
        report["masks, box and 20 points"] = score_masks(pointed, world)
    if "pipeline" in parts:
        for name, make in variants().items():
            report[f"pipeline, {name}"] = score_pipeline(make, world)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7, help="which world, below a million")
    parser.add_argument("--size", type=pixels, default=(256, 256), metavar="WxH")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    report = measure(args.parts, World(args.scenes, args.seed, args.size))
    table = Table("part", "figures", title=f"tiny on {args.scenes} scenes of seed {args.seed}")
    for part, figures in report.items():
        table.add_row(part, "  ".join(f"{k} {v:.4g}" for k, v in figures.items()))
    Console(width=140).print(table)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

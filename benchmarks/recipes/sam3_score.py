"""How well a SAM 3 knows drawn scenes when asked for all 25 classes in each of them.

The answers are those of the plain `Sam3Model`, read as a user would: a label map by the largest
`presence x max(score x mask, dense map)`, instances by score times presence with boxes read off
their masks and thinned out by these.

    python -m benchmarks.recipes.sam3_score FOLDER --scenes 500

Scenes of seed 13 are for the figures that are reported: no recipe trains on them or watches them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import nms
from transformers import Sam3Model
from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD
from benchmarks.recipes.detector_prompts import MIN_STUFF, MIN_THING
from benchmarks.recipes.detector_score import DetectionScore
from benchmarks.recipes.masks_prompts import tight_boxes
from benchmarks.recipes.sam3_model import SIDE
from benchmarks.recipes.sam3_prompts import encode
from zeroseg.drawn.scene import Region, Scene, draw_scene
from zeroseg.drawn.world import CATEGORIES, THINGS

REPORT_SEED = 13
NMS = 0.6
"""Largest IoU of the boxes of two instances."""
FAINT = 0.01
"""Instances of a lower score are left out; they change no average precision."""
WORDS = list(CATEGORIES)


@dataclass(frozen=True)
class Found:
    """What a model says about one scene of H x W pixels.

    Attributes:
        presence: (25,), whether each class is there, in [0, 1].
        labels: (H, W) int64, index into `CATEGORIES`.
        masks: (K, H, W) bool, instances of things.
        boxes: (K, 4) in pixels, around them.
        scores: (K,) in [0, 1].
        classes: (K,) int64, index into `THINGS`.
    """

    presence: Tensor
    labels: Tensor
    masks: Tensor
    boxes: Tensor
    scores: Tensor
    classes: Tensor


@torch.inference_mode()
def look(model: Sam3Model, scene: Scene) -> Found:
    """Ask for all classes in a scene."""
    image = torch.from_numpy(scene.image).permute(2, 0, 1)[None].float() / 255
    image = F.interpolate(image, (SIDE, SIDE), mode="bilinear", antialias=True)
    mean, std = torch.tensor(IMAGE_MEAN), torch.tensor(IMAGE_STD)
    image = (image - mean[:, None, None]) / std[:, None, None]
    seen = model.get_vision_features(image.to(model.device))
    ids = encode(WORDS).to(model.device)
    many = Sam3VisionEncoderOutput(
        fpn_hidden_states=_for_each(seen.fpn_hidden_states, len(ids)),
        fpn_position_encoding=_for_each(seen.fpn_position_encoding, len(ids)),
    )
    output = model(vision_embeds=many, input_ids=ids, attention_mask=(ids > 0).long())
    return _read(
        output.presence_logits.sigmoid().flatten().cpu(),
        output.pred_logits.sigmoid().cpu(),
        output.pred_masks.float().cpu(),
        output.semantic_seg[:, 0].float().cpu(),
        scene.segments.shape,
    )


def _for_each(maps: Iterable[Tensor], count: int) -> tuple[Tensor, ...]:
    return tuple(x.expand(count, -1, -1, -1) for x in maps)


def _read(
    presence: Tensor, scores: Tensor, masks: Tensor, dense: Tensor, size: tuple[int, ...]
) -> Found:
    best = (scores[:, :, None, None] * masks.sigmoid()).amax(1)
    chance = presence[:, None, None] * torch.maximum(best, dense.sigmoid())
    labels = F.interpolate(chance[None], size, mode="bilinear")[0].argmax(0)
    scores = (scores * presence[:, None])[: len(THINGS)]
    kinds, queries = (scores > FAINT).nonzero(as_tuple=True)
    large = F.interpolate(masks[kinds, queries][:, None], size, mode="bilinear")[:, 0] > 0
    kept = large.flatten(1).any(1)
    large, kinds, scores = large[kept], kinds[kept], scores[kinds, queries][kept]
    boxes = tight_boxes(large)
    shift = kinds[:, None] * float(2 * max(size))
    chosen = nms(boxes + shift, scores, NMS)
    return Found(presence, labels, large[chosen], boxes[chosen], scores[chosen], kinds[chosen])


def clear(region: Region, pixels: int) -> bool:
    """Whether a region is large enough for a miss to count."""
    return region.area >= pixels * (MIN_THING if region.thing else MIN_STUFF)


@dataclass
class Sam3Score:
    """Collects the answers to many scenes, then sums up.

    A class of which there are only regions too small to be asked for is neither right nor wrong in
    presence, and such things are nothing to be found; the label map has every pixel.
    """

    confusion: Tensor = field(
        default_factory=lambda: torch.zeros(len(WORDS), len(WORDS), dtype=torch.int64)
    )
    hits: int = 0
    alarms: int = 0
    misses: int = 0
    boxes: DetectionScore = field(default_factory=lambda: DetectionScore(tuple(THINGS)))
    masks: DetectionScore = field(default_factory=lambda: DetectionScore(tuple(THINGS)))

    def add(self, found: Found, scene: Scene) -> None:
        """Take in one scene."""
        segments = torch.from_numpy(scene.segments).long()
        large = {i: r for i, r in enumerate(scene.regions) if clear(r, segments.numel())}
        self._add_labels(found.labels, segments, scene.regions)
        there, clearly = ({r.category for r in rs} for rs in (scene.regions, large.values()))
        self._add_presence(found.presence, there, clearly)
        self._add_instances(found, segments, {i: r for i, r in large.items() if r.thing})

    def _add_labels(self, labels: Tensor, segments: Tensor, regions: tuple[Region, ...]) -> None:
        truth = torch.tensor([WORDS.index(r.category) for r in regions])[segments]
        pairs = (truth * len(WORDS) + labels).flatten()
        self.confusion += torch.bincount(pairs, minlength=len(WORDS) ** 2).view(len(WORDS), -1)

    def _add_presence(self, presence: Tensor, there: set[str], clearly: set[str]) -> None:
        for word, said in zip(WORDS, (presence > 0.5).tolist(), strict=True):
            self.hits += said and word in clearly
            self.misses += not said and word in clearly
            self.alarms += said and word not in there

    def _add_instances(self, found: Found, segments: Tensor, things: dict[int, Region]) -> None:
        scores = torch.zeros(len(found.scores) + 1, len(THINGS))
        scores[torch.arange(len(found.scores)), found.classes] = found.scores
        truth = torch.tensor([r.box for r in things.values()], dtype=torch.float32).reshape(-1, 4)
        labels = torch.tensor([WORDS.index(r.category) for r in things.values()]).long()
        self.boxes.add(torch.cat([found.boxes, torch.zeros(1, 4)]), scores, truth, labels)
        ours = torch.cat([found.masks.flatten(1), torch.zeros(1, segments.numel())]).float()
        theirs = (segments.flatten() == torch.tensor(list(things)).reshape(-1, 1)).float()
        both = ours @ theirs.T
        ious = both / (ours.sum(1)[:, None] + theirs.sum(1) - both).clamp(min=1)
        self.masks.add_overlaps(scores, [ious[:, labels == word] for word in range(len(THINGS))])

    def ious(self) -> dict[str, float]:
        """IoU of each class in the label maps; NaN if it never occurs."""
        hits = self.confusion.diagonal()
        union = self.confusion.sum(0) + self.confusion.sum(1) - hits
        return dict(zip(WORDS, (hits / union).tolist(), strict=True))

    def summary(self) -> dict[str, float]:
        """The figures."""
        ious = np.array(list(self.ious().values()))
        things = len(THINGS)
        return {
            "mIoU": float(np.nanmean(ious)),
            "things": float(np.nanmean(ious[:things])),
            "stuff": float(np.nanmean(ious[things:])),
            "pixels": float(self.confusion.diagonal().sum() / self.confusion.sum()),
            "presence F1": 2 * self.hits / max(1, 2 * self.hits + self.alarms + self.misses),
            "precision": self.hits / max(1, self.hits + self.alarms),
            "recall": self.hits / max(1, self.hits + self.misses),
            "AP50": _mean_ap(self.boxes, 0.5),
            "AP75": _mean_ap(self.boxes, 0.75),
            "mask AP50": _mean_ap(self.masks, 0.5),
        }


def _mean_ap(score: DetectionScore, iou: float) -> float:
    return float(np.nanmean([score.average_precision(p, iou) for p in range(len(score.prompts))]))


def score(model: Sam3Model, scenes: Iterable[Scene]) -> Sam3Score:
    """Ask for all classes in all scenes."""
    total = Sam3Score()
    for scene in scenes:
        total.add(look(model, scene), scene)
    return total


def written(figures: dict[str, float]) -> str:
    """Figures in a line."""
    return " ".join(f"{name} {value:.3f}" for name, value in figures.items())


def drawn(seed: int, count: int) -> Iterator[Scene]:
    """The first scenes of a world."""
    return (draw_scene(seed, index, (256, 256)) for index in range(count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of an exported model")
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=REPORT_SEED)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = Sam3Model.from_pretrained(args.model, dtype=torch.float32).eval()
    total = score(model, drawn(args.seed, args.scenes))
    print(f"{args.scenes} scenes of seed {args.seed}: {written(total.summary())}")
    print(f"IoU {written(total.ious())}")


if __name__ == "__main__":
    main()

"""Train the tiny SAM on drawn scenes.

    python -m benchmarks.recipes.masks --cache CACHE --run RUN
    python -m benchmarks.recipes.masks --run RUN --export FOLDER

Minutes are of processor time: the run may share its machine. It goes on from its last checkpoint
when the same line is given again; `--begin FOLDER` starts from an exported model instead, which may
have been trained on smaller frames.

Data: things, and three in ten of the stuff areas, as tight or jittered boxes. Three steps in
twenty add up to 4 or 20 points inside the region, and five in twenty the 20 pixels of highest
logit of the model's own first pass, which is what `TopLogits` will show it and which are not
always right. A fifth of the images are cut short and padded, as SAM pads pictures that are not
square.

Losses: for three tenths of the time the encoder learns alone, from every pixel: its class, the
edges of the box of the region it belongs to, and the borders between regions, all read off the
image embedding by 1x1 convolutions (`DenseHeads`). That costs less an image than prompting, and
the mask decoder then starts on an embedding that already tells regions apart; a model that was
exported has that behind it. After that the masks: cross entropy, of which a pixel far from the box
counts a tenth, and Dice; the predicted IoU is regressed on the actual one; the dense losses go on
at a fraction of their weight. One step in eight trains SAM's three alternative masks, the best of
them for each prompt.

Speed: the encoder runs in bfloat16 with float32 weights, all regions of an image share one pass of
it, and attention is eager, which is the fastest backward pass on a CPU.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import SamImageProcessor, SamModel, SamProcessor

from benchmarks.recipes.batches import Batch, make_batch
from benchmarks.recipes.cache import Cache
from benchmarks.recipes.loop import Run, arguments, averaged, parse, rank
from benchmarks.recipes.masks_model import (
    MASK_STRIDE,
    SIDE,
    Trainee,
    go_on_from,
    sam_config,
)
from benchmarks.recipes.masks_prompts import (
    Prompts,
    border_map,
    choose_regions,
    class_map,
    extent_map,
    jittered,
    letterboxed,
    random_points,
    top_points,
)
from benchmarks.recipes.muon import MuonAdamW

DENSE_UNTIL = 0.3
"""Share of the time in which only the encoder learns."""
PROMPTS_PER_IMAGE = 5
POINTS = 20
WATCH_MINUTES = 5


def dense_loss(model: Trainee, embeddings: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The loss of all pixels, and the share of them whose class is right."""
    classes, extents, borders = model.heads(embeddings)
    target = class_map(batch, 4)
    known = target >= 0
    loss = F.cross_entropy(classes, target, ignore_index=-1)
    loss = loss + F.binary_cross_entropy_with_logits(borders, border_map(batch.segments, 2))
    distance = (extents - extent_map(batch, 4)).abs().mean(1)
    loss = loss + 4 * (distance * known).sum() / known.sum()
    return loss, (classes.argmax(1) == target)[known].float().mean()


def near_weights(boxes: Tensor, side: int) -> Tensor:
    """Weights (N, side, side): 1 within a box grown by a quarter, 0.1 far from it."""
    center, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = half * 1.25 + 4
    line = (torch.arange(side, device=boxes.device) + 0.5) * SIDE / side
    near_x = (line - center[:, :1]).abs() < reach[:, :1]
    near_y = (line - center[:, 1:]).abs() < reach[:, 1:]
    return torch.where(near_y[:, :, None] & near_x[:, None, :], 1.0, 0.1)


def mask_loss(logits: Tensor, scores: Tensor, prompts: Prompts) -> tuple[Tensor, Tensor]:
    """The loss of N prompts with M masks each (the best one counts), and its mean IoU."""
    target = F.avg_pool2d(prompts.masks[:, None].float(), MASK_STRIDE)
    weights = near_weights(prompts.boxes, target.shape[-1])[:, None]
    entropy = F.binary_cross_entropy_with_logits(logits, target.expand_as(logits), reduction="none")
    entropy = (entropy * weights).sum((-1, -2)) / weights.sum((-1, -2))
    chance = logits.sigmoid()
    overlap = (chance * target).sum((-1, -2))
    total = chance.square().sum((-1, -2)) + target.square().sum((-1, -2))
    loss, best = (2 * entropy + 1 - (2 * overlap + 1) / (total + 1)).min(1)
    with torch.no_grad():
        found, true = logits > 0, target > 0.5
        iou = (found & true).sum((-1, -2)) / (found | true).sum((-1, -2)).clamp(min=1)
    loss = loss.mean() + 0.5 * (scores - iou).square().mean()
    return loss, iou.gather(1, best[:, None]).mean()


def prompt_loss(
    model: Trainee, embeddings: Tensor, batch: Batch, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Prompt the decoder for regions of the batch."""
    prompts = choose_regions(batch, rng, PROMPTS_PER_IMAGE * len(batch.images))
    boxes = jittered(prompts.boxes, rng, 0.12, SIDE)
    mine = embeddings[prompts.image]
    points, labels = None, None
    kind = rng.choice(("none", "random", "own"), p=(0.6, 0.15, 0.25))
    if kind == "random":
        points, labels = random_points(prompts.masks, int(rng.choice((4, POINTS))), rng)
    elif kind == "own":
        with torch.no_grad():
            first, _ = model.decode(mine, boxes)
        points, labels = top_points(first, boxes, POINTS, SIDE)
    multimask = rng.random() < 1 / 8
    logits, scores = model.decode(mine, boxes, points, labels, multimask)
    return mask_loss(logits, scores, prompts)


@torch.no_grad()
def validate(model: Trainee, cache: Cache, count: int = 100) -> str:
    """Mean mask IoU of things: true boxes, these and the first pass's points, jittered boxes."""
    rng = np.random.default_rng(7)
    ious: dict[str, list[Tensor]] = {"box": [], "points": [], "jitter": []}
    areas, classes = [], []
    for start in range(0, min(count, len(cache)), 25):
        batch = make_batch(cache, np.arange(start, min(start + 25, len(cache))), SIDE)
        batch = batch.to(model.sam.device)
        embeddings = model.embed(batch.images)
        classes.append(dense_loss(model, embeddings, batch)[1])
        prompts = choose_regions(batch, rng, 10_000, stuff_share=0.0)
        moved = jittered(prompts.boxes, rng, 0.1, SIDE)
        mine = embeddings[prompts.image]
        first = model.decode(mine, prompts.boxes)
        points, labels = top_points(first[0], prompts.boxes, POINTS, SIDE)
        for name, (low, _) in {
            "box": first,
            "points": model.decode(mine, prompts.boxes, points, labels),
            "jitter": model.decode(mine, moved),
        }.items():
            found = F.interpolate(low, (SIDE, SIDE), mode="bilinear")[:, 0] > 0
            shared = (found & prompts.masks).sum((1, 2))
            ious[name].append(shared / (found | prompts.masks).sum((1, 2)))
        areas.append(prompts.masks.sum((1, 2)))
    box, area = torch.cat(ious["box"]), torch.cat(areas)
    by_area = " ".join(
        f"{low}+:{box[(area >= low) & (area < high)].mean():.3f}"
        for low, high in ((0, 300), (300, 800), (800, 2000), (2000, SIDE**2))
    )
    means = " ".join(f"{name} {torch.cat(values).mean():.4f}" for name, values in ious.items())
    right = torch.stack(classes).mean()
    return f"IoU {means} ({len(box)} things, by area {by_area}) classes {right:.3f}"


def export(folder: Path, run: Path) -> None:
    """Write the averaged weights in half precision, as `SamModel.from_pretrained` reads them."""
    model = SamModel(sam_config())
    model.load_state_dict(averaged(run, "sam."))
    model.half().save_pretrained(folder)
    quarter = SIDE // MASK_STRIDE
    processor = SamImageProcessor(
        size={"longest_edge": SIDE},
        pad_size={"height": SIDE, "width": SIDE},
        mask_size={"longest_edge": quarter},
        mask_pad_size={"height": quarter, "width": quarter},
    )
    SamProcessor(processor).save_pretrained(folder)


def groups(model: Trainee, lr: float) -> list[dict[str, Any]]:
    """Muon for the matrices of the layers, AdamW at half the rate for the rest."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            inner = parameter.ndim == 2 and not ("embed" in name or "token" in name)
            (matrices if inner else others).append(parameter)
    return [
        {"params": matrices, "lr": lr, "scale": 1.0, "weight_decay": 0.03, "muon": True},
        {"params": others, "lr": lr, "scale": 0.5, "weight_decay": 0.0},
    ]


def train(args: argparse.Namespace) -> None:
    cache = Cache.open(args.cache / "train")
    validation = Cache.open(args.cache / "validation")
    model = Trainee(make_batch(cache, np.arange(200), SIDE).images)
    if args.begin is not None:
        go_on_from(model.sam, args.begin)
    model.to(args.device)
    run = Run(
        model,
        groups(model, args.lr),
        args,
        warmup=50,
        hold=0.4,
        optimizer=MuonAdamW,
        clock=time.process_time,
    )
    rng = np.random.default_rng([args.seed, run.steps, rank()])
    dense_until = DENSE_UNTIL if args.begin is None else 0.0
    for progress in run:
        batch = make_batch(cache, rng.integers(0, len(cache), args.batch), SIDE, rng)
        batch = letterboxed(batch, rng, 0.2).to(args.device)
        embeddings = model.embed(batch.images)
        dense, right = dense_loss(model, embeddings, batch)
        if progress < dense_until:
            run.step(dense, dense=dense, classes=right)
        else:
            masks, iou = prompt_loss(model, embeddings, batch, rng)
            loss = masks + 0.3 * (1.2 - progress) * dense
            run.step(loss, masks=masks, iou=iou, dense=dense, classes=right)
        run.watch(lambda: validate(run.ema, validation), WATCH_MINUTES)
    run.watch(lambda: validate(run.ema, validation))


def main() -> None:
    parser = arguments(__doc__.splitlines()[0], minutes=60, batch=24, lr=2e-3)
    parser.add_argument("--begin", type=Path, help="go on from an exported model")
    args = parse(parser)
    if args.export:
        export(args.export, args.run)
    else:
        train(args)


if __name__ == "__main__":
    main()

"""Train the tiny SAM 3 on drawn scenes, from `tiny:sam`'s image encoder.

    T="torchrun --standalone --nproc-per-node 2 -m -- benchmarks.recipes.sam3"
    $T --cache CACHE --run RUN --stage see --minutes 10 --batch 8 --lr 2e-3
    $T --cache CACHE --run RUN --stage answer --minutes 240 --batch 8
    python -m benchmarks.recipes.sam3 --run RUN --export FOLDER
    python -m benchmarks.recipes.sam3_score FOLDER

Minutes are of processor time, summed over processes: the run may share its machine. Both stages go
on from their last checkpoint when the same line is given again; `--stage answer --begin FOLDER`
goes on from an exported model instead.

Data: the cached scenes (seed 1000003), cropped, stretched, flipped and recoloured (`batches`), at
160 x 160 pixels. Scenes of seed 1000004 are watched; `sam3_score` takes those of seed 13, which
this recipe neither trains on nor watches.

Stage 1, see: neck and text encoder only, on the image encoder of `tiny:sam`, which learned from the
same scenes. Every 8th pixel's feature is compared with the text of all classes and fine names at
once (focal loss), which teaches what words mean at a small part of the price of asking one by one;
besides, linear heads name the class and the fine name of every 4th pixel, how far its region
reaches, and where regions end.

Stage 2, answer: the whole network on prompts of one phrase (`sam3_prompts`), of which most have
nothing to find. Stuff is one instance, its union, and the dense map, so that both outputs serve.
Losses: `sam3_loss`, and as a rein 0.3 of stage 1's losses on classes and extents.

Both: Muon for the inner matrices, AdamW at half the rate for the rest; warm-up, hold, cosine;
float32, unless `--bfloat16` is given; the moving average is exported, in half precision, so that
transformers' `from_pretrained` loads it. Initialisation: `sam3_model`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Sam3ImageProcessor, Sam3Model, Sam3Processor

from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD, Batch, make_batch
from benchmarks.recipes.cache import VALIDATION_SEED, Cache
from benchmarks.recipes.detector_loss import focal
from benchmarks.recipes.detector_prompts import Phrase, visible
from benchmarks.recipes.loop import Run, arguments, averaged, parse, rank
from benchmarks.recipes.masks_prompts import border_map, class_map, extent_map
from benchmarks.recipes.muon import MuonAdamW
from benchmarks.recipes.sam3_loss import answer_losses
from benchmarks.recipes.sam3_model import MASK_STRIDE, PATCH, SIDE, Maps, Trainee, sam3_config
from benchmarks.recipes.sam3_prompts import (
    all_phrases,
    answer_maps,
    encode,
    every,
    plain_phrases,
    sample,
    targets,
)
from benchmarks.recipes.sam3_score import drawn, score, written
from benchmarks.recipes.words import build_tokenizer
from zeroseg.drawn.world import CATEGORIES, THINGS

STUFF_WEIGHT = 0.4
PROMPTS = 5
"""Phrases asked of each image of a batch."""
STRETCH = 0.2
REIN = 0.3
WATCH_MINUTES = 10
WATCHED = 60
"""Scenes of the watched seed that are scored every now and then."""


def pixel_losses(model: Trainee, maps: Maps, batch: Batch) -> dict[str, Tensor]:
    """What the linear heads on an image's maps cost: class, fine name, extent, border."""
    kinds, names, extents, borders = model.dense(maps)
    truth = class_map(batch, MASK_STRIDE)
    weights = torch.ones(len(CATEGORIES), device=truth.device)
    weights[len(THINGS) :] = STUFF_WEIGHT
    name = name_map(batch, MASK_STRIDE)
    things = name >= 0
    fine = F.cross_entropy(names.movedim(1, -1)[things], name[things], reduction="sum")
    return {
        "kinds": F.cross_entropy(kinds, truth, weights),
        "names": 0.4 * fine / things.sum().clamp(min=1),
        "extents": 4 * (extents - extent_map(batch, MASK_STRIDE)).abs().mean(),
        "borders": F.binary_cross_entropy_with_logits(borders, border_map(batch.segments, 2)),
    }


def name_map(batch: Batch, stride: int) -> Tensor:
    """Fine names of every `stride`-th pixel, (B, S/stride, S/stride), -1 where there is none."""
    pixels = batch.segments[:, stride // 2 :: stride, stride // 2 :: stride]
    return batch.names.gather(1, pixels.flatten(1)).view_as(pixels)


def word_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """What the comparison of cells with words costs, a right pair."""
    return 2 * focal(logits, wanted).sum() / wanted.sum().clamp(min=1)


def see_losses(model: Trainee, batch: Batch, phrases: list[Phrase]) -> dict[str, Tensor]:
    """All losses of stage 1."""
    maps = model.see(batch.images)
    words = model.words(encode([phrase.text for phrase in phrases]).to(batch.images.device))
    wanted = answer_maps(batch, phrases, PATCH).to(batch.images.device)
    return {
        "words": word_loss(model.heads.align(maps.features[-1], words), wanted),
        **pixel_losses(model, maps, batch),
    }


@torch.no_grad()
def see_score(model: Trainee, cache: Cache, count: int = 100) -> dict[str, float]:
    """IoU of classes by their heads, and of classes and fine names by their words."""
    phrases = plain_phrases()
    device = model.sam.device
    words = model.words(encode([phrase.text for phrase in phrases]).to(device))
    size, things = len(CATEGORIES), len(THINGS)
    table = torch.zeros(size * size)
    both, either = torch.zeros(len(phrases)), torch.zeros(len(phrases))
    for start in range(0, min(count, len(cache)), 25):
        batch = make_batch(cache, np.arange(start, min(start + 25, len(cache))), SIDE)
        maps = model.see(batch.images.to(device))
        guess, truth = model.dense(maps)[0].argmax(1).cpu(), class_map(batch, MASK_STRIDE)
        table += torch.bincount((truth * size + guess).flatten(), minlength=size * size)
        found = model.heads.align(maps.features[-1], words).cpu() > 0
        true = answer_maps(batch, phrases, PATCH) > 0
        both += (found & true).sum((0, 2, 3))
        either += (found | true).sum((0, 2, 3))
    square = table.view(size, size)
    kinds = square.diagonal() / (square.sum(0) + square.sum(1) - square.diagonal()).clamp(min=1)
    by_word = both / either.clamp(min=1)
    return {
        "things": float(kinds[:things].mean()),
        "stuff": float(kinds[things:].mean()),
        "things by word": float(by_word[:things].mean()),
        "stuff by word": float(by_word[things:size].mean()),
        "names by word": float(by_word[size:].mean()),
    }


def groups(model: nn.Module, lr: float, shares: dict[str, float]) -> list[dict[str, Any]]:
    """Muon for inner matrices, AdamW at half the rate for the rest.

    `shares` says at what share of the rate those learn whose names have a part in them.
    """
    matrices: dict[float, list[Tensor]] = {}
    others: dict[float, list[Tensor]] = {}
    outer = ("embed", "token", "reference", "heads.")
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            inner = parameter.ndim == 2 and not any(part in name for part in outer)
            share = next((share for part, share in shares.items() if part in name), 1.0)
            (matrices if inner else others).setdefault(share, []).append(parameter)
    return [
        {"params": own, "lr": lr, "scale": share, "weight_decay": 0.03, "muon": True}
        for share, own in matrices.items()
    ] + [
        {"params": own, "lr": lr, "scale": share / 2, "weight_decay": 0.0}
        for share, own in others.items()
    ]


def begin(
    args: argparse.Namespace, model: Trainee, hold: float, shares: dict[str, float]
) -> Run[Trainee]:
    """The run of a stage, by processor time."""
    return Run(
        model,
        groups(model, args.lr, shares),
        args,
        warmup=60,
        hold=hold,
        decay=0.997,
        optimizer=MuonAdamW,
        clock=time.process_time,
    )


def train_to_see(args: argparse.Namespace) -> None:
    """Stage 1."""
    train, held_out = Cache.open(args.cache / "train"), Cache.open(args.cache / "validation")
    first = make_batch(train, np.arange(20), SIDE).images
    model = Trainee(first, args.bfloat16).to(args.device)
    model.learn_to_see()
    run = begin(args, model, hold=0.4, shares={})
    rng = np.random.default_rng([args.seed, 1, run.steps, rank()])
    for _ in run:
        batch = make_batch(train, rng.integers(0, len(train), args.batch), SIDE, rng)
        losses = see_losses(model, batch.to(args.device), all_phrases(rng))
        run.step(torch.stack(list(losses.values())).sum(), **losses)
        run.watch(lambda: written(see_score(run.ema, held_out)), WATCH_MINUTES / 2)
    run.watch(lambda: written(see_score(run.ema, held_out, 400)))


def train_to_answer(args: argparse.Namespace, seen: Path) -> None:
    """Stage 2, from the averaged weights of stage 1, or from a model that was exported."""
    train = Cache.open(args.cache / "train")
    model = Trainee(make_batch(train, np.arange(20), SIDE).images, args.bfloat16)
    if args.begin is None:
        model.load_state_dict(averaged(seen))
        model.attend_as_aligned()
    else:
        start = Sam3Model.from_pretrained(args.begin, dtype=torch.float32)
        model.sam.load_state_dict(start.state_dict())
    model.to(args.device).learn_to_answer()
    run = begin(args, model, hold=0.35, shares={"vision_encoder": 0.5, "text_encoder": 0.5})
    rng = np.random.default_rng([args.seed, 2, run.steps, rank()])
    scenes = list(drawn(VALIDATION_SEED, WATCHED))
    for _ in run:
        chosen = rng.integers(0, len(train), args.batch)
        losses = ask(model, make_batch(train, chosen, SIDE, rng, STRETCH), rng, args.device)
        figures = {name: losses.pop(name) for name in ("iou", "right") if name in losses}
        run.step(torch.stack(list(losses.values())).sum(), **losses, **figures)
        run.watch(lambda: written(score(run.ema.sam, scenes).summary()), WATCH_MINUTES)
    run.watch(lambda: written(score(run.ema.sam, drawn(VALIDATION_SEED, 200)).summary()))


def ask(
    model: Trainee, batch: Batch, rng: np.random.Generator, device: torch.device
) -> dict[str, Tensor]:
    """All losses of stage 2 on a batch, which is on the CPU, with random phrases."""
    asked = [
        sample(rng, visible(batch, i), every(batch, i), PROMPTS) for i in range(len(batch.images))
    ]
    wanted = targets(batch, asked, MASK_STRIDE).to(device)
    batch = batch.to(device)
    maps = model.see(batch.images)
    answers = model.answer(maps.of(wanted.image), model.read(wanted.ids), wanted.ids > 0)
    rein = pixel_losses(model, maps, batch)
    return {**answer_losses(answers, wanted), "rein": REIN * (rein["kinds"] + rein["extents"])}


def export(folder: Path, run: Path) -> None:
    """Write the averaged weights of stage 2 as a stock checkpoint in half precision."""
    model = Sam3Model(sam3_config())
    model.load_state_dict(averaged(run, "sam."))
    model.half().save_pretrained(folder)
    masks = SIDE // MASK_STRIDE
    images = Sam3ImageProcessor(
        size={"height": SIDE, "width": SIDE},
        mask_size={"height": masks, "width": masks},
        image_mean=list(IMAGE_MEAN),
        image_std=list(IMAGE_STD),
    )
    Sam3Processor(images, build_tokenizer()).save_pretrained(folder)


def main() -> None:
    parser = arguments("Train the tiny SAM 3.", minutes=240, batch=16, lr=1.5e-3)
    parser.add_argument("--stage", choices=("see", "answer"))
    parser.add_argument(
        "--bfloat16", action="store_true", help="multiply in bfloat16, also in a run begun without"
    )
    parser.add_argument(
        "--begin", type=Path, help="answer: go on from an exported model instead of from `see`"
    )
    args = parse(parser)
    see, answer = args.run / "see", args.run / "answer"
    if args.export:
        export(args.export, answer)
    elif args.stage == "see":
        args.run = see
        train_to_see(args)
    elif args.stage == "answer":
        args.run = answer
        train_to_answer(args, see)
    else:
        parser.error("choose a --stage, or --export")


if __name__ == "__main__":
    main()

"""Train the tiny CLIP on drawn scenes, from `tiny:sam3`'s encoders of images and of words.

    python -m benchmarks.recipes.clip --cache CACHE --run RUN --minutes 30 --bfloat16
    python -m benchmarks.recipes.clip --run RUN --export FOLDER
    python -m benchmarks.recipes.clip_score FOLDER

Minutes are of processor time: the run may share its machine. It goes on from its last checkpoint
when the same line is given again.

Data: the cached scenes (seed 1000003), cropped, stretched, flipped and recoloured (`batches`), at
112 x 112 pixels for the first half of the time, then at 160 x 160, and the texts of `clip_texts`.
Scenes of seed 1000004 are watched; `clip_score` takes those of seed 13, which this recipe neither
trains on nor watches.

CLIP learned from captions alone, on 400 million pictures; a drawn world has the truth, and the
network is shown all of it, by the very paths that inference takes (class token or patches,
normalised, projected, cosines times CLIP's own scale): sigmoid losses (SigLIP, Zhai et al. 2023),
each with a bias that training needs and CLIP has no place for,
- of the picture with every phrase, whether it is there at all,
- of every patch with every phrase, whether its middle is that (focal loss), and a softmax over the
  classes, once as they leave the network and once without the last attention,
- of every picture with all captions of the batch, whether it is its own.

Muon for the inner matrices, AdamW at half the rate for the rest; warm-up, hold, cosine; float32,
unless `--bfloat16` is given; the moving average is exported, in half precision, so that
transformers' `from_pretrained` loads it. Initialisation: `clip_model`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPModel, CLIPProcessor

from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD, Batch, make_batch
from benchmarks.recipes.cache import VALIDATION_SEED, Cache
from benchmarks.recipes.clip_model import PATCH, SIDE, Seen, Trainee, clip_config
from benchmarks.recipes.clip_score import score
from benchmarks.recipes.clip_texts import (
    OTHER_WORDS,
    encode,
    patch_truth,
    phrases,
    true_of,
    uncropped,
    whole_truth,
)
from benchmarks.recipes.detector_loss import focal
from benchmarks.recipes.detector_prompts import Phrase
from benchmarks.recipes.loop import Run, arguments, averaged, parse, rank
from benchmarks.recipes.muon import MuonAdamW
from benchmarks.recipes.sam3 import groups
from benchmarks.recipes.sam3_score import drawn, written
from benchmarks.recipes.words import build_tokenizer
from zeroseg.drawn.world import CATEGORIES

WHOLE, CLASSES, CAPTIONS = 12.0, 0.5, 1.0
"""Weights of the losses beside the patches' focal one."""
SMALL, SMALL_SHARE = 112, 0.5
"""Side of the pictures in the first share of the time: half of the patches, in 0.4 of the time."""
WATCH_MINUTES = 2.5
WATCHED = 60
"""Scenes of the watched seed that are scored every now and then."""


def losses(
    model: Trainee, batch: Batch, captions: list[str], asked: list[Phrase]
) -> dict[str, Tensor]:
    """All losses on a batch, which is on the CPU, its captions, and phrases."""
    device = model.clip.device
    right = true_of(batch, asked)
    there, counted = (x.to(device) for x in whole_truth(batch, right))
    patches = patch_truth(batch, right, PATCH).to(device)
    texts = model.read(encode([phrase.text for phrase in asked] + captions).to(device))
    words, sentences = texts.split([len(asked), len(captions)])
    seen = model.see(batch.images.to(device))
    logits = model.scale * seen.whole @ words.T + model.whole_bias
    whole = F.binary_cross_entropy_with_logits(logits, there, counted)
    return {
        "whole": WHOLE * whole,
        **_patch_losses(model, seen, words, patches),
        "captions": CAPTIONS * _caption_loss(model, seen, sentences, uncropped(batch).to(device)),
    }


def _patch_losses(model: Trainee, seen: Seen, words: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """What the comparison of patches with words costs, in both readings."""
    positives, size = wanted.sum().clamp(min=1), len(CATEGORIES)
    classes = wanted[..., :size].argmax(-1).flatten()
    costs = {}
    for name, patches in (("patches", seen.patches), ("values", seen.values)):
        logits = model.scale * patches @ words.T
        own = logits[..., :size].flatten(0, 1)
        costs[name] = focal(logits + model.patch_bias, wanted).sum() / positives
        costs[f"{name}' class"] = CLASSES * F.cross_entropy(own, classes)
    return costs


def _caption_loss(model: Trainee, seen: Seen, sentences: Tensor, whole: Tensor) -> Tensor:
    """What telling captions costs, a picture; own ones count only for what is still `whole`."""
    logits = model.scale * seen.whole @ sentences.T + model.whole_bias
    own = torch.eye(len(logits), device=logits.device)
    weights = torch.where(own > 0, whole[:, None], 1.0)
    return F.binary_cross_entropy_with_logits(logits, own, weights, reduction="sum") / len(logits)


def train(args: argparse.Namespace) -> None:
    """Train for so many minutes."""
    scenes = Cache.open(args.cache / "train")
    model = Trainee(args.bfloat16).to(args.device)
    run = Run(
        model,
        groups(model, args.lr, shares={"text_model": 0.5}),
        args,
        warmup=60,
        hold=0.35,
        decay=0.997,
        optimizer=MuonAdamW,
        clock=time.process_time,
    )
    rng = np.random.default_rng([args.seed, run.steps, rank()])
    watched = list(drawn(VALIDATION_SEED, WATCHED))
    for progress in run:
        side = SMALL if progress < SMALL_SHARE else SIDE
        chosen = np.sort(rng.integers(0, len(scenes), args.batch))
        batch = make_batch(scenes, chosen, side, rng)
        costs = losses(model, batch, [scenes.captions[i] for i in chosen], phrases(rng))
        run.step(torch.stack(list(costs.values())).sum(), **costs)
        run.watch(lambda: watch(run.ema, watched), WATCH_MINUTES)
    run.watch(lambda: watch(run.ema, list(drawn(VALIDATION_SEED, 200))))


def watch(model: Trainee, scenes: list) -> str:
    """The figures on some scenes, with the bias of training as the threshold."""
    threshold = float(-model.whole_bias / model.scale)
    return written(score(model.clip, scenes, torch.full((len(CATEGORIES),), threshold)).summary())


def export(folder: Path, run: Path) -> None:
    """Write the averaged weights as a stock checkpoint in half precision."""
    model = CLIPModel(clip_config())
    model.load_state_dict(averaged(run, "clip."))
    model.half().save_pretrained(folder)
    images = CLIPImageProcessor(
        size={"height": SIDE, "width": SIDE},
        do_center_crop=False,
        resample=Image.Resampling.BILINEAR,
        image_mean=list(IMAGE_MEAN),
        image_std=list(IMAGE_STD),
    )
    CLIPProcessor(images, build_tokenizer(OTHER_WORDS)).save_pretrained(folder)


def main() -> None:
    parser = arguments("Train the tiny CLIP.", minutes=30, batch=24, lr=2e-3)
    parser.add_argument(
        "--bfloat16", action="store_true", help="multiply in bfloat16, also in a run begun without"
    )
    args = parse(parser)
    if args.export:
        export(args.export, args.run)
    else:
        train(args)


if __name__ == "__main__":
    main()

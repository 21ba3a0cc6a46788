"""Train the tiny BLIP-2 from scratch on drawn scenes.

    python -m benchmarks.recipes.captioner --cache CACHE --run RUN --minutes 30
    python -m benchmarks.recipes.captioner --run RUN --export FOLDER

Data: crops of 5/6 to all of a scene, flipped half of the time (captions know no left or right),
with random colour gain. A thing counts as long as 35 % of it lies in the crop; the caption is
written anew from the things that count.

Losses, all in one stage: next token of the caption (language model); which fine names and stuffs
are present, read off the query that stands for their class (weight 2, training-only head); and the
name of the pixel in the middle of each quarter patch, read off the vision model's patch tokens
(weight 1, training-only head). The language model alone learns to recite likely lists: a caption of
16 tokens says too little about 100 patches. The dense loss says what every patch shows, and the
presence loss carries it to the queries, which leaves the language model a list to put into words.

Initialisation: see `captioner_model`. The networks run in bfloat16 with float32 weights. Muon for
the matrices of the layers, peak learning rate 2e-3 after 50 steps, held for 30 % of the time, then
a cosine; AdamW at half of that for the rest; batch 64; the moving average of the weights is what is
exported, in half precision.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Blip2ForConditionalGeneration, GenerationConfig

from benchmarks.recipes import loop
from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD
from benchmarks.recipes.cache import Cache
from benchmarks.recipes.captioner_model import (
    PATCH,
    SIDE,
    blip2_config,
    build_blip2,
    build_processor,
    build_tokenizer,
)
from benchmarks.recipes.muon import MuonAdamW
from zeroseg.drawn.captions import BACKS, GROUNDS, PLURALS, PREFIXES, counted, listed
from zeroseg.drawn.world import CATEGORIES, CATEGORY_OF, FINE_NAMES, STUFF

NAMES: tuple[str, ...] = (*FINE_NAMES, *STUFF)
"""What pixels and queries are told to be: fine names of things, then stuffs."""
GRID = 2 * SIDE // PATCH
"""Quarter patches along a side, the resolution of the dense loss."""
MIN_KEPT = 0.35
"""Share of a thing that must be left in a crop for the caption to mention it."""
IGNORED = -100


@dataclass(frozen=True)
class Views:
    """B crops of scenes.

    Attributes:
        images: (B, 3, SIDE, SIDE) float32, normalised.
        dense: (B, GRID, GRID) int64, index into `NAMES` of the pixel amid each quarter patch.
        present: (B, len(NAMES)) float32, 1 where something of that name is in the crop.
        captions: B strings; "" where all things were cropped away.
    """

    images: Tensor
    dense: Tensor
    present: Tensor
    captions: list[str]

    def to(self, device: torch.device) -> Views:
        """The same views on another device."""
        return Views(
            self.images.to(device), self.dense.to(device), self.present.to(device), self.captions
        )


def make_views(cache: Cache, indices: np.ndarray, rng: np.random.Generator | None) -> Views:
    """Read scenes, crop and flip them if `rng` is given, and bring them to SIDE pixels."""
    full = cache.images.shape[1]
    height, width = (full, full) if rng is None else _window(full, rng)
    pictures, segments = [], []
    for index in indices:
        y, x = (0, 0) if rng is None else rng.integers(0, (full - height + 1, full - width + 1))
        step = 1 if rng is None or rng.random() < 0.5 else -1
        pictures.append(cache.images[index, y : y + height, x : x + width][:, ::step])
        segments.append(cache.segments[index, y : y + height, x : x + width][:, ::step])
    regions = torch.from_numpy(np.stack(segments)).long()
    names = _names(cache, indices)
    kept = _areas(regions) / _areas(torch.from_numpy(cache.segments[indices]).long()).clamp(min=1)
    here = torch.where(kept >= MIN_KEPT, names, len(NAMES))
    present = torch.zeros(len(indices), len(NAMES) + 1).scatter_(1, here, 1.0)[:, :-1]
    centres = (torch.arange(GRID) + 0.5) / GRID
    spots = regions[:, (centres * height).long()][:, :, (centres * width).long()]
    return Views(
        images=_pixels(np.stack(pictures), rng),
        dense=names.gather(1, spots.flatten(1)).view_as(spots),
        present=present,
        captions=[
            recaption(cache.captions[index], [NAMES[i] for i in row if i < len(FINE_NAMES)])
            for index, row in zip(indices.tolist(), here.tolist(), strict=True)
        ],
    )


def _window(full: int, rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a crop; half of them are oblong, since all pictures become square."""
    sides = rng.integers(full * 5 // 6, full + 1, 2)
    if rng.random() < 0.5:
        sides[rng.integers(2)] = rng.integers(full * 5 // 8, full + 1)
    return int(sides[0]), int(sides[1])


def _names(cache: Cache, indices: np.ndarray) -> Tensor:
    """(B, R) int64, index into `NAMES` of each region; `len(NAMES)` for an empty slot."""
    things = torch.from_numpy(cache.names[indices]).long()
    categories = torch.from_numpy(cache.categories[indices]).long()
    stuff = categories - CATEGORIES.index(STUFF[0]) + len(FINE_NAMES)
    return torch.where(things >= 0, things, torch.where(categories >= 0, stuff, len(NAMES)))


def _areas(regions: Tensor) -> Tensor:
    """(B, R) float32, pixels of each region, estimated from every fourth pixel."""
    some = regions[:, ::2, ::2].flatten(1)
    return torch.zeros(len(some), 24).scatter_add_(1, some, torch.ones(some.shape))


def _pixels(pictures: np.ndarray, rng: np.random.Generator | None) -> Tensor:
    bytes_ = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    images = F.interpolate(bytes_, (SIDE, SIDE), mode="bilinear", antialias=True).float() / 255
    if rng is not None:
        gain = torch.from_numpy(rng.uniform(0.8, 1.2, (len(images), 3, 1, 1))).float()
        offset = torch.from_numpy(rng.uniform(-0.08, 0.08, (len(images), 1, 1, 1))).float()
        images = (images * gain + offset).clamp_(0, 1)
    mean, std = torch.tensor(IMAGE_MEAN), torch.tensor(IMAGE_STD)
    return ((images - mean[:, None, None]) / std[:, None, None]).contiguous()


def recaption(caption: str, names: list[str]) -> str:
    """The same caption for the things that a crop has left; "" if it had things and lost all."""
    if not mentioned(caption):
        return caption
    if not names:
        return ""
    opening = next((words for words in PREFIXES.values() if caption.startswith(words)), "")
    places = (*GROUNDS.values(), *BACKS.values())
    place = next((words for words in places if caption.endswith(words)), "")
    things = listed([counted(name, names.count(name)) for name in FINE_NAMES if name in names])
    return " ".join(part for part in (opening, things, place) if part)


_CLASS_OF_WORD = {
    word: kind for name, kind in CATEGORY_OF.items() for word in (name, PLURALS[name])
}
_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_CLASS_OF_WORD, key=len, reverse=True))})\b")


def mentioned(caption: str) -> set[str]:
    """The classes of things whose fine names, singular or plural, a caption contains."""
    return {_CLASS_OF_WORD[word] for word in _WORD.findall(caption)}


@dataclass(frozen=True)
class Score:
    """How well captions name the classes of things in their pictures, all captions together."""

    precision: float
    recall: float
    f1: float


def score(captions: Iterable[str], truths: Iterable[set[str]]) -> Score:
    """Micro-averaged precision, recall and F1 of the classes mentioned against those present."""
    pairs = [(mentioned(caption), truth) for caption, truth in zip(captions, truths, strict=True)]
    hits = sum(len(said & truth) for said, truth in pairs)
    said = sum(len(said) for said, _ in pairs)
    true = sum(len(truth) for _, truth in pairs)
    return Score(hits / max(said, 1), hits / max(true, 1), 2 * hits / max(said + true, 1))


class Trainee(nn.Module):
    """BLIP-2 and the two heads that are dropped after training."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.blip2 = build_blip2(images)
        self.tokenizer = build_tokenizer()
        config = self.blip2.config
        self.dense = nn.Linear(config.vision_config.hidden_size, 4 * len(NAMES))
        self.presence = nn.Parameter(torch.randn(len(NAMES), config.qformer_config.hidden_size) / 8)
        self.prior = nn.Parameter(torch.full((len(NAMES),), -2.0))
        query_of = [CATEGORIES.index(CATEGORY_OF.get(name, name)) for name in NAMES]
        self.register_buffer("query_of", torch.tensor(query_of), persistent=False)

    def forward(self, views: Views) -> dict[str, Tensor]:
        """The three losses of a batch."""
        with torch.autocast(views.images.device.type, torch.bfloat16):
            seen = self.blip2.get_image_features(views.images, return_dict=True)
            prefix, logits = seen.pooler_output, self.dense(seen.last_hidden_state[:, 1:])
            queries = seen.qformer_outputs.last_hidden_state[:, self.query_of]
        found = (queries.float() * self.presence).sum(-1) + self.prior
        return {
            "words": self._words(prefix, views.captions),
            "dense": self._dense(logits.float(), views.dense),
            "presence": F.binary_cross_entropy_with_logits(found, views.present),
        }

    def _dense(self, logits: Tensor, target: Tensor) -> Tensor:
        count, grid = len(logits), GRID // 2
        quarters = logits.view(count, grid, grid, len(NAMES), 4).permute(0, 3, 4, 1, 2)
        maps = F.pixel_shuffle(quarters.reshape(count, -1, grid, grid), 2)
        weight = torch.ones(len(NAMES), device=logits.device)
        weight[len(FINE_NAMES) :] = 0.3
        return F.cross_entropy(maps, target, weight=weight)

    def _words(self, prefix: Tensor, captions: list[str]) -> Tensor:
        texts = [caption + self.tokenizer.eos_token if caption else "" for caption in captions]
        tokens = self.tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
        ids = tokens["input_ids"].to(prefix.device)
        words = self.blip2.get_input_embeddings()(ids)
        with torch.autocast(prefix.device.type, torch.bfloat16):
            inputs = torch.cat([prefix, words.to(prefix.dtype)], 1)
            logits = self.blip2.language_model(inputs_embeds=inputs).logits
        said = logits[:, prefix.shape[1] : -1].float().transpose(1, 2)
        target = ids[:, 1:].masked_fill(ids[:, 1:] == self.tokenizer.pad_token_id, IGNORED)
        return F.cross_entropy(said, target, ignore_index=IGNORED)

    @torch.no_grad()
    def captions(self, images: Tensor) -> list[str]:
        """What the model says to normalised images, by the stock `generate`."""
        ids = self.blip2.generate(images, max_new_tokens=20, do_sample=False)
        texts: list[str] = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return texts


def validate(trainee: Trainee, cache: Cache, count: int) -> Score:
    """Caption the first `count` scenes of a cache."""
    count = min(count, len(cache))
    device = trainee.blip2.device
    captions, truths = [], []
    for indices in np.array_split(np.arange(count), max(1, count // 50)):
        captions += trainee.captions(make_views(cache, indices, None).images.to(device))
        for row in cache.categories[indices]:
            truths.append({CATEGORIES[i] for i in row if i >= 0} - set(STUFF))
    return score(captions, truths)


def export(model: Blip2ForConditionalGeneration, folder: Path) -> None:
    """Write what `Blip2ForConditionalGeneration` and `Blip2Processor` load, in half precision."""
    tokenizer = build_tokenizer()
    model.generation_config = GenerationConfig(
        max_new_tokens=20,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model.half().save_pretrained(folder)
    build_processor().save_pretrained(folder)


def groups(trainee: Trainee, lr: float) -> list[dict[str, Any]]:
    """Muon for the matrices of the layers, AdamW at half the rate for everything else."""
    named = list(trainee.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and "layer" in name]
    others = [p for name, p in named if p.ndim != 2 or "layer" not in name]
    return [
        {"params": matrices, "lr": lr, "scale": 1.0, "weight_decay": 0.03, "muon": True},
        {"params": others, "lr": lr, "scale": 0.5, "weight_decay": 0.0},
    ]


def train(args: argparse.Namespace) -> None:
    """Train for the minutes given, from the last checkpoint if there is one."""
    cache, held_out = Cache.open(args.cache / "train"), Cache.open(args.cache / "validation")
    trainee = Trainee(make_views(cache, np.arange(min(200, len(cache))), None).images)
    trainee = trainee.to(args.device)
    run = loop.Run(trainee, groups(trainee, args.lr), args, warmup=50, optimizer=MuonAdamW)
    rng, checked = np.random.default_rng([args.seed, run.steps]), run.elapsed
    average: Any = run.ema
    for _ in run:
        views = make_views(cache, rng.integers(0, len(cache), args.batch), rng)
        losses = trainee(views.to(args.device))
        total = losses["words"] + losses["dense"] + 2 * losses["presence"]
        run.step(total, **{name: loss.detach() for name, loss in losses.items()})
        if run.elapsed - checked > 300:
            checked = run.elapsed
            run.log(f"validation {validate(average, held_out, 200)}")
    final = validate(average, held_out, len(held_out))
    run.log(f"validation of all {final}")
    (args.run / "figures.json").write_text(json.dumps(vars(final)), encoding="utf-8")


def main() -> None:
    """Train, or with --export write the trained model."""
    args = loop.parse(loop.arguments(__doc__.splitlines()[0], minutes=30, batch=64, lr=2e-3))
    if args.export is None:
        train(args)
        return
    model = Blip2ForConditionalGeneration(blip2_config())
    model.load_state_dict(loop.averaged(args.run, "blip2."))
    export(model, args.export)


if __name__ == "__main__":
    main()

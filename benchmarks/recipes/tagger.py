"""Train the tiny RAM++ from scratch on drawn scenes.

    python -m benchmarks.recipes.tagger --cache CACHE --run RUN --minutes 28 --threads 1
    python -m benchmarks.recipes.tagger --cache CACHE --run RUN --export DIR

Tags: every fine name of a thing, then every stuff, in the order of the drawn world. A tag is in
the picture if it covers at least `MIN_SHARE` of it; a smaller trace is neither right nor wrong.

Losses: an asymmetric focal loss on the tag logits (Ridnik et al., 2021, as RAM itself was trained),
which mutes the easy absent tags. From image labels alone a Swin transformer learns slowly, so each
token of the last two stages also tells which tags cover its patch and in what shares: a soft
cross-entropy on linear heads that exist in training only. That loss fades over the run.

Initialisation: the patch embedding starts as the whitened principal components of the patches, so
that no detail has to be found first; projections at unit gain (the library's normal of 0.02 would
leave a tiny network's branches almost silent); the descriptions at a standard deviation that lets
the tags' queries differ; the output bias at the share of tags in a picture.

Schedule: Muon for the matrices, AdamW at half the rate for the rest; warm-up, hold, cosine;
bfloat16 autocast; the moving average is exported. The thresholds are those that serve each tag's
F1 best on the validation scenes.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.recipes.batches import Batch, make_batch
from benchmarks.recipes.cache import Cache
from benchmarks.recipes.loop import Run, arguments, averaged, parse
from benchmarks.recipes.muon import MuonAdamW
from benchmarks.recipes.vit_start import (
    image_patches,
    principal_components,
    start_projection,
)
from zeroseg.drawn.world import FINE_NAMES, STUFF, THINGS
from zeroseg.weights.official.ram_plus_model import RamPlusConfig, RamPlusModel

TAGS = (*FINE_NAMES, *STUFF)
STRETCH = 0.3
"""Pictures of any shape are squashed to a square, so tags must hold in stretched ones."""
MIN_SHARE = 0.002
"""Share of the picture's pixels from which on a tag counts as present."""
CONFIG = RamPlusConfig(
    image_size=160,
    patch_size=8,
    embed_dim=64,
    depths=(2, 4, 2),
    num_heads=(1, 2, 4),
    window_size=5,
    num_tags=len(TAGS),
    descriptions_per_tag=8,
    text_dim=128,
    decoder_dim=128,
    decoder_ffn_dim=192,
)
STUFF_WEIGHT = 0.3
DENSE_STAGES = 2


def tag_shares(batch: Batch) -> Tensor:
    """The share of the picture that each tag covers, (B, tags) float32."""
    tags = _region_tags(batch)
    shares = torch.zeros(len(tags), len(TAGS), device=tags.device)
    return shares.scatter_add_(1, tags, batch.areas / batch.segments[0].numel())


def token_shares(batch: Batch, grid: int) -> Tensor:
    """The share of each grid cell that each tag covers, (B, grid * grid, tags) float32."""
    tags = _region_tags(batch).gather(1, batch.segments.flatten(1)).view_as(batch.segments)
    count, side = len(tags), tags.shape[-1]
    line = torch.arange(side, device=tags.device) * grid // side
    images = torch.arange(count, device=tags.device)[:, None, None]
    cells = (images * grid + line[:, None]) * grid + line
    size = count * grid * grid * len(TAGS)
    pixels = torch.bincount((cells * len(TAGS) + tags).flatten(), minlength=size)
    return pixels.view(count, grid * grid, len(TAGS)) * (grid * grid / side**2)


def _region_tags(batch: Batch) -> Tensor:
    stuff = batch.categories - len(THINGS) + len(FINE_NAMES)
    return torch.where(batch.names >= 0, batch.names, stuff).clamp(min=0)


class Training(nn.Module):
    """The tagger and the heads it needs to learn, which are thrown away afterwards.

    Args:
        config: The sizes.
        images: (B, 3, S, S), normalised; the patch embedding starts from their patches.
    """

    weight: Tensor

    def __init__(self, config: RamPlusConfig, images: Tensor) -> None:
        super().__init__()
        self.model = RamPlusModel(config)
        last = len(config.depths)
        self.dense = nn.ModuleList(
            nn.Linear(config.embed_dim * 2**stage, config.num_tags)
            for stage in range(last - DENSE_STAGES, last)
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        _start_with_components(self.model.backbone.embeddings.patch_embeddings.projection, images)
        nn.init.normal_(self.model.label_embed, std=0.5)
        nn.init.constant_(self.model.fc.bias, -2.0)
        weight = torch.ones(config.num_tags)
        weight[len(FINE_NAMES) :] = STUFF_WEIGHT
        self.register_buffer("weight", weight)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Tag logits (B, tags), and for each dense head logits (B, tokens, tags)."""
        output = self.model.backbone(
            images, output_hidden_states=True, output_hidden_states_before_downsampling=True
        )
        features = [
            stage.flatten(2).transpose(1, 2)
            for stage in output.reshaped_hidden_states[-DENSE_STAGES:-1]
        ]
        features.append(output.last_hidden_state)
        dense = [head(tokens) for head, tokens in zip(self.dense, features, strict=True)]
        return self.model.decode(output.last_hidden_state), dense

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of the tags and the mean loss of the dense heads."""
        with torch.autocast(batch.images.device.type, torch.bfloat16):
            logits, dense = self(batch.images)
        tagging = asymmetric_loss(logits.float(), tag_shares(batch))
        painting = torch.stack([self._dense_loss(x.float(), batch) for x in dense]).mean()
        return tagging, painting

    def _dense_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        target = token_shares(batch, math.isqrt(logits.shape[1])) * self.weight
        return -(target * logits.log_softmax(-1)).sum() / target.sum()


def _start_with_components(projection: nn.Conv2d, images: Tensor) -> None:
    """Let a patch embedding give the principal components of patches, each with variance 1."""
    patches = image_patches(projection, images)
    variances, directions = principal_components(patches, projection.out_channels)
    start_projection(projection, (directions / variances.sqrt()).T, patches.mean(0))


def groups(training: Training, lr: float) -> list[dict[str, Any]]:
    """Muon for the matrices of the blocks, AdamW at half the rate for the rest."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in training.named_parameters():
        inner = "layers" in name or "decoder" in name
        inner = inner and parameter.ndim == 2 and "bias_table" not in name
        (matrices if inner else others).append(parameter)
    return [
        {"params": matrices, "lr": lr, "scale": 1.0, "weight_decay": 0.03, "muon": True},
        {"params": others, "lr": lr, "scale": 0.5, "weight_decay": 0.0},
    ]


def asymmetric_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Binary cross-entropy that fades with the square of an absent tag's probability, a picture."""
    absent, present = shares == 0, shares >= MIN_SHARE
    positive = F.softplus(-logits) * present
    negative = F.softplus(logits) * logits.detach().sigmoid().square() * absent
    return (positive + negative).sum() / len(logits)


@torch.no_grad()
def predict(model: RamPlusModel, cache: Cache, count: int) -> tuple[Tensor, Tensor]:
    """Scores and truth of the first `count` scenes, (count, tags) float32 and bool."""
    count = min(count, len(cache))
    device = model.label_embed.device
    scores, truth = [], []
    for indices in np.array_split(np.arange(count), math.ceil(count / 50)):
        batch = make_batch(cache, indices, model.config.image_size)
        scores.append(model(batch.images.to(device)).sigmoid().cpu())
        truth.append(tag_shares(batch) >= MIN_SHARE)
    return torch.cat(scores), torch.cat(truth)


def f1(predicted: Tensor, truth: Tensor) -> Tensor:
    """F1 of each tag (last dimension) over the scenes (the one before it)."""
    hits = (predicted & truth).sum(-2)
    return 2 * hits / (predicted.sum(-2) + truth.sum(-2)).clamp(min=1)


def best_thresholds(scores: Tensor, truth: Tensor) -> Tensor:
    """For each tag the threshold with the best F1, smoothed over its neighbours, (tags,)."""
    grid = torch.linspace(0.02, 0.98, 97)
    curve = f1(scores > grid[:, None, None], truth)
    smooth = F.avg_pool1d(curve.T[None], 9, 1, padding=4, count_include_pad=False)[0]
    return grid[smooth.argmax(1)]


def evaluate(run: Run[Training], cache: Cache, count: int) -> None:
    """Log the mean F1 at threshold 0.5 and at the best thresholds of the same scenes."""
    scores, truth = predict(run.ema.model, cache, count)
    fixed = f1(scores > 0.5, truth)[truth.any(0)].mean()
    tuned = f1(scores > best_thresholds(scores, truth), truth)[truth.any(0)].mean()
    run.log(f"validation F1 {fixed:.3f} at 0.5, {tuned:.3f} at tuned thresholds")


def export(folder: Path, run: Path, cache: Cache) -> None:
    """Write the averaged model in half precision, the tag list and tuned thresholds."""
    model = RamPlusModel(CONFIG)
    model.load_state_dict(averaged(run, "model."))
    model.half().save_pretrained(folder)
    scores, truth = predict(RamPlusModel.from_pretrained(folder).float(), cache, len(cache))
    thresholds = best_thresholds(scores, truth)
    lines = "".join(f"{value:.2f}\n" for value in thresholds.tolist())
    (folder / "ram_tag_list.txt").write_text("\n".join(TAGS) + "\n", encoding="utf-8")
    (folder / "ram_tag_list_threshold.txt").write_text(lines, encoding="utf-8")
    for tag, value in zip(TAGS, f1(scores > thresholds, truth).tolist(), strict=True):
        print(f"{tag:14} F1 {value:.3f}")
    print(f"mean F1 {f1(scores > thresholds, truth).mean():.3f} on {len(cache)} validation scenes")


def train(
    run: Run[Training], train_set: Cache, validation: Cache, args: argparse.Namespace
) -> None:
    """Train until the time is spent; validate every five minutes."""
    rng = np.random.default_rng([args.seed, run.steps])
    size = run.module.model.config.image_size
    due = run.elapsed + 300
    for progress in run:
        indices = rng.choice(len(train_set), args.batch, replace=False)
        batch = make_batch(train_set, indices, size, rng, STRETCH).to(args.device)
        tagging, painting = run.module.losses(batch)
        run.step(
            tagging + 2 * (1 - progress) * painting,
            tagging=tagging.detach(),
            dense=painting.detach(),
        )
        if run.elapsed > due:
            due += 300
            evaluate(run, validation, 200)
    evaluate(run, validation, len(validation))


def main() -> None:
    """Train, or with --export write the trained model."""
    parser = arguments(__doc__.splitlines()[0], minutes=28, batch=24, lr=2e-3)
    args = parse(parser, export_needs_cache=True)
    validation = Cache.open(args.cache / "validation")
    if args.export:
        export(args.export, args.run, validation)
        return
    images = make_batch(validation, np.arange(len(validation))[:100], CONFIG.image_size).images
    training = Training(CONFIG, images).to(args.device).train()
    run = Run(training, groups(training, args.lr), args, optimizer=MuonAdamW)
    train(run, Cache.open(args.cache / "train"), validation, args)


if __name__ == "__main__":
    main()

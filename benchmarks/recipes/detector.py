"""Train the tiny Grounding DINO from scratch on drawn scenes, in about an hour of one CPU core.

    python -m benchmarks.recipes.detector --stage backbone --cache C --run R --minutes 12
    python -m benchmarks.recipes.detector --stage detector --cache C --run R --minutes 48
    python -m benchmarks.recipes.detector --export FOLDER --run R

Data: the cached scenes, cropped, stretched, flipped and recoloured (`batches`), at 160 x 160
pixels; prompts as `detector_prompts` has it.

Stage 1, backbone: a narrow ResNet (basic blocks, batch norm) names the category and the fine name
of every 8th pixel (and of every 16th and 32nd from its coarser maps, weight 0.3). Things weigh more
than stuff. AdamW 3e-3, constant for 40 % of the time, then a cosine. A detector learns where things
are within minutes but what they are only slowly; label maps teach that at less cost.

Stage 2, detector: `GroundingDinoForObjectDetection` (`detector_model`: size and initialisation) on
that backbone, its batch norm now frozen. Losses (`detector_loss`) on three decoder layers and on
the encoder's proposals, which the library's own loss leaves untrained; besides, while training
only, each of the encoder's 125 tokens is to tell which phrase its centre pixel answers (weight 4).
AdamW 8e-4 (half of it for the backbone, a fifth for sampling offsets), constant for 25 % of the
time, then a cosine; moving average 0.998.

The weights exported are the moving average, in half precision, with processor and tokenizer, so
that `from_pretrained` of transformers loads them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
)

from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD, Batch, make_batch
from benchmarks.recipes.cache import Cache
from benchmarks.recipes.detector_loss import (
    BOX,
    CLASS,
    GIOU,
    Targets,
    focal,
    set_loss,
)
from benchmarks.recipes.detector_model import (
    SIDE,
    Segmenter,
    build_detector,
    quicken,
)
from benchmarks.recipes.detector_prompts import (
    Asked,
    Phrase,
    Prompter,
    sample_prompt,
    visible,
)
from benchmarks.recipes.detector_score import DetectionScore
from benchmarks.recipes.loop import Run, arguments, averaged, parameter_groups, parse
from benchmarks.recipes.words import ROWS, build_tokenizer
from zeroseg.drawn.world import CATEGORIES, FINE_NAMES, THINGS

DRAM = tuple(THINGS)[:11]
"""The 11 classes of the DRAM vocabulary."""
WATCH_MINUTES = 5
STRETCH = 0.3
"""Pictures of any shape are squashed to a square, so boxes must be right in stretched ones."""
STRIDES = (16, 32)
"""Pixels between the tokens of the detector's two feature maps."""


def segmentation_loss(logits: list[Tensor], batch: Batch) -> Tensor:
    """Cross-entropy of categories and, on things, fine names, at strides 8, 16 and 32."""
    category_map = batch.category_map()
    name_map = batch.names.gather(1, batch.segments.flatten(1)).view_as(batch.segments)
    weights = torch.ones(len(CATEGORIES), device=category_map.device)
    weights[len(THINGS) :] = 0.35
    total = torch.zeros((), device=category_map.device)
    for level, (output, stride) in enumerate(zip(logits, (8, *STRIDES), strict=True)):
        middle = slice(stride // 2, None, stride)
        kinds, names = output.float().split([len(CATEGORIES), len(FINE_NAMES)], 1)
        category, name = category_map[:, middle, middle], name_map[:, middle, middle]
        loss = F.cross_entropy(kinds, category, weights, ignore_index=-1)
        pixels = name >= 0
        fine = F.cross_entropy(names.movedim(1, -1)[pixels], name[pixels], reduction="sum")
        loss = loss + 0.4 * fine / pixels.sum().clamp(min=1)
        total = total + loss * (1.0 if level == 0 else 0.3)
    return total


@torch.no_grad()
def segmentation_score(model: Segmenter, cache: Cache, count: int = 200) -> dict[str, float]:
    """Mean IoU of the categories and accuracy of the fine names at stride 8."""
    kinds, device = len(CATEGORIES), model.head.weight.device
    confusion = torch.zeros(kinds * kinds, dtype=torch.int64)
    right = total = 0
    for start in range(0, min(count, len(cache)), 50):
        batch = make_batch(cache, np.arange(start, min(start + 50, len(cache))), SIDE)
        images = batch.images.to(device, memory_format=torch.channels_last)
        output = model(images)[0].cpu()
        names = batch.names.gather(1, batch.segments.flatten(1)).view_as(batch.segments)
        truth, name = batch.category_map()[:, 4::8, 4::8], names[:, 4::8, 4::8]
        guess = output[:, :kinds].argmax(1)
        confusion += torch.bincount((truth * kinds + guess).flatten(), minlength=kinds * kinds)
        right += int((output[:, kinds:].argmax(1) == name)[name >= 0].sum())
        total += int((name >= 0).sum())
    table = confusion.view(kinds, kinds).float()
    union = table.sum(0) + table.sum(1) - table.diagonal()
    ious = table.diagonal() / union.clamp(min=1)
    return {
        "things": float(ious[: len(THINGS)].mean()),
        "stuff": float(ious[len(THINGS) :].mean()),
        "names": right / max(1, total),
    }


def train_backbone(args: argparse.Namespace) -> None:
    """Stage 1."""
    train, held_out = Cache.open(args.cache / "train"), Cache.open(args.cache / "validation")
    model = Segmenter(len(CATEGORIES), len(FINE_NAMES)).to(args.device)
    model = model.to(memory_format=torch.channels_last)
    run = Run(model, parameter_groups(model, args.lr, 0.05), args, hold=0.4, clip=2.0)
    rng = np.random.default_rng((args.seed, run.steps))
    watched = run.elapsed
    for _ in run:
        chosen = rng.choice(len(train), args.batch, replace=False)
        batch = make_batch(train, chosen, SIDE, rng).to(args.device)
        with torch.autocast(args.device.type, torch.bfloat16):
            logits = model(batch.images.contiguous(memory_format=torch.channels_last))
        run.step(segmentation_loss(logits, batch))
        if run.elapsed - watched > WATCH_MINUTES * 60 / 2:
            watched = run.elapsed
            run.log(f"validation {_written(segmentation_score(run.ema, held_out))}")
    run.log(f"validation {_written(segmentation_score(run.ema, held_out, 600))}")


class Trainee(nn.Module):
    """The detector with what it has only while training: the quick parts and the dense head."""

    def __init__(self, backbone: dict[str, Tensor]) -> None:
        super().__init__()
        self.detector = build_detector(ROWS, backbone)
        width = self.detector.config.d_model
        norm = nn.LayerNorm(width)
        norm.load_state_dict(self.detector.model.decoder.layer_norm.state_dict())
        self.dense = nn.Sequential(nn.Linear(width, width), norm)
        quicken(self.detector)

    def predict(self, images: Tensor, asked: Asked) -> tuple[Tensor, Tensor]:
        """Scores (B, Q, T) in [0, 1] and boxes (B, Q, 4) as corners in [0, 1]."""
        output = self.detector(pixel_values=images, input_ids=asked.ids, attention_mask=asked.mask)
        middle, half = output.pred_boxes[..., :2], output.pred_boxes[..., 2:] / 2
        boxes = torch.cat([middle - half, middle + half], -1)
        return output.logits[..., : asked.ids.shape[1]].sigmoid(), boxes

    def loss(self, batch: Batch, asked: Asked) -> dict[str, Tensor]:
        """The weighted losses of decoder, proposals and dense head."""
        model = self.detector
        output = model.model(
            pixel_values=batch.images, input_ids=asked.ids, attention_mask=asked.mask
        )
        text = output.encoder_last_hidden_state_text.transpose(1, 2)
        real = asked.mask.bool()
        targets = Targets(asked.boxes, asked.tokens, asked.counts, real)

        hidden = output.intermediate_hidden_states
        starts = torch.cat(
            [output.init_reference_points[:, None], output.intermediate_reference_points[:, :-1]], 1
        )
        boxes = (model.bbox_embed[0](hidden) + torch.special.logit(starts, eps=1e-5)).sigmoid()
        layers = hidden.shape[1]
        logits = (hidden @ text[:, None]).transpose(0, 1).flatten(0, 1)
        boxes = boxes.transpose(0, 1).flatten(0, 1)
        weights = torch.tensor([CLASS, BOX, GIOU], device=logits.device)
        decoder = layers * set_loss(logits, boxes, targets.repeat(layers))

        length = asked.ids.shape[1]
        proposed = output.enc_outputs_class[..., :length].masked_fill(~real[:, None], -20.0)
        places = output.enc_outputs_coord_logits.sigmoid()
        proposals = set_loss(proposed, places, targets, copies=4)

        dense = self.dense(output.encoder_last_hidden_state_vision) @ text
        regions = torch.cat(
            [batch.segments[:, s // 2 :: s, s // 2 :: s].flatten(1) for s in STRIDES], 1
        )
        wanted = asked.regions.gather(1, regions[:, :, None].expand(-1, -1, length))
        named = (focal(dense, wanted) * real[:, None]).sum() / wanted.sum().clamp(min=1)
        return {
            "decoder": weights @ decoder,
            "proposals": weights @ proposals,
            "dense": 4 * named,
            "class": decoder[0].detach() / layers,
        }


@torch.no_grad()
def detection_score(
    model: Trainee, prompter: Prompter, cache: Cache, words: tuple[str, ...], count: int = 200
) -> dict[str, float]:
    """Figures of `DetectionScore` with all `words` in every prompt."""
    device = model.detector.device
    score = DetectionScore(words)
    prompt = [Phrase(word, frozenset({word})) for word in words]
    for start in range(0, min(count, len(cache)), 25):
        batch = make_batch(cache, np.arange(start, min(start + 25, len(cache))), SIDE)
        asked = prompter.ask(batch, [prompt] * len(batch.images))
        output = model.predict(batch.images.to(device), asked.to(device))
        tokens, boxes = (tensor.cpu() for tensor in output)
        spans = asked.spans[0]
        scores = torch.stack([tokens[..., spans == p].amax(-1) for p in range(len(words))], -1)
        for i in range(len(batch.images)):
            there = [(s, words.index(c)) for s, c, _ in visible(batch, i) if c in words]
            slots = torch.tensor([slot for slot, _ in there], dtype=torch.long)
            labels = torch.tensor([label for _, label in there], dtype=torch.long)
            score.add(boxes[i], scores[i], batch.boxes[i][slots], labels)
    return score.summary()


def _written(figures: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in figures.items())


def _watch(run: Run[Trainee], prompter: Prompter, held_out: Cache, count: int = 200) -> None:
    for words in (DRAM, tuple(THINGS)):
        figures = detection_score(run.ema, prompter, held_out, words, count)
        run.log(f"validation, {len(words)} words asked: {_written(figures)}")


def train_detector(args: argparse.Namespace, backbone: Path) -> None:
    """Stage 2."""
    train, held_out = Cache.open(args.cache / "train"), Cache.open(args.cache / "validation")
    prompter = Prompter(build_tokenizer())
    model = Trainee(averaged(backbone, "backbone.")).to(args.device).train()
    scales = {"conv_encoder": 0.5, "sampling_offsets": 0.2}
    run = Run(model, parameter_groups(model, args.lr, 0.02, scales), args, warmup=150, hold=0.25)
    rng = np.random.default_rng((args.seed, run.steps))
    watched = run.elapsed
    for _ in run:
        chosen = rng.choice(len(train), args.batch, replace=False)
        batch = make_batch(train, chosen, SIDE, rng, STRETCH)
        prompts = [sample_prompt(rng, visible(batch, i)) for i in range(args.batch)]
        asked = prompter.ask(batch, prompts)
        losses = model.loss(batch.to(args.device), asked.to(args.device))
        watching = losses.pop("class")
        run.step(torch.stack(list(losses.values())).sum(), **losses, classes=watching)
        if run.elapsed - watched > WATCH_MINUTES * 60:
            watched = run.elapsed
            _watch(run, prompter, held_out)
    _watch(run, prompter, held_out, 600)


def export(folder: Path, run: Path) -> None:
    """Write the averaged weights of stage 2 as a stock checkpoint in half precision."""
    model: GroundingDinoForObjectDetection = build_detector(ROWS, {})
    model.load_state_dict(averaged(run, "detector."))
    model.half().save_pretrained(folder)
    images = GroundingDinoImageProcessor(
        size={"height": SIDE, "width": SIDE},
        image_mean=list(IMAGE_MEAN),
        image_std=list(IMAGE_STD),
        do_pad=False,
    )
    GroundingDinoProcessor(images, build_tokenizer()).save_pretrained(folder)


def main() -> None:
    parser = arguments("Train the tiny Grounding DINO.", minutes=48, batch=16, lr=8e-4)
    parser.add_argument("--stage", choices=("backbone", "detector"))
    args = parse(parser)
    backbone, detector = args.run / "backbone", args.run / "detector"
    if args.export:
        export(args.export, detector)
    elif args.stage == "backbone":
        args.run = backbone
        train_backbone(args)
    elif args.stage == "detector":
        args.run = detector
        train_detector(args, backbone)
    else:
        parser.error("choose a --stage, or --export")


if __name__ == "__main__":
    main()

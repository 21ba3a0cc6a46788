"""Train the tiny vision model on questions about drawn scenes, from `tiny:clip`'s first layers.

    python -m benchmarks.recipes.vision --cache CACHE --run RUN --minutes 46 --bfloat16
    python -m benchmarks.recipes.vision --run RUN --export FOLDER
    python -m benchmarks.recipes.vision_score FOLDER

Minutes are of processor time: the run may share its machine. It goes on from its last checkpoint
when the same line is given again.

Data: the cached scenes (seed 1000003), cropped, stretched, flipped and recoloured (`batches`), at
96 x 96 pixels for the first half of the time, then at 128 x 128, with four of `vision_questions`
about each. Scenes of seed 1000004 are watched; `vision_score` takes those of seed 13, which this
recipe neither trains on nor watches.

Losses: next token of the answer, not of the prompt; for every class of the list, read off its token
by a linear head that exists in training only, whether it is there; and likewise, read off the
picture's patches as the language model gets them, what is in the middle of each. From the answers
alone the network would have to find at once what is where, which words mean it, and how to list
several.

Muon for the inner matrices, AdamW at half the rate for the rest; warm-up, hold, cosine; float32,
unless `--bfloat16` is given; the moving average is exported, in half precision, so that
transformers' `from_pretrained` loads it. Initialisation: `vision_model`.
"""

from __future__ import annotations

import argparse
import time
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import (
    CLIPImageProcessor,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD, Batch, make_batch
from benchmarks.recipes.cache import VALIDATION_SEED, Cache
from benchmarks.recipes.loop import Run, arguments, averaged, parse, rank
from benchmarks.recipes.muon import MuonAdamW
from benchmarks.recipes.sam3 import groups
from benchmarks.recipes.sam3_score import drawn, written
from benchmarks.recipes.vision_model import (
    IGNORED,
    PATCH,
    SIDE,
    Asked,
    Trainee,
    build_vision,
)
from benchmarks.recipes.vision_questions import Question, Truth, draw_question
from benchmarks.recipes.vision_score import score
from benchmarks.recipes.vision_words import (
    ANSWER,
    CHAT_TEMPLATE,
    CLASSES,
    build_tokenizer,
    prompt,
)
from zeroseg.chat.transformers_chat import TransformersChat

QUESTIONS = 4
"""Questions about each picture of a batch."""
KINDS = 0.3
"""Weight of the patches' loss."""
SMALL, SMALL_SHARE = 96, 0.5
"""Side of the pictures in the first share of the time."""
WATCH_MINUTES = 4.0
WATCHED = 60
"""Scenes of the watched seed that are asked about every now and then."""


class Collator:
    """Turns questions into tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        ids = tokenizer.convert_tokens_to_ids([CLASSES, ANSWER, ","])
        self.classes, self.answer, self.comma = ids

    def tokens(self, text: str) -> list[int]:
        """The ids of a text as it stands."""
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def __call__(self, questions: list[list[Question]]) -> Asked:
        """The tokens of K questions about each of B pictures."""
        rows = [[self._row(question) for question in own] for own in questions]
        length = max(sum(map(len, own)) for own in rows)
        table = torch.full((len(rows), length, 5), float(IGNORED))
        for i, own in enumerate(rows):
            starts = [0, *accumulate(map(len, own))]
            for k, row in enumerate(own):
                part = table[i, starts[k] : starts[k + 1]]
                part[:, :3], part[:, 4] = row, k
                part[:, 3] = torch.arange(len(row))
        ids, targets, present, places, owners = table.unbind(-1)
        return Asked(
            ids=ids.long().clamp(min=0),
            places=places.long().clamp(min=0),
            owners=owners.long().clamp(min=-1),
            targets=targets.long(),
            present=present.clamp(min=-1),
        )

    def _row(self, question: Question) -> Tensor:
        """Of each token its id, what should follow, and whether its class is there, (T, 3)."""
        asked = self.tokens(prompt(question.names))
        said = self.tokens(question.answer)
        ids = torch.tensor([*asked, *said, self.tokenizer.eos_token_id])
        row = torch.full((len(ids) - 1, 3), float(IGNORED))
        row[:, 0] = ids[:-1]
        row[len(asked) - 1 :, 1] = ids[len(asked) :]
        ends = [i for i in range(1, len(asked) - 1) if asked[i + 1] in (self.comma, self.answer)]
        row[ends, 2] = torch.tensor(question.present).float()
        return row


def train(args: argparse.Namespace) -> None:
    """Train for so many minutes."""
    scenes = Cache.open(args.cache / "train")
    tokenizer = build_tokenizer()
    model, collate = Trainee(tokenizer, args.bfloat16).to(args.device), Collator(tokenizer)
    run = Run(
        model,
        groups(model, args.lr, shares={"vision_tower": 0.5}),
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
        batch = make_batch(scenes, np.sort(rng.integers(0, len(scenes), args.batch)), side, rng)
        asked = collate(questions(batch, rng)).to(args.device)
        costs = model.losses(batch.images.to(args.device), middles(batch).to(args.device), asked)
        loss = costs["saying"] + costs["presence"] + KINDS * costs["kinds"]
        run.step(loss, **costs)
        run.watch(lambda: watch(run.ema, watched), WATCH_MINUTES)
    run.watch(lambda: watch(run.ema, list(drawn(VALIDATION_SEED, 200))))


def questions(batch: Batch, rng: np.random.Generator) -> list[list[Question]]:
    """What is asked about each picture of a batch."""
    truth = Truth.of(batch)
    known = [truth.known(index) for index in range(len(batch.images))]
    return [[draw_question(rng, own) for _ in range(QUESTIONS)] for own in known]


def middles(batch: Batch) -> Tensor:
    """The category in the middle of each patch, (B, L)."""
    return batch.category_map()[:, PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].flatten(1)


def watch(model: Trainee, scenes: list) -> str:
    """The figures on some scenes, asked as a verifier asks."""
    return written(score(TransformersChat(model.vision, processor()), scenes).summary())


def processor() -> LlavaProcessor:
    """What makes conversations and pictures inputs of the model."""
    size = {"height": SIDE, "width": SIDE}
    images = CLIPImageProcessor(
        size=size,
        crop_size=size,
        do_center_crop=False,
        resample=Image.Resampling.BILINEAR,
        image_mean=list(IMAGE_MEAN),
        image_std=list(IMAGE_STD),
    )
    return LlavaProcessor(
        images,
        build_tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )


def export(folder: Path, run: Path) -> None:
    """Write the averaged weights as a stock checkpoint in half precision, with its processor."""
    model: LlavaForConditionalGeneration = build_vision(build_tokenizer())
    model.load_state_dict(averaged(run, "vision."))
    model.half().save_pretrained(folder)
    processor().save_pretrained(folder, save_jinja_files=False)


def main() -> None:
    parser = arguments("Train the tiny vision model.", minutes=46, batch=16, lr=3e-3)
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

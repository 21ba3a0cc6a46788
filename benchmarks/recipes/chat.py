"""Train the tiny chat model from scratch on questions about descriptions of drawn scenes.

    python -m benchmarks.recipes.chat --run RUN --minutes 32 --threads 1
    python -m benchmarks.recipes.chat --run RUN --export DIR
    python -m benchmarks.recipes.chat_score

Data: `chat_questions`; no pictures are needed. The network is transformers' Llama, unchanged.

Losses: next token of the answer, not of the prompt; and for every class of the list, read off its
token by a linear head that exists in training only, whether the answer names it. From the answers
alone the network would have to find at once which class a word belongs to and how to list several;
the second loss teaches the former by itself.

Initialisation: words start with a share of what they have in common, "puppy" near "dog" near
"animal"; random vectors have first to be told so by thousands of answers.

Questions of like length share a batch. Muon for the matrices of the layers, AdamW at half the rate
for the rest; warm-up, hold, cosine; the moving average is exported, in half precision.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from benchmarks.recipes.cache import TRAIN_SEED, VALIDATION_SEED
from benchmarks.recipes.chat_questions import (
    Question,
    draw_question,
    extents,
)
from benchmarks.recipes.chat_words import ANSWER, CLASSES, build_tokenizer
from benchmarks.recipes.loop import Run, arguments, averaged
from benchmarks.recipes.muon import MuonAdamW
from zeroseg.drawn.captions import PLURALS
from zeroseg.drawn.dice import Dice

IGNORED = -100
POOL = 16
"""Batches that are drawn together and dealt out by length."""


def build_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of 0.4 million parameters, ready to be trained."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        initializer_range=0.06,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    start_embeddings(model, tokenizer)
    return model


@torch.no_grad()
def start_embeddings(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Let words that mean the same be alike: each adds up what it is and all that covers it."""
    embeddings = model.get_input_embeddings().weight
    deviation = model.config.initializer_range
    covers = extents()
    meaning = {cover: torch.randn(embeddings.shape[1]) for cover in dict.fromkeys(covers.values())}
    for word, own in covers.items():
        parts = torch.stack([vector for cover, vector in meaning.items() if own <= cover])
        start = deviation * parts.sum(0) / len(parts) ** 0.5
        for form in (word, PLURALS.get(word, word)):
            row = tokenizer.convert_tokens_to_ids(form)
            embeddings[row] = start + 0.3 * embeddings[row]


@dataclass(frozen=True)
class Batch:
    """B questions with their answers, padded on the right to T tokens.

    Attributes:
        ids: (B, T) int64.
        mask: (B, T) int64, 1 on real tokens.
        targets: (B, T) int64, the ids of the answer and its end, -100 elsewhere.
        present: (B, T) float32, on the last token of each class whether the answer names it,
            -1 elsewhere.
    """

    ids: Tensor
    mask: Tensor
    targets: Tensor
    present: Tensor


class Collator:
    """Turns questions into batches of tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        ids = tokenizer.convert_tokens_to_ids([CLASSES, ANSWER, ","])
        self.classes, self.answer, self.comma = ids

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text as it stands."""
        found: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return found

    def __call__(self, questions: Sequence[Question]) -> Batch:
        prompts = self.tokens([question.prompt for question in questions])
        answers = self.tokens([question.answer for question in questions])
        end = self.tokenizer.eos_token_id
        rows = [[*asked, *said, end] for asked, said in zip(prompts, answers, strict=True)]
        shape = (len(rows), max(map(len, rows)))
        ids = torch.full(shape, self.tokenizer.pad_token_id)
        mask, targets = torch.zeros(shape, dtype=torch.long), torch.full(shape, IGNORED)
        present = torch.full(shape, -1.0)
        for i, (row, asked, question) in enumerate(zip(rows, prompts, questions, strict=True)):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
            targets[i, len(asked) : len(row)] = ids[i, len(asked) : len(row)]
            present[i, self.class_ends(asked)] = torch.tensor(question.present).float()
        return Batch(ids, mask, targets, present)

    def class_ends(self, prompt: Sequence[int]) -> list[int]:
        """Where the last token of each class of a prompt stands."""
        first = prompt.index(self.classes) + 1
        return [
            i for i in range(first, len(prompt) - 1) if prompt[i + 1] in (self.comma, self.answer)
        ]


class Training(nn.Module):
    """The chat model and the head that it needs to learn, which is thrown away afterwards."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        super().__init__()
        self.model = model
        self.presence = nn.Linear(model.config.hidden_size, 1)

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the answers' tokens, and of the presence of the classes."""
        hidden = self.model.model(batch.ids, batch.mask).last_hidden_state
        told = batch.targets[:, 1:] != IGNORED
        logits = self.model.lm_head(hidden[:, :-1][told])
        classes = batch.present >= 0
        present = self.presence(hidden[classes])[:, 0]
        return (
            F.cross_entropy(logits, batch.targets[:, 1:][told]),
            F.binary_cross_entropy_with_logits(present, batch.present[classes]),
        )


def groups(training: Training, lr: float) -> list[dict[str, Any]]:
    """Muon for the matrices of the layers, AdamW at half the rate for the rest."""
    named = list(training.named_parameters())
    matrices = [p for name, p in named if "layers" in name and p.ndim == 2]
    others = [p for name, p in named if "layers" not in name or p.ndim != 2]
    return [
        {"params": matrices, "lr": lr, "scale": 1.0, "weight_decay": 0.03, "muon": True},
        {"params": others, "lr": lr, "scale": 0.5, "weight_decay": 0.0},
    ]


def batches(collate: Collator, dice: Dice, size: int) -> Iterator[Batch]:
    """Training batches without end, each of questions of like length."""
    while True:
        pool = [draw_question(dice) for _ in range(POOL * size)]
        lengths = list(map(len, collate.tokens([question.prompt for question in pool])))
        order = sorted(range(len(pool)), key=lengths.__getitem__)
        starts = list(range(0, len(pool), size))
        while starts:
            start = starts.pop(dice.whole(0, len(starts) - 1))
            yield collate([pool[i] for i in order[start : start + size]])


def train(run: Run[Training], collate: Collator, args: argparse.Namespace) -> None:
    """Train until the time is spent; validate every five minutes."""
    due = run.elapsed + 300
    source = batches(collate, Dice(f"{TRAIN_SEED}/{args.seed}/{run.steps}"), args.batch)
    for _ in run:
        saying, presence = run.module.losses(next(source))
        run.step(saying + presence, saying=saying.detach(), presence=presence.detach())
        if run.elapsed > due:
            due += 300
            run.log(f"validation {exact(run.ema, collate, 500):.3f} exact")
    run.log(f"validation {exact(run.ema, collate, 1000):.3f} exact")


@torch.no_grad()
def exact(training: Training, collate: Collator, count: int) -> float:
    """Share of held-out questions that greedy decoding answers to the letter."""
    dice = Dice(str(VALIDATION_SEED))
    questions = [draw_question(dice, held_out=True) for _ in range(count)]
    right = 0
    for start in range(0, count, 50):
        batch = collate(questions[start : start + 50])
        said = training.model(batch.ids, batch.mask).logits[:, :-1].argmax(-1)
        targets = batch.targets[:, 1:]
        right += int(((said == targets) | (targets == IGNORED)).all(1).sum())
    return right / count


def export(folder: Path, run: Path) -> None:
    """Write the averaged model in half precision and its tokenizer."""
    tokenizer = build_tokenizer()
    model = build_model(tokenizer)
    model.load_state_dict(averaged(run, "model."))
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder, save_jinja_files=False)


def main() -> None:
    """Train, or with --export write the trained model."""
    parser = arguments(__doc__.splitlines()[0], minutes=32, batch=24, lr=4e-3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if args.export:
        export(args.export, args.run)
        return
    tokenizer = build_tokenizer()
    training = Training(build_model(tokenizer)).train()
    run = Run(training, groups(training, args.lr), args, optimizer=MuonAdamW)
    train(run, Collator(tokenizer), args)


if __name__ == "__main__":
    main()

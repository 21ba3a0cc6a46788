"""How well a model that sees knows which classes are in drawn scenes, asked by `VisionVerifier`.

    python -m benchmarks.recipes.vision_score FOLDER --scenes 500

About each scene one question: which of the 25 classes of `drawn-all` are there. Scenes of seed 13
are for the figures that are reported: no recipe trains on them or watches them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmarks.recipes.sam3_score import REPORT_SEED, clear, drawn, written
from zeroseg.chat.chat_model import ChatModel
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.drawn.scene import Scene
from zeroseg.drawn.world import CATEGORIES
from zeroseg.refinement.selecting import select_classes
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.values import Selection
from zeroseg.vocabularies import DRAWN_ALL

TOGETHER = 8


@dataclass
class VisionScore:
    """Collects the answers to many scenes, then sums up.

    A class of which there are only regions too small to be asked for is neither right nor wrong.
    """

    hits: Tensor = field(default_factory=lambda: torch.zeros(len(CATEGORIES)))
    alarms: Tensor = field(default_factory=lambda: torch.zeros(len(CATEGORIES)))
    misses: Tensor = field(default_factory=lambda: torch.zeros(len(CATEGORIES)))
    answers: int = 0
    clean: int = 0

    def add(self, verified: Selection, scene: Scene) -> None:
        """Take in what was said of one scene."""
        named = {DRAWN_ALL.prompts[label] for label in verified.labels}
        there = {r.category for r in scene.regions}
        clearly = {r.category for r in scene.regions if clear(r, scene.segments.size)}
        for i, name in enumerate(CATEGORIES):
            self.hits[i] += name in named and name in clearly
            self.misses[i] += name not in named and name in clearly
            self.alarms[i] += name in named and name not in there
        self.answers += 1
        said = verified.exchanges
        self.clean += len(said) == 1 and not said[0].dropped and said[0].refused is None

    def f1(self) -> Tensor:
        """Presence F1 of each class."""
        return 2 * self.hits / (2 * self.hits + self.alarms + self.misses)

    def summary(self) -> dict[str, float]:
        """The figures; clean are answers in which nothing was dropped or asked for again."""
        hits, alarms, misses = (float(x.sum()) for x in (self.hits, self.alarms, self.misses))
        return {
            "presence F1": 2 * hits / max(1, 2 * hits + alarms + misses),
            "precision": hits / max(1, hits + alarms),
            "recall": hits / max(1, hits + misses),
            "clean": self.clean / max(1, self.answers),
        }


def score(chat: ChatModel, scenes: Iterable[Scene]) -> VisionScore:
    """Ask about all scenes."""
    total, verifier = VisionScore(), VisionVerifier(chat)
    every = select_classes(DRAWN_ALL.classes, DRAWN_ALL)
    asked = list(scenes)
    for start in range(0, len(asked), TOGETHER):
        some = asked[start : start + TOGETHER]
        images = [torch.from_numpy(scene.image).permute(2, 0, 1).contiguous() for scene in some]
        for verified, scene in zip(
            verifier(images, [every] * len(some), DRAWN_ALL), some, strict=True
        ):
            total.add(verified, scene)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="folder of an exported model, or tiny:vision")
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=REPORT_SEED)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    chat = TransformersChat.from_pretrained(args.model, dtype="float32", batch_size=TOGETHER)
    scenes = list(drawn(args.seed, args.scenes))
    started = time.monotonic()
    total = score(chat, scenes)
    seconds = (time.monotonic() - started) / len(scenes)
    print(f"{args.scenes} scenes of seed {args.seed}: {written(total.summary())}")
    print(f"{seconds:.3f} seconds a scene, {TOGETHER} together")
    print(f"presence F1 {written(dict(zip(CATEGORIES, total.f1().tolist(), strict=True)))}")


if __name__ == "__main__":
    main()

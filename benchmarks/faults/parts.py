"""Pictures and a system without models, for runs that are disturbed many times a minute.

Every picture says by its first pixel what its tagger sees, so that each comes to a result of its
own; the words are no class names, so that both refiners have something to do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor

from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.testing import ScriptedDetector
from zeroseg.values import UNRESOLVED, Detections, Selection, Tag
from zeroseg.video.film import write_film

WORDS = {
    "dog": ("puppy", "beagle", "hound"),
    "cat": ("kitten", "tabby", "kitty"),
    "boat": ("canoe", "ship", "sailboat"),
    "person": ("woman", "boy", "man"),
    "horse": ("pony", "mare", "stallion"),
    "car": ("sedan", "taxi", "jeep"),
}
"""Classes, and words for them."""
CLASSES = tuple(WORDS)
COLOURS = ("red", "brown", "small", "old", "grey", "wooden", "tall", "young")


class Seer(Tagger):
    """Sees two or three things, by the first pixel of a picture."""

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        """The tags of every picture."""
        return [self._look(*image[:, 0, 0].tolist()) for image in images]

    def _look(self, red: int, green: int, blue: int) -> tuple[Tag, ...]:
        seen = dict.fromkeys((red % 6, green % 6, blue % 6))
        words = [WORDS[CLASSES[place]][(red + green) % 3] for place in seen]
        return tuple(Tag(word, 0.9) for word in words)


class Slow(Captioner):
    """Takes its time for a caption, as networks do."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds

    def forward(self, images: Sequence[Tensor]) -> list[str]:
        """A caption of every picture."""
        time.sleep(self.seconds * len(images))
        return [f"picture number {int(image[:, 0, 0].sum())}" for image in images]


class Finder(ScriptedDetector):
    """Finds whatever is asked for, and calls every second thing by a word that is no class."""

    def __init__(self) -> None:
        super().__init__({})

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """The things in every picture."""
        pairs = zip(images, selections, strict=True)
        return [self._answer(image, selection) for image, selection in pairs]

    def _answer(self, image: Tensor, selection: Selection) -> Detections:
        red, green, blue = image[:, 0, 0].tolist()
        shares = torch.linspace(0, 1, len(selection.prompts) + 1)[:-1].tolist()
        self.boxes = {
            prompt: (
                share,
                0.1 + 0.5 * (green / 255),
                min(1.0, share + 0.3 + 0.2 * (red / 255)),
                1.0,
            )
            for prompt, share in zip(selection.prompts, shares, strict=True)
        }
        found = self._find(image, selection)
        phrases, labels = list(found.phrases), found.labels.clone()
        for place in range(0, len(phrases), 2):
            word = WORDS.get(phrases[place], (phrases[place],) * 3)[blue % 3]
            phrases[place] = f"{COLOURS[blue % 8]} {COLOURS[green % 8]} {word}"
            labels[place] = UNRESOLVED
        return replace(found, phrases=tuple(phrases), labels=labels)


def configuration(chat: str | None = None, **changes: Any) -> dict[str, Any]:
    """The system, as a file holds it.

    Args:
        chat: Address of the language model that refines; None has rules refine.
        changes: Other entries.
    """
    asked = {
        "class_path": "zeroseg.chat.openai_chat.OpenAIChat",
        "init_args": {"model": "loopback", "base_url": chat, "backoff": 0.01, "timeout": 5.0},
    }
    parts = {"pre_refiner": "PreRefiner", "post_refiner": "PostRefiner"}
    kind, arguments = ("Lexical", {}) if chat is None else ("LLM", {"init_args": {"chat": asked}})
    way = "lexical" if chat is None else "llm"
    refiners = {
        name: {"class_path": f"zeroseg.refinement.{way}_{name}.{kind}{end}", **arguments}
        for name, end in parts.items()
    }
    return {
        "vocabulary": ["background", *CLASSES],
        "tagger": {"class_path": f"{__name__}.Seer"},
        "captioner": {"class_path": f"{__name__}.Slow"},
        **refiners,
        "detector": {"class_path": f"{__name__}.Finder"},
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
        "batch_size": 2,
        **changes,
    }


def write_configuration(file: Path, **changes: Any) -> Path:
    """The same, in a YAML file."""
    file.write_text(yaml.safe_dump(configuration(**changes)), encoding="utf-8")
    return file


def write_video(file: Path, frames: int, seed: int) -> Path:
    """A picture that moves on by two pixels from frame to frame."""
    rate = Fraction(10)
    first = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)
    moved = (np.roll(first, 2 * index, axis=1) for index in range(frames))
    pictures = ((index / 10, Image.fromarray(own)) for index, own in enumerate(moved))
    for _ in write_film(file, pictures, rate, 1 / rate):
        pass
    return file


def write_pictures(folder: Path, count: int, seed: int) -> list[Path]:
    """Pictures with annotations, as `zeroseg test --data FOLDER` reads them; the pictures' files.

    Each is of another size and begins with another pixel.
    """
    dice = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        height, width = dice.integers(24, 48, 2)
        file = folder / "images" / f"{number:04}.png"
        Image.fromarray(dice.integers(0, 256, (height, width, 3), np.uint8)).save(file)
        truth = np.zeros((height, width), np.uint8)
        truth[height // 2 :] = dice.integers(1, 1 + len(CLASSES))
        Image.fromarray(truth).save(folder / "masks" / file.name)
        files.append(file)
    classes = {"classes": ["background", *CLASSES], "background": "background"}
    (folder / "vocabulary.yaml").write_text(yaml.safe_dump(classes), encoding="utf-8")
    return files

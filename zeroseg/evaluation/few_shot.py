"""Few-shot examples from a data set: which annotated images a language model is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import Samples
from zeroseg.errors import ZerosegError
from zeroseg.refinement.examples import Example, explain
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.values import Description, Usage
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import read_run

PLACES = (".", "rows/full", "runs/measured")
"""Where the run of the system itself lies: of a scored run, an ablation, an oracle."""


@dataclass(frozen=True)
class FewShot:
    """Which annotated images a system's language model explains once and is then shown.

    Attributes:
        count: How many.
        seed: Which ones.
        split: Where they are taken from, for the record.
    """

    count: int
    seed: int = 0
    split: str = "train"

    def show(self, segmenter: BaseSegmenter, samples: Samples) -> dict[str, Any]:
        """Put examples into the prompt of a segmenter's pre-refinement.

        The segmenter's own tagger and captioner describe them, its pre-refiner's chat model
        explains them, and its configuration (`to_yaml`, result files) tells them from then on.

        Args:
            segmenter: What is changed; its vocabulary is that of the samples' targets.
            samples: Where to pick.

        Returns:
            What a result file says of them: which they are, and what they cost.

        Raises:
            ZerosegError: The segmenter's pre-refiner asks no language model, or there are too few
                samples.
            ChatError: The language model refused or stayed unreachable.
        """
        system, refiner = _asking(segmenter)
        vocabulary = system.vocabulary

        def describe(images: Sequence[Tensor]) -> list[Description]:
            return [seen.description for seen in system.describe(images, boxes=False)]

        drawn = sample_examples(samples, describe, vocabulary, self.count, self.seed)
        examples = explain(drawn, refiner.chat, vocabulary)
        _put(system, refiner, examples)
        usages = [exchange.usage for example in examples for exchange in example.exchanges]
        return {
            "count": len(examples),
            "seed": self.seed,
            "from": self.split,
            "names": [example.name for example in examples],
            "usage": asdict(sum(usages, Usage())),
        }

    def show_earlier(self, segmenter: BaseSegmenter, folder: Path) -> dict[str, Any] | None:
        """Take over the examples of a run that was stopped: asked again, they might read otherwise.

        Args:
            segmenter: What is changed.
            folder: Of the run.

        Returns:
            What the run says of its examples; None if there is no run, or they are others.

        Raises:
            ZerosegError: The segmenter's pre-refiner asks no language model.
        """
        system, refiner = _asking(segmenter)
        for file in (folder / place / "run.json" for place in PLACES):
            run = read_run(file.parent, file.read_bytes()) if file.is_file() else {}
            record = run.get("seeds", {}).get("examples")
            wanted = (self.count, self.seed, self.split)
            if record is None or (record["count"], record["seed"], record["from"]) != wanted:
                continue
            stored = run["config"]["pre_refiner"]["init_args"]["examples"]
            _put(system, refiner, tuple(Example.from_dict(entry) for entry in stored))
            return dict(record)
        return None


def _asking(segmenter: BaseSegmenter) -> tuple[ZeroShotSegmenter, LLMPreRefiner]:
    """A segmenter whose pre-refiner asks a language model, and this."""
    part = getattr(segmenter, "pre_refiner", segmenter)
    if isinstance(segmenter, ZeroShotSegmenter) and isinstance(part, LLMPreRefiner):
        return segmenter, part
    raise ZerosegError(
        f"few-shot examples are for a pre-refiner that asks a language model (LLMPreRefiner), but "
        f"this is {type(part).__name__}; ask for none, or change the pre-refiner"
    )


def _put(system: ZeroShotSegmenter, refiner: LLMPreRefiner, examples: tuple[Example, ...]) -> None:
    """Put examples into the prompt, and into the configuration that tells of it."""
    config = system.config
    refiner.show(examples)
    if config is not None:
        init_args = config["pre_refiner"].setdefault("init_args", {})
        init_args["examples"] = [example.to_dict() for example in examples]
        system.config = config


def sample_examples(
    samples: Samples,
    describe: Callable[[Sequence[Tensor]], Sequence[Description]],
    vocabulary: Vocabulary,
    count: int,
    seed: int,
) -> tuple[Example, ...]:
    """Pick annotated images and put them into words.

    The reference picks them among the images that are scored, afresh in every run.
    Here the caller says among which, and a seed decides, whatever the global random state is.

    Args:
        samples: Where to pick; those without annotation, or with a problem, are passed over.
        describe: Makes a description of each image, such as a tagger and a captioner would.
        vocabulary: The classes that the samples' targets are written in.
        count: How many, no sample twice.
        seed: Which ones, and in which order.

    Returns:
        `count` examples without explanation; their labels are the classes of the target, in the
        vocabulary's order and without the background.

    Raises:
        ZerosegError: There are too few samples.
    """
    drawn = _draw(samples, count, seed)
    descriptions = describe([sample.image for sample, _ in drawn])
    return tuple(
        Example(description, _true_labels(target, vocabulary), name=sample.name)
        for description, (sample, target) in zip(descriptions, drawn, strict=True)
    )


def _draw(samples: Samples, count: int, seed: int) -> list[tuple[Sample, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    drawn: list[tuple[Sample, Tensor]] = []
    for position in torch.randperm(len(samples), generator=generator).tolist():
        if len(drawn) == count:
            break
        sample = samples[position]
        if sample.target is not None and sample.problem is None:
            drawn.append((sample, sample.target))
    if len(drawn) < count:
        raise ZerosegError(
            f"{count} examples are asked for, but of the {len(samples)} images to pick from only "
            f"{len(drawn)} can be read with their annotation"
        )
    return drawn


def _true_labels(target: Tensor, vocabulary: Vocabulary) -> tuple[str, ...]:
    present = set(target.unique().tolist())
    return tuple(vocabulary.names[label] for label in vocabulary.classes if label in present)

"""Few-shot examples from a data set: which annotated images a language model is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import Samples
from zeroseg.errors import ZerosegError
from zeroseg.refinement.examples import Example
from zeroseg.values import Description
from zeroseg.vocabulary import Vocabulary


def draw_examples(
    samples: Samples,
    describe: Callable[[Sequence[Tensor]], Sequence[Description]],
    vocabulary: Vocabulary,
    count: int,
    seed: int,
) -> tuple[Example, ...]:
    """Pick annotated images and put them into words.

    The published implementation picks them among the images that are scored, afresh in every run.
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

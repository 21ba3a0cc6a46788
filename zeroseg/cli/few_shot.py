"""Few-shot examples for a run: which annotated images the chat model is shown, and what it cost."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from zeroseg.cli import options
from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.data.sample_data import Samples
    from zeroseg.refinement.examples import Example

TEST = "test"
"""What `--examples-from` says to take examples from the very images that are scored."""


def add_examples(parser: ArgumentParser) -> None:
    """`--examples`, `--examples-seed` and `--examples-from`."""
    group = parser.add_argument_group("few-shot examples (for a pre-refiner with a language model)")
    group.add_argument(
        "--examples",
        type=options.natural,
        default=0,
        metavar="N",
        help="annotated images that the language model explains once and is then shown; default 0",
    )
    group.add_argument(
        "--examples-seed", type=options.natural, default=0, metavar="SEED", help="which ones"
    )
    group.add_argument(
        "--examples-from",
        default="train",
        metavar="SPLIT",
        help="where they are taken from: a split of the data set (default: train), or test for the "
        "images that are scored themselves, as the published code does: the model then sees truth "
        "that it is scored against",
    )


def with_examples(
    segmenter: BaseSegmenter, arguments: Namespace, samples: Samples | None
) -> tuple[Example, ...]:
    """Put examples into the prompt of a segmenter's pre-refinement, as the arguments say.

    The segmenter's own tagger and captioner describe them, its pre-refiner's chat model explains
    them, and its configuration (`to_yaml`, result files) tells them from then on.

    Args:
        segmenter: What is changed; its vocabulary is that of the samples' targets.
        arguments: With what `add_examples` adds.
        samples: The annotated images of `--examples-from`; None where there are none.

    Returns:
        The examples, with what was asked for their explanations; none where none are wanted.

    Raises:
        ZerosegError: The segmenter's pre-refiner asks no language model, or there are too few
            samples.
        ChatError: The language model refused or stayed unreachable.
    """
    if not arguments.examples:
        return ()
    from zeroseg.evaluation.few_shot import draw_examples
    from zeroseg.refinement.examples import explain
    from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
    from zeroseg.segmenter import ZeroShotSegmenter

    if not (
        isinstance(segmenter, ZeroShotSegmenter)
        and isinstance(segmenter.pre_refiner, LLMPreRefiner)
    ):
        part = getattr(segmenter, "pre_refiner", segmenter)
        raise ZerosegError(
            f"--examples is for a pre-refiner that asks a language model (LLMPreRefiner), but this "
            f"is {type(part).__name__}; leave --examples out, or change the pre-refiner"
        )
    if samples is None:
        raise ZerosegError(
            f"--examples-from {arguments.examples_from}: this data set has no such annotated "
            f"images; name another split, or {TEST} for the images that are scored"
        )
    refiner, vocabulary = segmenter.pre_refiner, segmenter.vocabulary
    drawn = draw_examples(
        samples,
        segmenter.describe,
        vocabulary,
        arguments.examples,
        arguments.examples_seed,
    )
    explained = explain(drawn, refiner.chat, vocabulary)
    _show(segmenter, explained)
    return explained


def earlier_examples(
    segmenter: BaseSegmenter, arguments: Namespace, run: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Take over the examples of a run that was stopped: asked again, they might read otherwise.

    Args:
        segmenter: What is changed.
        arguments: With what `add_examples` adds.
        run: The content of the run's `run.json`.

    Returns:
        What the run said of its examples; None if they are not those that are wanted.
    """
    from zeroseg.refinement.examples import Example

    record = run["seeds"].get("examples")
    wanted = (arguments.examples, arguments.examples_seed, arguments.examples_from)
    if record is None or (record["count"], record["seed"], record["from"]) != wanted:
        return None
    stored = run["config"]["pre_refiner"]["init_args"]["examples"]
    _show(segmenter, tuple(Example.from_dict(entry) for entry in stored))
    return dict(record)


def _show(segmenter: Any, examples: tuple[Example, ...]) -> None:
    """Put examples into the prompt, and into the configuration that tells of it."""
    segmenter.pre_refiner.show(examples)
    if segmenter.config is not None:
        init_args = segmenter.config["pre_refiner"].setdefault("init_args", {})
        init_args["examples"] = [example.to_dict() for example in examples]


def examples_record(arguments: Namespace, examples: Sequence[Example]) -> dict[str, Any]:
    """What a result file says about the examples of a run: which they are, and what they cost."""
    from zeroseg.values import Usage

    usages = [exchange.usage for example in examples for exchange in example.exchanges]
    return {
        "count": len(examples),
        "seed": arguments.examples_seed,
        "from": arguments.examples_from,
        "names": [example.name for example in examples],
        "usage": asdict(sum(usages, Usage())),
    }

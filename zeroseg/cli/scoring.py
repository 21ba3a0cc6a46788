"""What the commands that score have in common."""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import data_options, few_shot, options
from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.data.sample_data import SampleData, Samples
    from zeroseg.segmenter import ZeroShotSegmenter


def add_scoring(parser: ArgumentParser, model: str | None) -> None:
    """The options of a command that takes a system through a data set.

    Args:
        parser: Of the command.
        model: The default of `--model`; None if it must be given.
    """
    default = f"; default {model}" if model else ""
    parser.add_argument(
        "--model",
        required=model is None,
        default=model,
        metavar="NAME|FILE.yaml",
        help=f"a preset (tiny, tiny-llm, paper, large, ssa, ...) or your own file{default}",
    )
    data_options.add_data(parser)
    options.add_vocabulary(parser, "by default the data set's, or the model's own")
    options.add_changes(parser.add_argument_group("model"))
    few_shot.add_examples(parser)
    parser.add_argument(
        "--devices",
        type=options.positive,
        default=1,
        metavar="N",
        help="processes or GPUs that share the work; every picture still counts once",
    )
    parser.add_argument(
        "--precision",
        default="32-true",
        choices=("32-true", "bf16-mixed", "16-mixed"),
        help="of the networks, as Lightning calls it; default 32-true",
    )


def prepare(arguments: Namespace) -> tuple[BaseSegmenter, SampleData, dict[str, Any]]:
    """The system, the data set and what `evaluate` is told beside them."""
    options.device(arguments.device)
    config = options.config(arguments.model, arguments)
    data = data_options.data(arguments, options.vocabulary(arguments), config)
    segmenter = options.segmenter(
        config, data.vocabulary, arguments.batch_size, arguments.device, arguments.llm_cache
    )
    seeds: dict[str, Any] = {"subset": arguments.subset_seed}
    if arguments.examples:
        seeds["examples"] = _examples(segmenter, arguments, data)
    return segmenter, data, {"seeds": seeds, **trainer(arguments)}


def zero_shot(segmenter: BaseSegmenter, command: str) -> ZeroShotSegmenter:
    """The system, if it has the stages that a command swaps.

    Raises:
        ZerosegError: It has not.
    """
    from zeroseg.segmenter import ZeroShotSegmenter

    if not isinstance(segmenter, ZeroShotSegmenter):
        raise ZerosegError(
            f"zeroseg {command} swaps the stages of a ZeroShotSegmenter; "
            f"{type(segmenter).__name__} has none"
        )
    return segmenter


def trainer(arguments: Namespace) -> dict[str, Any]:
    """Arguments of Lightning's trainer."""
    device = options.device(arguments.device)
    chosen: int | list[int] = arguments.devices
    if device.type == "cuda" and device.index is not None and arguments.devices == 1:
        chosen = [device.index]
    strategy = "auto" if arguments.devices == 1 else "ddp"
    accelerator = "gpu" if device.type == "cuda" else device.type
    return {
        "accelerator": accelerator,
        "devices": chosen,
        "strategy": strategy,
        "precision": arguments.precision,
    }


@contextmanager
def folder(output: str | None) -> Iterator[Path]:
    """The folder of `--output`, or one that lasts as long as the command."""
    if output is not None:
        yield options.output_folder(output)
        return
    with tempfile.TemporaryDirectory(prefix="zeroseg-") as passing:
        yield Path(passing)


def _examples(segmenter: BaseSegmenter, arguments: Namespace, data: SampleData) -> dict[str, Any]:
    """Give the segmenter its few-shot examples: those of the run that goes on, or new ones."""
    output = Path(arguments.output or "")
    for place in (".", "rows/full", "runs/measured"):
        file = output / place / "run.json"
        if arguments.output is not None and file.is_file():
            run = json.loads(file.read_text(encoding="utf-8"))
            known = few_shot.earlier_examples(segmenter, arguments, run)
            if known is not None:
                return known
    samples = _annotated(arguments, data)
    examples = few_shot.with_examples(segmenter, arguments, samples)
    return few_shot.examples_record(arguments, examples)


def _annotated(arguments: Namespace, data: SampleData) -> Samples | None:
    """The annotated pictures that few-shot examples are taken from."""
    if arguments.examples_from == few_shot.TEST:
        return data.dataset
    if arguments.data == "drawn":
        return _other_scenes(arguments, data)
    from zeroseg.data.catalog import CATALOG, open_data

    name = arguments.data.casefold()
    if name not in CATALOG:
        return None
    given = {"split": arguments.examples_from, "protocol": arguments.protocol}
    return open_data(name, arguments.root, **given).dataset


def _other_scenes(arguments: Namespace, data: SampleData) -> Samples:
    """Scenes of a world next to the one that is scored."""
    from zeroseg.data.drawn_scenes import DrawnScenes

    seed = (arguments.seed if arguments.seed is not None else data_options.SEED) + 1
    size = arguments.size or data_options.SIZE
    count = max(100, arguments.examples)
    return DrawnScenes(data.vocabulary, count=count, size=size, seed=seed).dataset


def said_of(data: Mapping[str, Any]) -> str:
    """What results say of a data set, in a line."""
    rest = {key: value for key, value in data.items() if key not in ("name", "count")}
    details = ", ".join(f"{key} {value}" for key, value in rest.items())
    return f"{data['name']}, {data['count']} pictures" + (f" ({details})" if details else "")


def print_scores(results: Mapping[str, Any], seconds: float | None = None) -> None:
    """The table of classes, what failed, and the headline."""
    from rich.console import Console

    from zeroseg.cli.report import percent, scores_table

    console = Console()
    console.print(scores_table(results))
    for failure in results["failures"]:
        console.print(
            f"failed: {failure['name']} at {failure['stage']}: {failure['message']}",
            markup=False,
            soft_wrap=True,
        )
    if results["usage"]["refused"]:
        refused = f"{results['usage']['refused']} questions to the language model were refused"
        console.print(f"{refused}: what they were about went unrefined", soft_wrap=True)
    images = results["images"]
    count = images["scored"] + images["unscored"]
    speed = f"; {seconds:.1f} s, {count / seconds:.1f} pictures a second" if seconds else ""
    console.print(
        f"mIoU {percent(results['miou'])} (protocol {results['protocol']['name']}) and pixel "
        f"accuracy {percent(results['pixel_accuracy'])} over {count} pictures, "
        f"{images['failed']} failed{speed}",
        highlight=False,
        soft_wrap=True,
    )

"""What the commands that score have in common."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import background, model_options, options
from zeroseg.cli.data_options import DataOptions, add_data
from zeroseg.cli.model_options import ModelOptions
from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.cli.outlet import Outlet
    from zeroseg.data.sample_data import SampleData
    from zeroseg.evaluation.evaluate import Run
    from zeroseg.evaluation.few_shot import FewShot
    from zeroseg.vocabulary import Vocabulary


def add_scoring(parser: ArgumentParser, model: str | None) -> None:
    """The options of a command that takes a system through a data set.

    Args:
        parser: Of the command.
        model: The default of `--model`; None if it must be given.
    """
    group = model_options.add_model(parser, model)
    group.add_argument(
        "--precision",
        default="32-true",
        choices=("32-true", "bf16-mixed", "16-mixed"),
        help="of the networks, as Lightning calls it; default 32-true",
    )
    group.add_argument(
        "--devices",
        type=options.positive,
        default=1,
        metavar="N",
        help="processes or GPUs that share the work; every picture still counts once",
    )
    group.add_argument(
        "--background",
        type=background.rule,
        metavar="RULE",
        help="which pixels are left to the background, where masks and dense scores are fused: "
        "threshold, margin (the score, or how clear it is, lies below what published runs take on "
        "the data set; or below a number, as in threshold=0.3), distractors (a word for the "
        "background wins) or never; by default as the model has it",
    )
    add_data(parser)
    options.add_vocabulary(parser, "by default the data set's, or the model's own")
    group = parser.add_argument_group("few-shot examples (for a pre-refiner with a language model)")
    group.add_argument(
        "--examples",
        type=options.natural,
        default=0,
        metavar="N",
        help="annotated images that the language model explains once and is then shown; default 0",
    )
    group.add_argument(
        "--examples-seed",
        type=options.natural,
        default=0,
        metavar="S",
        help="which ones; default 0",
    )
    group.add_argument(
        "--examples-from",
        default="train",
        metavar="SPLIT",
        help="where they are taken from: a split of the data set (default: train), or test for the "
        "images that are scored themselves, as the paper's code does: the model then sees truth "
        "that it is scored against",
    )


@dataclass(frozen=True)
class ScoringOptions:
    """What the options of `add_scoring` say.

    Attributes:
        model: The system.
        data: The data set.
        vocabulary: Its classes, where these are chosen.
        precision: Of the networks.
        devices: How many share the work.
        few_shot: The examples that the language model is shown.
        background: By which rule pixels are left to the background, where that is chosen.
    """

    model: ModelOptions
    data: DataOptions
    vocabulary: Vocabulary | None
    precision: str
    devices: int
    few_shot: FewShot
    background: background.Rule | None

    @classmethod
    def of(cls, arguments: Namespace) -> ScoringOptions:
        """What was given on the command line.

        Raises:
            VocabularyError: There is no such vocabulary.
        """
        from zeroseg.evaluation.few_shot import FewShot

        return cls(
            options.given(ModelOptions, arguments),
            options.given(DataOptions, arguments),
            options.vocabulary(arguments.labels, arguments.vocabulary),
            arguments.precision,
            arguments.devices,
            FewShot(arguments.examples, arguments.examples_seed, arguments.examples_from),
            arguments.background,
        )

    def prepare(self, output: Path) -> tuple[BaseSegmenter, SampleData, dict[str, Any]]:
        """The system, the data set and what `evaluate` is told beside them.

        Args:
            output: The folder to write to; a run there that goes on keeps its few-shot examples.

        Raises:
            ZerosegError: The options contradict each other, or something is missing.
        """
        self._require_devices()
        config = self.model.config()
        data = self.data.open(self.vocabulary, config.get("vocabulary"), self.model.batch_size)
        if self.background is not None:
            cut = getattr(getattr(data, "entry", None), "cut", None)
            words = data.vocabulary.distractors
            config = background.with_background(config, self.background, cut, words)
        segmenter = self.model.segmenter(config, data.vocabulary)
        seeds: dict[str, Any] = {"subset": self.data.subset_seed}
        if self.few_shot.count:
            seeds["examples"] = self.few_shot.show_earlier(segmenter, output)
            if seeds["examples"] is None:
                samples = self.data.annotated(self.few_shot.split, data, self.few_shot.count)
                seeds["examples"] = self.few_shot.show(segmenter, samples)
        return segmenter, data, {"seeds": seeds, **self._trainer()}

    def _require_devices(self) -> None:
        """Look whether there is as much as is asked for.

        Raises:
            ZerosegError: There is not.
        """
        import torch

        kind = self.model.target().type
        have = (os.cpu_count() or 1) if kind == "cpu" else torch.accelerator.device_count()
        if self.devices > have:
            what = "cores" if kind == "cpu" else f"devices of {kind}"
            raise ZerosegError(f"--devices {self.devices}: there are {have} {what} here")

    def _trainer(self) -> dict[str, Any]:
        """Arguments of Lightning's trainer."""
        device, alone = self.model.target(), self.devices == 1
        cuda = device.type == "cuda"
        chosen = [device.index] if cuda and alone and device.index is not None else self.devices
        return {
            "accelerator": "gpu" if cuda else device.type,
            "devices": chosen,
            "strategy": "auto" if alone else "ddp",
            "precision": self.precision,
            **following(),
        }


@contextmanager
def folder(output: str | None) -> Iterator[Path]:
    """The folder of `--output`, or one that lasts as long as the command."""
    if output is not None:
        yield options.output_folder(output)
        return
    with tempfile.TemporaryDirectory(prefix="zeroseg-") as passing:
        yield Path(passing)


def following() -> dict[str, Any]:
    """Arguments of a trainer that shows a bar over its batches, on standard error."""
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import LambdaCallback

    from zeroseg.cli.report import Terminal, progress

    bar = progress(Terminal(stderr=True))
    task = bar.add_task("segmenting")

    def start(trainer: Trainer, *_: object) -> None:
        bar.update(task, total=sum(trainer.num_test_batches))
        if trainer.is_global_zero:
            bar.start()

    shown = LambdaCallback(
        on_test_start=start,
        on_test_batch_end=lambda *_: bar.advance(task),
        on_test_end=lambda *_: bar.stop(),
        on_exception=lambda *_: bar.stop(),
    )
    return {"enable_progress_bar": False, "callbacks": [shown]}


def tell(outlet: Outlet, runs: Mapping[str, Run]) -> None:
    """Tell programs what came of every picture in every run."""
    for system, run in runs.items():
        for kept in run.records:
            seconds = sum(kept.seconds.values())
            figures = {"system": system, "miou": kept.miou, "seconds": seconds}
            outlet.picture(kept.name, kept.failure, **figures)


def said_of(data: Mapping[str, Any]) -> str:
    """What results say of a data set, in a line."""
    rest = {key: value for key, value in data.items() if key not in ("name", "count")}
    details = ", ".join(f"{key} {value}" for key, value in rest.items())
    return f"{data['name']}, {data['count']} pictures" + (f" ({details})" if details else "")


def _absent(results: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The classes that are nowhere in the truth, background left out; whether these are all."""
    from zeroseg.evaluation.results import confusion_counts
    from zeroseg.vocabulary import Vocabulary

    vocabulary = Vocabulary.from_dict(results["vocabulary"])
    listed = confusion_counts(results).sum(1).tolist()
    pixels = [a + b for a, b in zip(listed, results["unlisted"], strict=True)]
    absent = [vocabulary.names[index] for index in vocabulary.classes if not pixels[index]]
    return absent, len(absent) == len(vocabulary.classes)


def print_scores(results: Mapping[str, Any], seconds: float | None = None) -> None:
    """The table of classes, what failed, and the headline."""
    from zeroseg.cli.report import Terminal, percent, say, scores_table

    console = Terminal()
    console.print(scores_table(results))
    for failure in results["failures"]:
        say(console, f"failed: {failure['name']} at {failure['stage']}: {failure['message']}")
    if results["usage"]["refused"]:
        refused = f"{results['usage']['refused']} questions to the language model were refused"
        say(console, f"{refused}: what they were about went unrefined")
    absent, nothing = _absent(results)
    miou, accuracy = (None if nothing else results[n] for n in ("miou", "pixel_accuracy"))
    if absent:
        say(console, f"in no picture's annotation: {options.listed(absent)}")
    images = results["images"]
    count = images["scored"] + images["unscored"]
    speed = f"; {seconds:.1f} s, {count / seconds:.1f} pictures a second" if seconds else ""
    say(
        console,
        f"mIoU {percent(miou)} (protocol {results['protocol']['name']}) and pixel "
        f"accuracy {percent(accuracy)} over {count} pictures, "
        f"{images['failed']} failed{speed}",
    )

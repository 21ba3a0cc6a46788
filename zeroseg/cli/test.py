"""`zeroseg test`: score a segmenter on a data set."""

from __future__ import annotations

import argparse
import json
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg import __version__
from zeroseg.cli import options
from zeroseg.cli.draw import add_scenes
from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from zeroseg.data.drawn_scenes import DrawnScenes
    from zeroseg.data.image_mask_folder import ImageMaskFolder
    from zeroseg.segmenter import ZeroShotSegmenter
    from zeroseg.vocabulary import Vocabulary

_EXAMPLES = """\
  zeroseg test --model tiny --data drawn --count 100
  zeroseg test --model tiny --data drawn --vocabulary dram --count 500 --output runs/dram
  zeroseg test --model tiny --data drawn --set captioner=null
  zeroseg draw --count 50 --output drawn && zeroseg test --model tiny --data drawn/

A folder holds images/NAME.*, masks/NAME.png (ids) and vocabulary.yaml, as zeroseg draw writes it.
mIoU is computed from one confusion matrix over the whole data set: the mean over all classes,
background included, that occur in the truth or in the predictions. A picture that fails counts
as background throughout."""

_SCENES: dict[str, Any] = {"count": 200, "seed": 0, "size": (256, 256)}
"""What `--data drawn` means without further options."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "test", "score a segmenter on a data set", str(__doc__), _EXAMPLES
    )
    parser.add_argument(
        "--model", required=True, metavar="NAME|FILE.yaml", help="tiny, paper or your own file"
    )
    parser.add_argument(
        "--data", required=True, metavar="drawn|DIR", help="drawn scenes, or a folder of your own"
    )
    scenes = parser.add_argument_group("drawn scenes (200 of seed 0 by default)")
    add_scenes(scenes, None, None)
    options.add_vocabulary(parser, "by default the folder's, or the model's own")
    options.add_changes(parser.add_argument_group("model"))
    parser.add_argument(
        "--workers", type=options.natural, default=0, help="processes that read ahead"
    )
    parser.add_argument("--output", metavar="DIR", help="folder for results.json")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Score, print the table, and write the results."""
    config = options.config(arguments.model, arguments.changes)
    vocabulary = options.vocabulary(arguments)
    where = options.device(arguments.device)
    output = options.output_folder(arguments.output) if arguments.output else None
    data, described = _data(arguments, vocabulary, config)
    segmenter = options.segmenter(config, data.vocabulary, arguments.batch_size, arguments.device)
    start = time.perf_counter()
    _test(segmenter, data, where.type)
    seconds = time.perf_counter() - start
    scores = segmenter.scores.compute()
    _print(segmenter, scores, seconds, len(data.dataset))
    if output is not None:
        path = output / "results.json"
        results = _results(segmenter, scores, seconds) | {"model": arguments.model, **described}
        path.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"results in {path}")
    return 1 if segmenter.failures else 0


def _data(
    arguments: Namespace, vocabulary: Vocabulary | None, config: dict[str, Any]
) -> tuple[DrawnScenes | ImageMaskFolder, dict[str, Any]]:
    """The data set, and its description for the results."""
    from zeroseg.data.drawn_scenes import DrawnScenes
    from zeroseg.data.image_mask_folder import ImageMaskFolder
    from zeroseg.vocabulary import Vocabulary

    loading = {"batch_size": arguments.batch_size or 8, "num_workers": arguments.workers}
    given = {name: getattr(arguments, name) for name in _SCENES}
    if arguments.data == "drawn":
        scenes = {
            name: value if value is not None else _SCENES[name] for name, value in given.items()
        }
        classes = vocabulary or options.with_classes(Vocabulary.parse(config["vocabulary"]))
        return DrawnScenes(classes, **scenes, **loading), {"data": {"name": "drawn", **scenes}}
    if any(value is not None for value in given.values()):
        raise ZerosegError("--count, --seed and --size are for --data drawn")
    if not Path(arguments.data).is_dir():
        raise ZerosegError(f"--data {arguments.data}: write drawn, or the path of a folder")
    folder = ImageMaskFolder(arguments.data, vocabulary, **loading)
    return folder, {"data": {"name": arguments.data, "count": len(folder.dataset)}}


def _test(segmenter: ZeroShotSegmenter, data: DrawnScenes | ImageMaskFolder, device: str) -> None:
    import logging

    from lightning.pytorch import Trainer

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = Trainer(
        accelerator="gpu" if device == "cuda" else device,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.test(segmenter, data, verbose=False)


def _print(
    segmenter: ZeroShotSegmenter, scores: dict[str, float], seconds: float, count: int
) -> None:
    from rich.console import Console

    from zeroseg.cli.report import percent, scores_table

    console = Console()
    console.print(scores_table(scores, segmenter.vocabulary.names))
    for failure in segmenter.failures:
        console.print(
            f"failed: {failure.name} at {failure.stage}: {failure.message}",
            markup=False,
            soft_wrap=True,
        )
    console.print(
        f"mIoU {percent(scores['miou'])} and pixel accuracy {percent(scores['pixel_accuracy'])} "
        f"over {count} pictures, {len(segmenter.failures)} failed; "
        f"{seconds:.1f} s, {count / seconds:.1f} pictures a second",
        highlight=False,
        soft_wrap=True,
    )


def _results(
    segmenter: ZeroShotSegmenter, scores: dict[str, float], seconds: float
) -> dict[str, Any]:
    """Everything about a run that JSON can hold; null for a class that never occurs."""
    names = segmenter.vocabulary.names
    iou = {name: scores[f"iou/{name}"] for name in names}
    return {
        "miou": scores["miou"],
        "pixel_accuracy": scores["pixel_accuracy"],
        "iou": {name: value if value == value else None for name, value in iou.items()},
        "confusion_matrix": segmenter.scores.matrix.tolist(),
        "failures": [vars(failure) for failure in segmenter.failures],
        "seconds": round(seconds, 3),
        "config": segmenter.config,
        "version": __version__,
    }

"""`zeroseg demo`: draw scenes, segment them, and show what came out beside the truth."""

from __future__ import annotations

import argparse
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, options
from zeroseg.cli.draw import add_scenes, say_never_drawn
from zeroseg.writing import write_picture

if TYPE_CHECKING:
    from PIL import Image
    from rich.text import Text
    from torch import Tensor

    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.cli.outlet import Outlet
    from zeroseg.segmentation import Segmentation
    from zeroseg.values import Failure
    from zeroseg.vocabulary import Vocabulary

_EXAMPLES = """\
  zeroseg demo
  zeroseg demo --count 12 --seed 3 --size 320x240 --output demo
  zeroseg demo --labels "animal, boat, person"

Each scene becomes one panel: the picture, the truth, the prediction, and the detector's boxes
with the points that were given to the mask predictor. All of them together are panels.png."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "demo", "draw scenes, segment them, show panels", str(__doc__), _EXAMPLES
    )
    add_scenes(parser, 6, (256, 256))
    parser.add_argument(
        "--output", default="demo", metavar="DIR", help="folder to write to; default demo"
    )
    options.add_vocabulary(parser, "by default all that is drawn")
    model_options.add_model(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Drawn:
    """A scene on disk, and its truth."""

    picture: Path
    truth: Tensor


def run(arguments: Namespace) -> int:
    """Draw, segment, and show."""
    model = options.given(model_options.ModelOptions, arguments)
    config = model.config()
    from zeroseg.vocabulary import Vocabulary

    chosen = options.vocabulary(arguments.labels, arguments.vocabulary)
    vocabulary = chosen or Vocabulary.parse("drawn")
    say_never_drawn(vocabulary)
    model.target()
    output = options.output_folder(arguments.output)
    options.output_folder(output / "pictures")
    segmenter = model.segmenter(config, vocabulary)
    scenes = [
        _draw(arguments.seed, number, arguments.size, vocabulary, output / "pictures")
        for number in range(arguments.count)
    ]
    return _show(segmenter, scenes, output, arguments.outlet)


def _draw(
    seed: int, number: int, size: tuple[int, int], vocabulary: Vocabulary, folder: Path
) -> _Drawn:
    from PIL import Image

    from zeroseg.data.drawn_scenes import label_map
    from zeroseg.drawn.scene import draw_scene

    scene = draw_scene(seed, number, size)
    picture = folder / f"drawn-{seed}-{number:05d}.png"
    write_picture(picture, Image.fromarray(scene.image))
    return _Drawn(picture, label_map(scene, vocabulary))


def _show(segmenter: BaseSegmenter, scenes: list[_Drawn], output: Path, outlet: Outlet) -> int:
    """Segment the pictures from their files; save the panels; print the tables."""
    from rich.table import Table

    from zeroseg.cli.report import Terminal, Totals, percent, plain, progress, say
    from zeroseg.metrics.segmentation_scores import SegmentationScores
    from zeroseg.plotting import grid
    from zeroseg.values import Failure

    vocabulary = segmenter.vocabulary
    console, totals, scores = Terminal(), Totals(), SegmentationScores(vocabulary)
    failures: list[Failure] = []
    sheets: list[Image.Image] = []
    table = Table("scene", "in the scene", "found", "caption")
    with progress(Terminal(stderr=True)) as bar:
        results = segmenter.stream(scene.picture for scene in scenes)
        pairs = bar.track(zip(scenes, results, strict=True), len(scenes), description="segmenting")
        for scene, result in pairs:
            name = scene.picture.stem
            truth = _classes(scene.truth, vocabulary)
            if isinstance(result, Failure):
                failures.append(result)
                outlet.picture(name, result)
                table.add_row(name, ", ".join(truth), plain(f"failed: {result.message}", "red"))
                scores.update(scene.truth * 0 + vocabulary.background, scene.truth)
                continue
            scores.update(result.label_map, scene.truth)
            totals.add(result.trace)
            found = _marked(list(result.areas), truth)
            table.add_row(
                name, ", ".join(truth) or "-", found, plain(result.description.caption or "-")
            )
            sheets.append(panel(result, scene.truth))
            write_picture(output / f"{name}.png", sheets[-1])
            outlet.picture(name, classes=result.areas)
    console.print(table, totals.table())
    there = any(_classes(scene.truth, vocabulary) for scene in scenes)
    miou = percent(scores.compute()["miou"] if there else None)
    nothing = "" if there else "; none of the classes is in them"
    say(console, f"mIoU over {len(scenes)} scenes: {miou}{nothing}")
    if sheets:
        write_picture(output / "panels.png", grid(sheets))
        print(f"the pictures are in {output}, all together in {output / 'panels.png'}")
    return 1 if failures else 0


def panel(result: Segmentation, truth: Tensor) -> Image.Image:
    """Picture, truth, prediction, boxes and points side by side over one legend."""
    from zeroseg import plotting

    vocabulary = result.vocabulary
    row = plotting.panels(
        [
            ("picture", plotting.picture(result.image)),
            ("truth", plotting.colored(truth, vocabulary)),
            ("prediction", plotting.colored(result.label_map, vocabulary)),
            (
                "boxes and points",
                plotting.boxes_and_points(
                    result.image, result.detections, result.points, vocabulary
                ),
            ),
        ]
    )
    shown = dict.fromkeys([*_classes(truth, vocabulary), *result.areas])
    entries = [(name, vocabulary.colors[vocabulary.index(name)]) for name in shown]
    return plotting.grid([row, plotting.legend(entries, row.width)]) if entries else row


def _classes(labels: Tensor, vocabulary: Vocabulary) -> list[str]:
    """Names of the classes in a label map, background left out."""
    present = set(labels.unique().tolist())
    return [vocabulary.names[index] for index in vocabulary.classes if index in present]


def _marked(found: list[str], truth: list[str]) -> Text:
    """What was found, green where it is there, red where not; then what was missed."""
    from rich.text import Text

    words = Text()
    for name in found:
        words.append(
            name if name in truth else f"{name} (wrong)", "green" if name in truth else "red"
        )
        words.append(", ")
    for name in truth:
        if name not in found:
            words.append(f"{name} (missed)", "yellow")
            words.append(", ")
    return words[:-2] if len(words) else Text("nothing")

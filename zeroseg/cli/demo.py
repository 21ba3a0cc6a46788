"""`zeroseg demo`: draw scenes, segment them, and show what came out beside the truth."""

from __future__ import annotations

import argparse
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, options
from zeroseg.cli.draw import add_scenes, say_never_drawn
from zeroseg.writing import write_picture, write_whole

if TYPE_CHECKING:
    from PIL import Image
    from rich.text import Text
    from torch import Tensor

    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.report import Totals
    from zeroseg.evaluation.report.demo_page import DemoScene
    from zeroseg.metrics.segmentation_scores import SegmentationScores
    from zeroseg.segmentation import Segmentation
    from zeroseg.values import Failure
    from zeroseg.vocabulary import Vocabulary

BEST, PAPER = "tiny-sam3", "tiny"
"""The best system that comes along for any list of classes (`tiny-open` has to be calibrated for
others than its own), and the paper's method."""

_EXAMPLES = """\
  zeroseg demo
  zeroseg demo --count 12 --seed 3 --size 320x240 --output demo
  zeroseg demo --labels "animal, boat, person" --beside none
  zeroseg demo --model mine.yaml --beside tiny-sam3

index.html shows each scene: the picture, the truth, the prediction of each system, what every
stage said, and how long it took. A scene is also one panel, a PNG; all of them are panels.png."""

_ABOUT = {
    BEST: "a small SAM 3, asked for every class: things and stuff, every pixel",
    PAPER: "the paper's method: tags and a caption say what is there, a detector finds it, SAM "
    "outlines it from a box and points",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "demo", "draw scenes, segment them, show a page", str(__doc__), _EXAMPLES
    )
    add_scenes(parser, 6, (256, 256))
    parser.add_argument(
        "--output", default="demo", metavar="DIR", help="folder to write to; default demo"
    )
    options.add_vocabulary(parser, "by default all that is drawn, things and stuff")
    group = model_options.add_model(parser, BEST)
    group.add_argument(
        "--beside",
        default=PAPER,
        metavar="NAME|FILE|none",
        help=f"a second system on the same scenes; default {PAPER}, the paper's method",
    )
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Drawn:
    """A scene on disk, and its truth."""

    picture: Path
    truth: Tensor


@dataclass
class _System:
    """A system that is shown, and how it does."""

    name: str
    segmenter: BaseSegmenter
    totals: Totals
    scores: SegmentationScores
    failed: int = 0


def run(arguments: Namespace) -> int:
    """Draw, segment, and show."""
    start = time.perf_counter()
    first = options.given(model_options.ModelOptions, arguments)
    models = [first]
    if arguments.beside not in ("none", first.model):
        models.append(replace(first, model=arguments.beside, changes=(), llm=None, llm_url=None))
    configs = [model.config() for model in models]
    from zeroseg.vocabulary import Vocabulary

    chosen = options.vocabulary(arguments.labels, arguments.vocabulary)
    vocabulary = chosen or Vocabulary.parse("drawn-all")
    say_never_drawn(vocabulary)
    first.target()
    output = options.output_folder(arguments.output)
    options.output_folder(output / "pictures")
    named = _names([model.model for model in models])
    systems = [
        _system(name, model.segmenter(config, vocabulary))
        for name, model, config in zip(named, models, configs, strict=True)
    ]
    scenes = [
        _draw(arguments.seed, number, arguments.size, vocabulary, output / "pictures")
        for number in range(arguments.count)
    ]
    shown = _show(systems, scenes, output, arguments.outlet)
    _write_page(systems, scenes, shown, output, time.perf_counter() - start)
    return 1 if any(system.failed for system in systems) else 0


def _names(models: Sequence[str]) -> list[str]:
    """What the systems are called: as their files are, unless these are called alike."""
    stems = [Path(model).stem for model in models]
    return stems if len(set(stems)) == len(stems) else list(models)


def _system(name: str, segmenter: BaseSegmenter) -> _System:
    from zeroseg.cli.report import Totals
    from zeroseg.metrics.segmentation_scores import SegmentationScores

    return _System(name, segmenter, Totals(), SegmentationScores(segmenter.vocabulary))


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


def _show(
    systems: Sequence[_System], scenes: list[_Drawn], output: Path, outlet: Outlet
) -> list[DemoScene]:
    """Segment the pictures from their files; save the panels; print the tables.

    Returns:
        The scenes that the page shows.
    """
    from rich.table import Table

    from zeroseg.cli.report import Terminal, plain, progress
    from zeroseg.evaluation.report.demo_page import MOST

    table = Table("scene", "system", "found")
    sheets: list[Image.Image] = []
    shown: list[DemoScene] = []
    with progress(Terminal(stderr=True)) as bar:
        results = _results(systems, scenes)
        pairs = bar.track(zip(scenes, results, strict=True), len(scenes), description="segmenting")
        for scene, found in pairs:
            for system, result in zip(systems, found, strict=True):
                words = _count(system, scene, result)
                _tell(outlet, system.name, scene, result)
                table.add_row(scene.picture.stem, plain(system.name), words)
            if (sheet := panel([s.name for s in systems], found, scene.truth)) is not None:
                sheets.append(sheet)
                write_picture(output / f"{scene.picture.stem}.png", sheet)
            if len(shown) < MOST:
                shown.append(_shown(systems, scene, found))
    Terminal().print(table)
    for system in systems:
        _say_scores(system, scenes)
    if sheets:
        from zeroseg.plotting import grid

        write_picture(output / "panels.png", grid(sheets))
        print(f"the pictures are in {output}, all together in {output / 'panels.png'}")
    return shown


def _shown(
    systems: Sequence[_System], scene: _Drawn, found: Sequence[Segmentation | Failure]
) -> DemoScene:
    from zeroseg import plotting
    from zeroseg.evaluation.report.demo_page import DemoScene
    from zeroseg.images import read_image

    results = {system.name: result for system, result in zip(systems, found, strict=True)}
    picture = plotting.picture(read_image(scene.picture))
    return DemoScene(scene.picture.stem, picture, scene.truth, results)


def _write_page(
    systems: Sequence[_System],
    scenes: Sequence[_Drawn],
    shown: Sequence[DemoScene],
    output: Path,
    seconds: float,
) -> None:
    """Write `index.html`, and say that it is there."""
    from zeroseg.evaluation.report import html
    from zeroseg.evaluation.report.demo_page import DemoSystem, demo_page

    told = {
        own.name: DemoSystem(_ABOUT.get(own.name, ""), _miou(own, scenes), own.totals.seconds)
        for own in systems
    }
    vocabulary = systems[0].segmenter.vocabulary
    page = demo_page(shown, len(scenes), told, vocabulary, output / "pictures", seconds)
    write_whole(output / "index.html", html.render(page))
    print(f"to look at it all, open {output / 'index.html'} in a browser")


def _results(
    systems: Sequence[_System], scenes: Sequence[_Drawn]
) -> Iterator[tuple[Segmentation | Failure, ...]]:
    """What each system makes of each scene."""
    files = [scene.picture for scene in scenes]
    return zip(*(system.segmenter.stream(files) for system in systems), strict=True)


def _count(system: _System, scene: _Drawn, result: Segmentation | Failure) -> Text:
    """Count a result into the system's scores; what was found, in words."""
    from zeroseg.cli.report import plain
    from zeroseg.evaluation.report.demo_page import classes
    from zeroseg.values import Failure

    vocabulary = system.segmenter.vocabulary
    if isinstance(result, Failure):
        system.failed += 1
        system.scores.update(scene.truth * 0 + vocabulary.background, scene.truth)
        return plain(f"failed: {result.message}", "red")
    system.scores.update(result.label_map, scene.truth)
    system.totals.add(result.trace)
    return _marked(list(result.areas), classes(scene.truth, vocabulary))


def _tell(outlet: Outlet, system: str, scene: _Drawn, result: Segmentation | Failure) -> None:
    """Tell programs of a result."""
    from zeroseg.values import Failure

    if isinstance(result, Failure):
        outlet.picture(scene.picture.stem, result, system=system)
    else:
        outlet.picture(scene.picture.stem, system=system, classes=result.areas)


def _say_scores(system: _System, scenes: Sequence[_Drawn]) -> None:
    """Print how a system did, and what took its time."""
    from zeroseg.cli.report import Terminal, percent, say

    miou = _miou(system, scenes)
    nothing = "; none of the classes is in them" if miou is None else ""
    console = Terminal()
    console.print(system.totals.table())
    say(console, f"{system.name}: mIoU over {len(scenes)} scenes: {percent(miou)}{nothing}")


def _miou(system: _System, scenes: Sequence[_Drawn]) -> float | None:
    """Over all scenes; none where no class is in them."""
    from zeroseg.evaluation.report.demo_page import classes

    vocabulary = system.segmenter.vocabulary
    there = any(classes(scene.truth, vocabulary) for scene in scenes)
    return system.scores.compute()["miou"] if there else None


def panel(
    names: Sequence[str], results: Sequence[Segmentation | Failure], truth: Tensor
) -> Image.Image | None:
    """Picture, truth, predictions, boxes and points of the last system, over one legend.

    Args:
        names: Of the systems.
        results: What each made of the picture; those that failed are left out.
        truth: (H, W), class indices.

    Returns:
        The panel; None where all failed.
    """
    from zeroseg import plotting
    from zeroseg.evaluation.report.demo_page import classes
    from zeroseg.values import Failure

    done = [(n, r) for n, r in zip(names, results, strict=True) if not isinstance(r, Failure)]
    if not done:
        return None
    last, result = done[-1]
    vocabulary = result.vocabulary
    colors = plotting.class_colors(result.detections, vocabulary)
    boxes = plotting.boxes_and_points(result.image, result.detections, result.points, colors)
    row = plotting.panels(
        [
            ("picture", plotting.picture(result.image)),
            ("truth", plotting.colored(truth, vocabulary)),
            *((name, plotting.colored(own.label_map, vocabulary)) for name, own in done),
            (f"{last}: boxes and points", boxes),
        ]
    )
    areas = [name for _, own in done for name in own.areas]
    shown = dict.fromkeys([*classes(truth, vocabulary), *areas])
    entries = [(name, vocabulary.colors[vocabulary.index(name)]) for name in shown]
    return plotting.grid([row, plotting.legend(entries, row.width)]) if entries else row


def _marked(found: list[str], truth: list[str]) -> Text:
    """What was found, green where it is there, red where not; then what was missed."""
    from rich.text import Text

    from zeroseg.evaluation.report.demo_page import compared

    colors = {"": "green", "wrong": "red", "missed": "yellow"}
    words = [
        Text(f"{name} ({mark})" if mark else name, colors[mark])
        for name, mark in compared(found, truth)
    ]
    return Text(", ").join(words) if words else Text("nothing")

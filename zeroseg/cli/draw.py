"""`zeroseg draw`: drawn scenes as ordinary pictures, masks and JSON."""

from __future__ import annotations

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from zeroseg.cli import options
from zeroseg.errors import ZerosegError
from zeroseg.writing import write_picture, write_whole

if TYPE_CHECKING:
    from zeroseg.drawn.scene import Scene
    from zeroseg.vocabulary import Vocabulary

_EXAMPLES = """\
  zeroseg draw --count 8 --output drawn
  zeroseg draw --count 500 --size 320x240 --seed 7 --format jpg --vocabulary dram --output set
  zeroseg draw --count 2 --video 24 --size 128x128 --output moving
  zeroseg segment drawn/images --labels "bird, car, person, umbrella"
  zeroseg test --model tiny --data drawn/

The folder then holds images/NAME.png (or .jpg), masks/NAME.png (indexed, with the ids and colours
of vocabulary.yaml) and scenes/NAME.json (caption, style, and the name, class and box of
everything in the scene). The same seed draws the same scenes on every machine.

With --video FRAMES the scenes move: videos/NAME.mp4 at 12 frames a second, the mask of each frame
in masks/NAME/000000.png, and what is where in every frame in scenes/NAME.json."""

_RATE = 12
"""Frames a second of a scene that moves."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "draw", "draw scenes with exact masks", str(__doc__), _EXAMPLES
    )
    add_scenes(parser, 10, (256, 256))
    parser.add_argument(
        "--first",
        type=options.natural,
        default=0,
        metavar="N",
        help="number of the first scene of this seed; default 0",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--format", choices=("png", "jpg"), default="png", help="of the pictures; default png"
    )
    parser.add_argument(
        "--video",
        type=options.positive,
        metavar="FRAMES",
        help='have the scenes move, for so many frames; needs pip install "zeroseg[video]"',
    )
    parser.add_argument(
        "--vocabulary",
        default="drawn",
        metavar="NAME|FILE",
        help="classes of the masks: drawn (the default), dram, voc2012, ... or a file of names",
    )
    parser.set_defaults(run=run)


def add_scenes(
    parser: argparse._ActionsContainer, count: int | None, size: tuple[int, int] | None
) -> None:
    """`--count`, `--size` and `--seed` of drawn scenes."""
    parser.add_argument(
        "--count",
        type=options.positive,
        default=count,
        metavar="N",
        help=f"number of scenes; default {count or 200}",
    )
    parser.add_argument(
        "--size",
        type=options.size,
        default=size,
        metavar="WxH",
        help=f"width x height, {options.SMALLEST} to {options.LARGEST} pixels each; "
        f"by default 256x256",
    )
    seed = None if count is None else 0
    parser.add_argument(
        "--seed", type=options.natural, default=seed, metavar="S", help="which world; default 0"
    )


def run(arguments: Namespace) -> int:
    """Draw the scenes."""
    vocabulary = options.vocabulary(None, arguments.vocabulary)
    assert vocabulary is not None
    say_never_drawn(vocabulary)
    output = options.output_folder(arguments.output)
    write_vocabulary(vocabulary, output)
    from zeroseg.cli.report import Terminal, progress
    from zeroseg.drawn.motion import draw_clip
    from zeroseg.drawn.scene import draw_scene

    seed, size, frames = arguments.seed, arguments.size, arguments.video
    numbers = range(arguments.first, arguments.first + arguments.count)
    with progress(Terminal(stderr=True)) as bar:
        for number in bar.track(numbers, description="drawing"):
            if frames is None:
                scene = draw_scene(seed, number, size)
                file = write_scene(scene, vocabulary, output, arguments.format)
            else:
                clip = draw_clip(seed, number, frames, size)
                file = write_clip((own.scene for own in clip), vocabulary, output)
            arguments.outlet.picture(file.stem, file=str(file))
    kind = "images" if frames is None else "videos"
    print(f"{arguments.count} scenes in {output}: {kind}, masks, scenes and vocabulary.yaml")
    return 0


def say_never_drawn(vocabulary: Vocabulary) -> None:
    """Say which classes are in no scene, however many are drawn.

    Raises:
        VocabularyError: All of them.
    """
    from zeroseg.data.drawn_scenes import never_drawn

    if never := never_drawn(vocabulary):
        print(f"note: {options.listed(never)}: never drawn", file=sys.stderr)


def write_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write `vocabulary.yaml`, which says what the ids in the folder's masks mean.

    Raises:
        ZerosegError: The folder holds masks of other classes.
    """
    path = folder / "vocabulary.yaml"
    text = yaml.safe_dump(vocabulary.to_dict(), sort_keys=False, allow_unicode=True)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ZerosegError(
            f"{path} describes other classes than '{vocabulary.name}'; draw into another folder"
        )
    write_whole(path, text)


def write_scene(scene: Scene, vocabulary: Vocabulary, folder: Path, suffix: str) -> Path:
    """Write a scene's picture, mask and JSON.

    Args:
        scene: What was drawn.
        vocabulary: The classes of the mask.
        folder: Gets `images`, `masks` and `scenes`.
        suffix: "png" or "jpg", of the picture.

    Returns:
        The picture.
    """
    from PIL import Image

    from zeroseg.data.drawn_scenes import label_map
    from zeroseg.plotting import indexed

    name = _name(scene)
    files = {
        "images": folder / "images" / f"{name}.{suffix}",
        "masks": folder / "masks" / f"{name}.png",
        "scenes": folder / "scenes" / f"{name}.json",
    }
    write_picture(files["images"], Image.fromarray(scene.image))
    write_picture(files["masks"], indexed(label_map(scene, vocabulary), vocabulary))
    text = json.dumps(_description(scene, name, vocabulary), indent=2)
    write_whole(files["scenes"], text + "\n")
    return files["images"]


def write_clip(scenes: Iterable[Scene], vocabulary: Vocabulary, folder: Path) -> Path:
    """Write the video, masks and JSON of a scene that moves.

    Args:
        scenes: Its frames.
        vocabulary: The classes of the masks.
        folder: Gets `videos`, `masks` and `scenes`.

    Returns:
        The video.
    """
    from PIL import Image

    from zeroseg.data.drawn_scenes import label_map
    from zeroseg.plotting import indexed
    from zeroseg.video.film import write_film

    told: list[dict[str, Any]] = []

    def pictures() -> Iterator[tuple[float, Image.Image]]:
        for number, scene in enumerate(scenes):
            name = _name(scene)
            mask = folder / "masks" / name / f"{number:06d}.png"
            write_picture(mask, indexed(label_map(scene, vocabulary), vocabulary))
            told.append(_description(scene, name, vocabulary))
            yield number / _RATE, Image.fromarray(scene.image)

    first = next(frames := iter(scenes))
    scenes, name = chain([first], frames), _name(first)
    file = folder / "videos" / f"{name}.mp4"
    file.parent.mkdir(parents=True, exist_ok=True)
    for _ in write_film(file, pictures(), Fraction(_RATE), Fraction(1, _RATE)):
        pass
    whole = {key: told[0][key] for key in ("name", "seed", "index", "size", "style")}
    frames_told = [{"frame": i, "regions": own["regions"]} for i, own in enumerate(told)]
    text = json.dumps({**whole, "rate": _RATE, "frames": frames_told}, indent=2)
    write_whole(folder / "scenes" / f"{name}.json", text + "\n")
    return file


def _name(scene: Scene) -> str:
    return f"drawn-{scene.seed}-{scene.index:05d}"


def _description(scene: Scene, name: str, vocabulary: Vocabulary) -> dict[str, Any]:
    from zeroseg.data.drawn_scenes import class_of

    height, width = scene.segments.shape
    return {
        "name": name,
        "seed": scene.seed,
        "index": scene.index,
        "size": {"height": height, "width": width},
        "style": scene.style,
        "caption": scene.caption,
        "regions": [
            {
                "name": region.name,
                "category": region.category,
                "class": vocabulary.names[class_of(region, vocabulary)],
                "thing": region.thing,
                "box_xyxy": list(region.box),
                "area": region.area,
                "visible": round(region.visible, 4),
            }
            for region in scene.regions
        ],
    }

"""`zeroseg draw`: drawn scenes as ordinary pictures, masks and JSON."""

from __future__ import annotations

import argparse
import json
import sys
from argparse import Namespace
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
  zeroseg draw --count 10 --output drawn
  zeroseg draw --count 500 --size 320x240 --seed 7 --format jpg --vocabulary dram --output set
  zeroseg segment drawn/images --labels "dog, boat, person"
  zeroseg test --model tiny --data drawn/

The folder then holds images/NAME.png (or .jpg), masks/NAME.png (indexed, with the ids and colours
of vocabulary.yaml) and scenes/NAME.json (caption, style, and the name, class and box of
everything in the scene). The same seed draws the same scenes on every machine."""


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
    from zeroseg.drawn.scene import draw_scene

    numbers = range(arguments.first, arguments.first + arguments.count)
    with progress(Terminal(stderr=True)) as bar:
        for number in bar.track(numbers, description="drawing"):
            scene = draw_scene(arguments.seed, number, arguments.size)
            file = write_scene(scene, vocabulary, output, arguments.format)
            arguments.outlet.picture(file.stem, file=str(file))
    print(f"{arguments.count} scenes in {output}: images, masks, scenes and vocabulary.yaml")
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

    name = f"drawn-{scene.seed}-{scene.index:05d}"
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

"""Damaged pictures and annotations among good ones, and files that go or change once listed.

Whatever befalls a file, its own picture may fail, with the reason; no other may notice.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.faults.ending import Ending, compare, of_archive, of_result, of_run
from benchmarks.faults.parts import configuration, write_pictures
from benchmarks.faults.row import Row
from zeroseg import ZeroShotSegmenter, evaluate
from zeroseg.data import ImageMaskFolder
from zeroseg.presets import build
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.recipe import Recipe

PICTURES, DAMAGED = 24, 8
"""Of a round, and how many of them are damaged."""

Dice = random.Random
Harm = Callable[[Path, Dice], object]
Befall = Callable[[], object]


def _written(change: Callable[[bytes, Dice], bytes]) -> Harm:
    return lambda file, dice: file.write_bytes(change(file.read_bytes(), dice))


def _cut(content: bytes, dice: Dice) -> bytes:
    return content[: dice.randrange(1, len(content) - 20)]


def _zeroed(content: bytes, dice: Dice) -> bytes:
    start = dice.randrange(0, len(content) // 2)
    return content[:start] + bytes(len(content) - start)


def _flipped(content: bytes, dice: Dice) -> bytes:
    changed = bytearray(content)
    for _ in range(8):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _gone(file: Path, _: Dice) -> None:
    file.unlink()


def _folder(file: Path, _: Dice) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path, _: Dice) -> None:
    file.unlink()
    os.mkfifo(file)


def _dangling(file: Path, _: Dice) -> None:
    file.unlink()
    file.symlink_to(file.parent / "nowhere.png")


def _circle(file: Path, _: Dice) -> None:
    file.unlink()
    file.symlink_to(file)


def _of_other_size(file: Path, _: Dice) -> None:
    Image.fromarray(np.zeros((7, 9), np.uint8)).save(file)


def _of_colours(file: Path, dice: Dice) -> None:
    size = Image.open(file).size
    Image.new("RGB", size, (dice.randrange(10, 250), 3, 200)).save(file)


CONTENTS: dict[str, Harm] = {
    "cut": _written(_cut),
    "zeroed": _written(_zeroed),
    "flipped bits": _written(_flipped),
    "empty": _written(lambda *_: b""),
    "text": _written(lambda *_: b"<html><body>Not found</body></html>"),
    "noise": _written(lambda content, dice: dice.randbytes(len(content))),
}
PLACES: dict[str, Harm] = {
    "a folder in its place": _folder,
    "a pipe in its place": _pipe,
    "a link to nowhere": _dangling,
    "a link to itself": _circle,
}
ANNOTATIONS: dict[str, Harm] = {
    **CONTENTS,
    "of another size": _of_other_size,
    "of colours": _of_colours,
}
LATER: dict[str, Harm] = {**CONTENTS, **PLACES, "gone": _gone}


@dataclass(frozen=True)
class Round:
    """Pictures of which some are befallen.

    Attributes:
        data: Folder with `images` and `masks`.
        target: Folder for results.
        files: The pictures.
        befall: What happens once they are listed.
    """

    data: Path
    target: Path
    files: list[Path]
    befall: Befall


def stream(about: Round) -> list[Ending]:
    """`segmenter.stream` over a list of files."""
    segmenter = build(ZeroShotSegmenter, configuration(), {})
    about.befall()
    results = zip(about.files, segmenter.stream(about.files), strict=True)
    return [of_result(file.name, result) for file, result in results]


def archive(about: Round) -> list[Ending]:
    """`zeroseg batch` over the folder."""
    recipe = Recipe.of(configuration())
    run = BatchRun(str(about.data / "images"), str(about.target), recipe, part_size=8)
    about.befall()
    list(run.here())
    return of_archive(about.target)


def scored(about: Round) -> list[Ending]:
    """`zeroseg test` over the folder."""
    segmenter = build(ZeroShotSegmenter, configuration(), {})
    data = ImageMaskFolder(about.data, batch_size=2)
    about.befall()
    evaluate({"": segmenter}, data, {"": about.target}, enable_progress_bar=False)
    endings = of_run(about.target, total=False)
    return [replace(ending, name=f"{ending.name}.png") for ending in endings]


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        title: Of the row.
        door: How pictures are read.
        harms: What may befall a file.
        part: "images" or "masks".
        later: Whether that is once the files are listed.
    """

    title: str
    door: Callable[[Round], list[Ending]]
    harms: dict[str, Harm]
    part: str = "images"
    later: bool = False


CASES = (
    Case("pictures damaged, stream", stream, {**CONTENTS, **PLACES}),
    Case("pictures damaged, batch", archive, CONTENTS),
    Case("pictures damaged, test", scored, CONTENTS),
    Case("annotations damaged, test", scored, ANNOTATIONS, "masks"),
    Case("pictures gone or changed, stream", stream, LATER, later=True),
    Case("pictures gone or changed, batch", archive, LATER, later=True),
    Case("pictures gone or changed, test", scored, LATER, later=True),
    Case("annotations gone or changed, test", scored, {**LATER, **ANNOTATIONS}, "masks", True),
)


def run(count: int, seed: int, folder: Path) -> list[Row]:
    """Damage so many files at least, as many for every door."""
    share = -(-count // len(CASES))
    return [_row(case, share, seed, folder / str(place)) for place, case in enumerate(CASES)]


def _row(case: Case, count: int, seed: int, folder: Path) -> Row:
    start, injected = time.perf_counter(), 0
    endings: list[Ending] = []
    undisturbed: list[Ending] = []
    harms = cycle(case.harms.values())
    for turn in range(-(-count // DAMAGED)):
        dice = Dice(f"{seed} {case.title} {turn}")
        data = folder / f"data-{turn}"
        files = write_pictures(data, PICTURES, seed + turn)
        expected = case.door(Round(data, folder / f"undisturbed-{turn}", files, _nothing))
        victims = [data / case.part / file.name for file in dice.sample(files, DAMAGED)]
        befall = partial(_harm, victims, harms, dice)
        if not case.later:
            befall()
        later = befall if case.later else _nothing
        found = case.door(Round(data, folder / f"disturbed-{turn}", files, later))
        endings += [replace(ending, name=f"{turn}/{ending.name}") for ending in found]
        undisturbed += [replace(ending, name=f"{turn}/{ending.name}") for ending in expected]
        injected += len(victims)
    names = [ending.name for ending in undisturbed]
    seconds = time.perf_counter() - start
    return compare(f"files: {case.title}", injected, names, endings, undisturbed, seconds, True)


def _harm(victims: Sequence[Path], harms: Iterator[Harm], dice: Dice) -> None:
    for victim, harm in zip(victims, harms, strict=False):
        harm(victim, dice)


def _nothing() -> None:
    """What befalls undisturbed pictures."""

"""The page of `zeroseg demo`: whole scenes, what every stage said, what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from PIL import Image
from torch import Tensor

from zeroseg import plotting
from zeroseg.evaluation.report.content import (
    Block,
    Code,
    Column,
    Facts,
    Figures,
    Fold,
    Legend,
    Note,
    Page,
    Picture,
    Row,
    Section,
    Table,
)
from zeroseg.result_page import questions, told
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

MOST = 24
"""Scenes that a page shows."""

_ASKED = 4
"""Classes that the next command asks for."""


@dataclass(frozen=True)
class DemoScene:
    """A scene, and what each system made of it.

    Attributes:
        name: Of the picture, without suffix.
        picture: The picture.
        truth: (H, W) int64, class indices.
        results: Of each system, by its name.
    """

    name: str
    picture: Image.Image
    truth: Tensor
    results: Mapping[str, Segmentation | Failure]


@dataclass(frozen=True)
class DemoSystem:
    """How a system did.

    Attributes:
        about: What kind of system it is, in a line.
        miou: Over all scenes, in [0, 1]; None where none of the classes is in them.
        seconds: Of each stage, over all scenes.
    """

    about: str
    miou: float | None
    seconds: Mapping[str, float]


def demo_page(
    scenes: Sequence[DemoScene],
    count: int,
    systems: Mapping[str, DemoSystem],
    vocabulary: Vocabulary,
    pictures: Path,
    seconds: float,
) -> Page:
    """The page.

    Args:
        scenes: Those that are shown.
        count: Of all scenes; the scores and times are theirs.
        systems: By name; the last one's boxes and points are shown.
        vocabulary: The classes that were looked for.
        pictures: The folder of the scenes, as a command names it.
        seconds: From the command's start, models loaded.
    """
    shown = [Section(_title(s, n), list(_scene(s, n))) for n, s in enumerate(scenes, 1)]
    sections = [
        Section("What this is", list(_overview(len(scenes), count, systems, vocabulary))),
        *shown,
        Section("How long it took", list(_times(systems, count, seconds))),
        Section("What to try next", list(_next(scenes, vocabulary, quote(str(pictures))))),
    ]
    return Page("zeroseg: whole scenes, labelled", sections)


def classes(labels: Tensor, vocabulary: Vocabulary) -> list[str]:
    """Names of the classes in a label map, background left out."""
    present = set(labels.unique().tolist())
    return [vocabulary.names[index] for index in vocabulary.classes if index in present]


def compared(found: Sequence[str], truth: Sequence[str]) -> list[tuple[str, str]]:
    """The classes found and missed, each with "", "wrong" or "missed"."""
    marked = [(name, "" if name in truth else "wrong") for name in found]
    return marked + [(name, "missed") for name in truth if name not in found]


def _overview(
    shown: int, count: int, systems: Mapping[str, DemoSystem], vocabulary: Vocabulary
) -> Iterator[Block]:
    names = [vocabulary.names[index] for index in vocabulary.classes]
    yield Note(
        f"The library drew these scenes, so the class of every pixel is known. The systems were "
        f"given the pictures and {len(names)} names of classes, nothing else: "
        f"{', '.join(names)}."
    )
    yield Figures([(f"mIoU of {name}", system.miou) for name, system in systems.items()])
    yield Facts([(name, system.about) for name, system in systems.items() if system.about])
    if shown < count:
        yield Note(f"The first {shown} of {count} scenes are shown; the figures are of all.")


def _title(scene: DemoScene, number: int) -> str:
    done = [r for r in scene.results.values() if isinstance(r, Segmentation)]
    there = classes(scene.truth, done[0].vocabulary) if done else []
    return f"Scene {number}: {', '.join(there) or 'none of the classes'}"


def _scene(scene: DemoScene, number: int) -> Iterator[Block]:
    """Picture, truth and label maps over their legend; what was found; what the stages said."""
    for name, result in scene.results.items():
        if isinstance(result, Failure):
            yield Note(f"{name} failed in {result.stage}: {result.message}", warning=True)
    done = {n: r for n, r in scene.results.items() if isinstance(r, Segmentation)}
    if not done:
        yield Picture(scene.name, "", scene.picture)
        return
    vocabulary = next(iter(done.values())).vocabulary
    maps = {"truth": scene.truth, **{name: result.label_map for name, result in done.items()}}
    painted = [(name, plotting.colored(own, vocabulary)) for name, own in maps.items()]
    pictures = [("picture", scene.picture), *painted]
    yield Row([Picture(name, "", image) for name, image in pictures])
    present = {index for own in maps.values() for index in own.unique().tolist()}
    yield Legend([
        (vocabulary.names[i], vocabulary.colors[i]) for i in range(len(vocabulary)) if i in present
    ])  # fmt: skip
    there = classes(scene.truth, vocabulary)
    yield Facts([(f"found by {name}", _found(own, there)) for name, own in done.items()])
    for name, result in done.items():
        last = name == next(reversed(done))
        yield Fold(f"What each stage of {name} said", list(_said(result)), last and number == 1)


def _found(result: Segmentation, truth: Sequence[str]) -> str:
    marked = compared(list(result.areas), truth)
    return ", ".join(f"{name} ({mark})" if mark else name for name, mark in marked) or "nothing"


def _said(result: Segmentation) -> Iterator[Block]:
    """Boxes and points, tags, caption, prompts, detections, seconds; then every question."""
    colors = plotting.class_colors(result.detections, result.vocabulary)
    boxes = plotting.boxes_and_points(result.image, result.detections, result.points, colors)
    title = "boxes" if result.points is None else "boxes and points"
    yield Picture(title, "", boxes)
    yield Facts(told(result.description, result.selection, result.detections, result.trace))
    for purpose, text in questions(result.trace):
        yield Fold(f"asked: {purpose}", [Code(text)])


def _times(systems: Mapping[str, DemoSystem], count: int, seconds: float) -> Iterator[Block]:
    """Milliseconds a scene of each stage of each system."""
    longest_first = sorted(systems.values(), key=lambda own: -len(own.seconds))
    stages = dict.fromkeys(stage for own in longest_first for stage in own.seconds)
    each = {
        name: {stage: 1000 * spent / count for stage, spent in own.seconds.items()}
        for name, own in systems.items()
    }
    rows = [(stage, *(own.get(stage) for own in each.values())) for stage in stages]
    rows.append(("all stages", *(sum(own.values()) for own in each.values())))
    columns = [Column(f"{name}, ms a scene", "number") for name in systems]
    yield Table([Column("stage"), *columns], rows)
    yield Note(
        f"{count} scenes, drawn, labelled and saved: {seconds:.1f} s, with the time in which the "
        f"models were loaded."
    )


def _next(scenes: Sequence[DemoScene], vocabulary: Vocabulary, pictures: str) -> Iterator[Block]:
    """Commands that can be pasted."""
    counted: dict[str, int] = {}
    for scene in scenes:
        for name in classes(scene.truth, vocabulary):
            counted[name] = counted.get(name, 0) + 1
    asked = ", ".join(sorted(counted, key=lambda name: -counted[name])[:_ASKED])
    yield Note("After make, zeroseg is .venv/bin/zeroseg, unless you activate .venv.")
    if asked:
        yield Note("These pictures again, your own list of classes, a file for each result:")
        yield Code(f'zeroseg segment {pictures} --labels "{asked}" --output labelled', "sh")
    yield Note("What is there, without any list:")
    yield Code(f"zeroseg describe {pictures}", "sh")
    yield Note("Other scenes; a score with a report; where the errors come from:")
    yield Code(
        "zeroseg demo --seed 3 --count 12 --size 320x240 --output more\n"
        "zeroseg test --model tiny --data drawn --vocabulary dram --count 20 --output runs/tiny\n"
        "zeroseg oracle --data drawn --vocabulary dram --count 20 --output runs/oracle",
        "sh",
    )
    yield Note(
        "The embedded models understand drawn scenes. For your own photographs take published "
        "ones; the first command says what is here and what is missing, and fetches nothing:"
    )
    yield Code(
        "zeroseg doctor --model open\n"
        "zeroseg fetch --model open\n"
        'zeroseg segment photos --model open --labels "dog, boat, person" --output out',
        "sh",
    )

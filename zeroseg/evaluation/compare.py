"""Two runs over the same images, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroseg.errors import ZerosegError
from zeroseg.evaluation.bootstrap import (
    RESAMPLES,
    Array,
    Interval,
    areas,
    check_paired,
    class_ious,
    interval,
    mean_iou,
    resampled_ious,
)
from zeroseg.evaluation.record import ImageRecord
from zeroseg.evaluation.run_folder import RunFolder
from zeroseg.metrics.segmentation_scores import kinds
from zeroseg.vocabulary import Vocabulary

_SAME = 1e-6
"""How far the mIoU of the records may lie from the one in `results.json`."""


@dataclass(frozen=True)
class ComparedRun:
    """A finished result folder, read back.

    Attributes:
        folder: Where it lies.
        system: What was scored.
        vocabulary: The K classes.
        protocol: The content of `protocol` in its results.
        scored: Indices of the classes that the mean runs over.
        void_classes: See `Protocol.mean`.
        records: Those with scores, by name.
    """

    folder: Path
    system: str
    vocabulary: Vocabulary
    protocol: dict[str, Any]
    scored: tuple[int, ...]
    void_classes: int
    records: dict[str, ImageRecord]

    def mean(self, iou: Array) -> Array:
        """The mIoU of this run's protocol from (..., K) class IoUs."""
        return mean_iou(iou, self.scored, self.protocol["absent"], self.void_classes)


@dataclass(frozen=True)
class Change:
    """A score of A and of B, and how far the difference B - A is sure.

    Attributes:
        a: Score in [0, 1]; NaN if undefined.
        b: Likewise.
        difference: B - A with its 95 % interval over images; NaN if either is undefined.
    """

    a: float
    b: float
    difference: Interval

    def to_dict(self) -> dict[str, float | None]:
        """Ready for JSON; None where undefined."""
        value, low, high = self.difference
        content = {"a": self.a, "b": self.b, "difference": value, "low": low, "high": high}
        return {key: score if score == score else None for key, score in content.items()}


@dataclass(frozen=True)
class Comparison:
    """What changed from A to B on the images that both scored.

    Attributes:
        a: The first run.
        b: The second run.
        names: The images compared, in order.
        left_out: Number of images that only A scored, and that only B scored.
        miou: Over the images compared, so it differs from either run's own if some are left out.
        apart: The same of things and of stuff, where A's vocabulary has stuff.
        classes: IoU of every class, by name.
        images: Each image's own mIoU in A and in B; NaN if undefined.
        resamples: Draws of the bootstrap.
        seed: Of the draws.
    """

    a: ComparedRun
    b: ComparedRun
    names: tuple[str, ...]
    left_out: tuple[int, int]
    miou: Change
    apart: dict[str, Change]
    classes: dict[str, Change]
    images: dict[str, tuple[float, float]]
    resamples: int
    seed: int

    def gains(self, count: int) -> list[str]:
        """Images that B does better, by how much, at most `count`."""
        return self._ranked(-1)[:count]

    def losses(self, count: int) -> list[str]:
        """Images that B does worse, by how much, at most `count`."""
        return self._ranked(1)[:count]

    def _ranked(self, sign: int) -> list[str]:
        moved = {name: sign * (b - a) for name, (a, b) in self.images.items()}
        return sorted((name for name in moved if moved[name] < 0), key=lambda name: moved[name])

    def to_dict(self, count: int = 20) -> dict[str, Any]:
        """Ready for JSON, with the `count` images of largest gain and loss."""
        return {
            "a": {"folder": str(self.a.folder), "system": self.a.system},
            "b": {"folder": str(self.b.folder), "system": self.b.system},
            "protocol": self.a.protocol,
            "images": {
                "compared": len(self.names),
                "only_a": self.left_out[0],
                "only_b": self.left_out[1],
            },
            "bootstrap": {"resamples": self.resamples, "seed": self.seed, "level": 0.95},
            "miou": self.miou.to_dict(),
            **{f"miou_{kind}": change.to_dict() for kind, change in self.apart.items()},
            "classes": {name: change.to_dict() for name, change in self.classes.items()},
            "gains": [self._image(name) for name in self.gains(count)],
            "losses": [self._image(name) for name in self.losses(count)],
        }

    def _image(self, name: str) -> dict[str, Any]:
        a, b = self.images[name]
        return {"name": name, "a": a, "b": b, "difference": b - a}


def compare(a: str | Path, b: str | Path, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare two result folders over the images that both scored.

    IoU is computed anew from the counts of these images, summed; intervals come from a paired
    bootstrap over images, see `zeroseg.evaluation.bootstrap`.

    Args:
        a: A finished result folder.
        b: Another one of the same data set, vocabulary and protocol.
        resamples: Draws of as many images as there are.
        seed: Of the draws.

    Raises:
        ZerosegError: A folder is not a finished run, the two cannot be compared, or they have no
            scored image in common.
    """
    before, after = read_run(a), read_run(b)
    _check_alike(before, after)
    names = tuple(name for name in before.records if name in after.records)
    if not names:
        raise ZerosegError(f"'{a}' and '{b}' have no scored image in common")
    pairs = [[run.records[name] for name in names] for run in (before, after)]
    check_paired(*pairs)
    miou, apart, classes = _changes(before, pairs, resamples, seed)
    return Comparison(
        a=before,
        b=after,
        names=names,
        left_out=(len(before.records) - len(names), len(after.records) - len(names)),
        miou=miou,
        apart=apart,
        classes=dict(zip(before.vocabulary.names, classes, strict=True)),
        images={one.name: (one.miou, other.miou) for one, other in zip(*pairs, strict=True)},
        resamples=resamples,
        seed=seed,
    )


def _changes(
    run: ComparedRun, pairs: Sequence[Sequence[ImageRecord]], resamples: int, seed: int
) -> tuple[Change, dict[str, Change], list[Change]]:
    """The change of mIoU, of that of things and of stuff, and of every class's IoU."""
    tables = [areas(records, len(run.vocabulary)) for records in pairs]
    first, second = (class_ious(table.sum(0)) for table in tables)
    drawn_first, drawn_second = resampled_ious(tables, resamples, seed)

    def change(a: Array, b: Array, drawn_a: Array, drawn_b: Array) -> Change:
        return Change(float(a), float(b), interval(float(b - a), drawn_b - drawn_a))

    every = (first, second, drawn_first, drawn_second)
    apart = {
        kind: change(*(mean_iou(iou, own, run.protocol["absent"]) for iou in every))
        for kind, own in kinds(run.vocabulary, run.scored).items()
    }
    columns = zip(first, second, drawn_first.T, drawn_second.T, strict=True)
    return change(*map(run.mean, every)), apart, [change(*column) for column in columns]


def read_run(folder: str | Path) -> ComparedRun:
    """Read a finished result folder.

    Raises:
        ZerosegError: It is not one, it is damaged, or its records are not those of its results.
    """
    path = Path(folder)
    results = _results(path)
    try:
        vocabulary = Vocabulary.from_dict(results["vocabulary"])
        data, protocol = results["data"], results["protocol"]
        scored = [vocabulary.index(name) for name in data.get("scored", vocabulary.names)]
        void_classes = data.get("void_classes", 0) if protocol["void_class"] else 0
        system, miou = results["system"], results["miou"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ZerosegError(
            f"'{path / 'results.json'}' lacks {error}; it was not written by zeroseg test or score"
        ) from error
    kept = RunFolder(path)
    records = kept.records(sorted(kept.written()), vocabulary)
    run = ComparedRun(
        folder=path,
        system=system,
        vocabulary=vocabulary,
        protocol=protocol,
        scored=tuple(scored),
        void_classes=void_classes,
        records={record.name: record for record in records if record.pixels is not None},
    )
    _check_whole(run, miou)
    return run


def _results(path: Path) -> dict[str, Any]:
    file = path / "results.json"
    if not file.is_file():
        begun = (path / "run.json").is_file()
        what = (
            "is a run that is not finished: start it again to finish it"
            if begun
            else "is not a result folder: give one that zeroseg test or score wrote with --output, "
            "or compare label maps: zeroseg compare --pixels"
        )
        raise ZerosegError(f"'{path}' {what} (there is no results.json)")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ZerosegError(f"'{file}' cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ZerosegError(f"'{file}' does not hold results")
    return content


def _check_whole(run: ComparedRun, miou: float | None) -> None:
    """Refuse a folder whose records do not give the mIoU of its results."""
    records = list(run.records.values())
    if not records:
        raise ZerosegError(f"'{run.folder}' holds no scored image")
    summed = areas(records, len(run.vocabulary)).sum(0)
    found = float(run.mean(class_ious(summed)))
    if found == found and (miou is None or abs(found - miou) > _SAME):
        raise ZerosegError(
            f"the images of '{run.folder}' give an mIoU of {found:.6f}, but its results.json says "
            f"{miou}: files were added or lost since; score it again"
        )


def _check_alike(a: ComparedRun, b: ComparedRun) -> None:
    """Refuse runs whose numbers do not mean the same."""
    if a.vocabulary.names != b.vocabulary.names:
        raise ZerosegError(
            f"the two runs have different classes: '{a.folder}' has {_names(a.vocabulary)}, "
            f"'{b.folder}' has {_names(b.vocabulary)}; score one again with the other's vocabulary"
        )
    if a.protocol["name"] != b.protocol["name"]:
        raise ZerosegError(
            f"the two runs have different protocols, '{a.protocol['name']}' and "
            f"'{b.protocol['name']}'; score one again with --protocol {a.protocol['name']}"
        )
    if (a.scored, a.void_classes) != (b.scored, b.void_classes):
        raise ZerosegError("the two runs take the mean over different classes of their vocabulary")


def _names(vocabulary: Vocabulary) -> str:
    shown = ", ".join(vocabulary.names[:6])
    return f"{len(vocabulary)} ({shown}, ...)" if len(vocabulary) > 6 else f"({shown})"

"""The options that say which data set a command reads, and the data set they mean."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import options
from zeroseg.cli.draw import add_scenes, say_never_drawn
from zeroseg.errors import ImageError, ZerosegError

if TYPE_CHECKING:
    from zeroseg.data.sample_data import SampleData, Samples
    from zeroseg.vocabulary import Vocabulary

COUNT, SEED, SIZE = 200, 0, (256, 256)
"""What `--data drawn` means without further options."""

TEST = "test"
"""What `--examples-from` says to take examples from the very images that are scored."""

_DRAWN, _FOLDER = "drawn", "folder"
_BATCH_SIZE = 8


def add_data(parser: ArgumentParser) -> None:
    """`--data` and everything that narrows it down; `--batch-size` comes with the model."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        required=True,
        metavar="NAME|DIR",
        help="drawn (scenes), a benchmark with its --root (voc2012, coco-stuff, ...; zeroseg data "
        "list names them all), or a folder of images, masks and vocabulary.yaml",
    )
    group.add_argument("--root", metavar="DIR", help="folder of the benchmark")
    group.add_argument("--split", metavar="NAME", help="by default the one that is scored")
    group.add_argument("--movement", metavar="NAME", help="of dram, such as realism")
    group.add_argument(
        "--words",
        metavar="LIST",
        help="what classes are asked for with: names, their own (the default); compiled, added "
        "words that come with the package; a class file, for the words in it; or for a benchmark a "
        "published list, segearth or sclip, in place of the names",
    )
    group.add_argument(
        "--protocol",
        default="standard",
        choices=("standard", "paper"),
        help="score as the field does (the default), or as the reference evaluation does",
    )
    group.add_argument(
        "--limit",
        type=options.positive,
        metavar="N",
        help="that many pictures, drawn by --subset-seed; of drawn scenes the first N",
    )
    group.add_argument(
        "--subset-seed",
        type=options.natural,
        default=0,
        metavar="S",
        help="which pictures --limit leaves; default 0",
    )
    group.add_argument("--subset", metavar="FILE", help="only the pictures it names, one a line")
    group.add_argument(
        "--workers",
        type=options.natural,
        default=0,
        metavar="N",
        help="processes that read ahead; default 0: the command's own reads",
    )
    add_scenes(parser.add_argument_group("drawn scenes (200 of seed 0 by default)"), None, None)


_WORKERS = 16
"""Most processes that read ahead for a core; each takes memory, and more read no faster."""


@dataclass(frozen=True)
class DataOptions:
    """What the options of `add_data` say, by their names."""

    data: str
    root: str | None
    split: str | None
    movement: str | None
    words: str | None
    protocol: str
    limit: int | None
    subset_seed: int
    subset: str | None
    workers: int
    count: int | None
    size: tuple[int, int] | None
    seed: int | None

    def open(
        self, vocabulary: Vocabulary | None, drawn: Any, batch_size: int | None = None
    ) -> SampleData:
        """The data set that is meant.

        Args:
            vocabulary: What `--labels` or `--vocabulary` say.
            drawn: The classes of drawn scenes where these say nothing: the system's own.
            batch_size: Samples in a batch.

        Raises:
            ZerosegError: The options contradict each other, or the data set is not there.
        """
        if self.workers > (most := _WORKERS * (os.cpu_count() or 1)):
            raise ZerosegError(f"--workers {self.workers}: at most {most} share the cores here")
        loading = {"batch_size": batch_size or _BATCH_SIZE, "num_workers": self.workers}
        if self.data == _DRAWN:
            found = self._scenes(vocabulary, drawn, loading)
        else:
            found = self._benchmark(vocabulary, loading)
        if self.subset is not None:
            found.keep(_positions(Path(self.subset), found))
        if self.limit is not None and self.data != _DRAWN:
            found.sample(self.limit, self.subset_seed)
        return found

    def annotated(self, split: str, data: SampleData, least: int) -> Samples:
        """The annotated pictures that `--examples-from` means.

        Args:
            split: Of the data set; `TEST` for the very pictures that are scored. Drawn scenes have
                no splits: those of the next seed.
            data: What is scored.
            least: How many are needed.

        Raises:
            ZerosegError: There are none.
        """
        if split == TEST:
            return data.dataset
        from zeroseg.data.catalog import CATALOG, open_data
        from zeroseg.data.drawn_scenes import DrawnScenes

        if self.data == _DRAWN:
            count, seed = max(100, least), (self.seed or SEED) + 1
            return DrawnScenes(data.vocabulary, count, self.size or SIZE, seed).dataset
        name, root = self.data.casefold(), self.root
        if name not in CATALOG or root is None:
            raise ZerosegError(
                f"--examples-from {split}: this data set has no such annotated images; name "
                f"another split, or {TEST} for the images that are scored"
            )
        return open_data(name, root, split=split, protocol=self.protocol).dataset

    def _scenes(
        self, vocabulary: Vocabulary | None, drawn: Any, loading: dict[str, Any]
    ) -> SampleData:
        from zeroseg.data.drawn_scenes import DrawnScenes
        from zeroseg.metrics.protocol import Protocol
        from zeroseg.vocabulary import Vocabulary

        self._refuse(("root", "split", "movement"), "--data drawn has none of these")
        found = DrawnScenes(
            vocabulary or Vocabulary.parse(drawn),
            count=min((n for n in (self.count, self.limit) if n is not None), default=COUNT),
            size=self.size or SIZE,
            seed=SEED if self.seed is None else self.seed,
            **loading,
        )
        found.protocol = Protocol.parse(self.protocol)
        say_never_drawn(found.vocabulary)
        if self.words is not None:
            found.ask_with(self.words)
        return found

    def _benchmark(self, vocabulary: Vocabulary | None, loading: dict[str, Any]) -> SampleData:
        from zeroseg.data.catalog import CATALOG, entry, open_data

        self._refuse(("count", "seed", "size"), "only for --data drawn")
        name, root = self.data.casefold(), self.root
        chosen = {"split": self.split, "movement": self.movement, "words": self.words}
        given: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
        if name not in CATALOG:
            if not Path(self.data).is_dir():
                names = ", ".join((_DRAWN, *CATALOG))
                raise ZerosegError(f"--data {name}: write one of {names}, or the path of a folder")
            self._refuse(("root",), "--data is the folder itself")
            name, root = _FOLDER, self.data
        if root is None:
            raise ZerosegError(
                f"--data {name} needs --root DIR, its folder\n\n{entry(name).how_to_fetch()}"
            )
        if name == _FOLDER and vocabulary is not None:
            given["vocabulary"] = vocabulary
        found = open_data(name, root, protocol=self.protocol, **given, **loading)
        if vocabulary is not None and vocabulary != found.vocabulary:
            raise ZerosegError(
                f"--data {name} has its own classes; leave out --labels and --vocabulary"
            )
        return found

    def _refuse(self, names: tuple[str, ...], why: str) -> None:
        given = [f"--{name}" for name in names if getattr(self, name) is not None]
        if given:
            raise ZerosegError(f"{', '.join(given)}: {why}")


def _positions(file: Path, found: SampleData) -> list[int]:
    """Positions of the samples that a file names, in the order of the data set."""
    from zeroseg.data.names import read_names

    known = set(found.dataset.names)
    try:
        wanted = read_names(file, known)
    except ImageError as error:
        raise ZerosegError(f"--subset: {error}") from error
    if problem := next(filter(None, wanted.values()), None):
        raise ZerosegError(f"--subset: {problem}")
    stray = [name for name in wanted if name not in known]
    if stray or not wanted:
        problem = f"{stray[0]} is no picture of this data set" if stray else "names no picture"
        example = found.dataset.names[0]
        raise ZerosegError(f"--subset {file}: {problem}; its names are such as {example}")
    chosen = set(wanted)
    return [i for i, name in enumerate(found.dataset.names) if name in chosen]

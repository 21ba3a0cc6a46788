"""The options that say which data set a command reads, and the data set they mean."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import options
from zeroseg.cli.draw import add_scenes
from zeroseg.errors import ImageError, ZerosegError

if TYPE_CHECKING:
    from zeroseg.data.sample_data import SampleData
    from zeroseg.vocabulary import Vocabulary

COUNT, SEED, SIZE = 200, 0, (256, 256)
"""What `--data drawn` means without further options."""

_DRAWN, _FOLDER = "drawn", "folder"
_BATCH_SIZE = 8


def add_data(parser: ArgumentParser) -> None:
    """`--data` and everything that narrows it down; `--batch-size` comes with the model."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        required=True,
        metavar="NAME|DIR",
        help="drawn (scenes), a published set with its --root (voc2012, cityscapes, coco81, dram, "
        "ade20k), or a folder of images, masks and vocabulary.yaml",
    )
    group.add_argument("--root", metavar="DIR", help="where the published set lies")
    group.add_argument("--split", metavar="NAME", help="by default the one that is scored")
    group.add_argument("--movement", metavar="NAME", help="of dram, such as realism")
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
        "--subset-seed", type=options.natural, default=0, metavar="S", help="default 0"
    )
    group.add_argument("--subset", metavar="FILE", help="only the pictures it names, one a line")
    group.add_argument(
        "--workers", type=options.natural, default=0, help="processes that read ahead"
    )
    add_scenes(parser.add_argument_group("drawn scenes (200 of seed 0 by default)"), None, None)


def data(arguments: Namespace, vocabulary: Vocabulary | None, config: dict[str, Any]) -> SampleData:
    """The data set that the options of `add_data` mean.

    Args:
        arguments: The parsed options, with `batch_size`.
        vocabulary: What `--labels` or `--vocabulary` say.
        config: The segmenter's configuration, whose vocabulary drawn scenes take by default.

    Raises:
        ZerosegError: The options contradict each other, or the data set is not there.
    """
    loading = {
        "batch_size": arguments.batch_size or _BATCH_SIZE,
        "num_workers": arguments.workers,
    }
    if arguments.data == _DRAWN:
        found = _scenes(arguments, vocabulary, config, loading)
    else:
        found = _published(arguments, vocabulary, loading)
    if arguments.subset is not None:
        found.keep(_positions(Path(arguments.subset), found))
    if arguments.limit is not None and arguments.data != _DRAWN:
        found.sample(arguments.limit, arguments.subset_seed)
    return found


def _scenes(
    arguments: Namespace,
    vocabulary: Vocabulary | None,
    config: dict[str, Any],
    loading: dict[str, int],
) -> SampleData:
    from zeroseg.data.drawn_scenes import DrawnScenes
    from zeroseg.metrics.protocol import Protocol
    from zeroseg.vocabulary import Vocabulary

    _refuse(arguments, ("root", "split", "movement"), "--data drawn has none of these")
    counts = [n for n in (arguments.count, arguments.limit) if n is not None]
    found = DrawnScenes(
        vocabulary or Vocabulary.parse(config["vocabulary"]),
        count=min(counts, default=COUNT),
        size=arguments.size or SIZE,
        seed=arguments.seed if arguments.seed is not None else SEED,
        **loading,
    )
    found.protocol = Protocol.parse(arguments.protocol)
    return found


def _published(
    arguments: Namespace, vocabulary: Vocabulary | None, loading: dict[str, int]
) -> SampleData:
    from zeroseg.data.catalog import CATALOG, entry, open_data

    _refuse(arguments, ("count", "seed", "size"), "only for --data drawn")
    name, root = arguments.data.casefold(), arguments.root
    chosen = {option: getattr(arguments, option) for option in ("split", "movement")}
    given: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
    if name not in CATALOG:
        if not Path(arguments.data).is_dir():
            names = ", ".join((_DRAWN, *CATALOG))
            raise ZerosegError(f"--data {name}: write one of {names}, or the path of a folder")
        _refuse(arguments, ("root",), "--data is the folder itself")
        name, root = _FOLDER, arguments.data
    if root is None:
        raise ZerosegError(
            f"--data {name} needs --root DIR, its folder\n\n{entry(name).how_to_fetch()}"
        )
    if name == _FOLDER and vocabulary is not None:
        given["vocabulary"] = vocabulary
    found = open_data(name, root, protocol=arguments.protocol, **given, **loading)
    if vocabulary is not None and vocabulary != found.vocabulary:
        raise ZerosegError(
            f"--data {name} has its own classes; leave out --labels and --vocabulary"
        )
    return found


def _refuse(arguments: Namespace, names: tuple[str, ...], why: str) -> None:
    given = [f"--{name}" for name in names if getattr(arguments, name) is not None]
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
    stray = [name for name in wanted if name not in known]
    if stray or not wanted:
        problem = f"{stray[0]} is no picture of this data set" if stray else "names no picture"
        example = found.dataset.names[0]
        raise ZerosegError(f"--subset {file}: {problem}; its names are such as {example}")
    chosen = set(wanted)
    return [i for i, name in enumerate(found.dataset.names) if name in chosen]

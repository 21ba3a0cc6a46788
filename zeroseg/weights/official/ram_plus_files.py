"""What comes with RAM++: where its network lies, its tag list and the thresholds of its tags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import hf_hub_download

from zeroseg.errors import CheckpointError
from zeroseg.weights.authors_file import AuthorsFile
from zeroseg.weights.checkpoints import explained, locate
from zeroseg.weights.damage import damage, remedy
from zeroseg.weights.official.ram_plus_model import (
    CONFIG_FILE,
    RamPlusConfig,
    RamPlusModel,
    read_official,
)

WEIGHTS = "ram_plus_swin_large_14m.pth"
_AUTHORS = (
    "https://raw.githubusercontent.com/xinyu1205/recognize-anything/"
    "7cb804a8609e9f4b1a50b7f31436d2df40bb9481/ram/data/"
)
TAG_LIST = AuthorsFile(
    _AUTHORS + "ram_tag_list.txt",
    "5d96d2f7225527480ad773aaac76b6e5c08a18adf6eae9ca7d2ab923d5e7bd8b",
)
THRESHOLDS = AuthorsFile(
    _AUTHORS + "ram_tag_list_threshold.txt",
    "b6f81d0de1bc7f9c251af512c413eae976c77dbfbadf700d4e3d90510f4c6447",
)


def load_ram_plus(checkpoint: str | Path, component: str) -> tuple[RamPlusModel, Path]:
    """The network of a checkpoint, and the folder that the checkpoint lies in.

    Args:
        checkpoint: See `RamPlus.from_pretrained`.
        component: Name of the class that asks, for the message.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: It is damaged or incomplete.
    """
    path = Path(locate(checkpoint))
    if (path / CONFIG_FILE).is_file():
        return RamPlusModel.from_pretrained(path, component), path
    if (path / WEIGHTS).is_file():
        path = path / WEIGHTS
    if not path.is_file():
        try:
            if path.is_dir():
                raise FileNotFoundError(f"no file named {WEIGHTS}")
            path = Path(hf_hub_download(str(checkpoint), WEIGHTS))
        except Exception as error:  # the hub's client raises what its HTTP library does
            raise explained(error, checkpoint, component) from error
    return read_official(path, component), path.parent


def read_tags(
    given: str | Path | Sequence[str] | None, count: int, folder: Path | None = None
) -> tuple[str, ...]:
    """The names of a network's tags.

    Args:
        given: Them, or a file with one to a line; None for the list in `folder`, else the published
            one.
        count: How many tags the network has.
        folder: Where the checkpoint lies.

    Raises:
        CheckpointError: There are more or fewer, one is twice there, or the list cannot be had.
    """
    lines = _read_lines(given, TAG_LIST, count, folder)
    names = tuple(str(line).strip() for line in lines)
    if len(set(names)) < len(names) or "" in names:
        raise CheckpointError("the tag list has an empty line or a tag twice")
    return names


def read_thresholds(
    given: str | Path | Sequence[float] | None, count: int, folder: Path | None = None
) -> list[float]:
    """The thresholds of a network's tags; see `read_tags`.

    Raises:
        CheckpointError: There are more or fewer, one is not in [0, 1], or they cannot be had.
    """
    lines = _read_lines(given, THRESHOLDS, count, folder)
    try:
        values = [float(line) for line in lines]
    except ValueError as error:
        raise CheckpointError(f"a threshold is not a number: {error}") from error
    if not all(0 <= value <= 1 for value in values):
        raise CheckpointError("a threshold is not in [0, 1]")
    return values


def _read_lines(
    given: str | Path | Sequence[str] | Sequence[float] | None,
    published: AuthorsFile,
    count: int,
    folder: Path | None,
) -> Sequence[str] | Sequence[float]:
    """The `count` entries of a list: as given, else beside the checkpoint, else as published."""
    if given is None:
        given = _find(published, count, folder)
    lines = _lines_of(Path(given)) if isinstance(given, (str, Path)) else given
    if len(lines) != count:
        source = given if isinstance(given, (str, Path)) else "the given list"
        raise CheckpointError(
            f"{source} has {len(lines)} entries for a network of {count} tags: it is another one's "
            f"or was cut short, fetch it again"
        )
    return lines


def _find(published: AuthorsFile, count: int, folder: Path | None) -> Path:
    name = published.path.name
    if folder is not None and (folder / name).is_file():
        return folder / name
    if count != RamPlusConfig.num_tags:
        raise CheckpointError(
            f"a network of {count} tags needs its own {name}: put it beside the weights"
            f"{f' in {folder}' if folder else ''}, or give `tag_list` and `thresholds`"
        )
    return published.fetch()


def _lines_of(file: Path) -> list[str]:
    if file.is_file() and (problem := damage(file)):
        raise CheckpointError(f"{file} {problem}: {remedy(file)}")
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}") from error

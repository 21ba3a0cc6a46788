"""Tags by RAM++ (Huang et al., 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from huggingface_hub import hf_hub_download
from torch import Tensor

from zeroseg.errors import CheckpointError
from zeroseg.recognition.ram_plus_model import (
    CONFIG_FILE,
    RamPlusConfig,
    RamPlusModel,
    read_official,
)
from zeroseg.recognition.tagger import Tagger
from zeroseg.running.transfer import sent, upload
from zeroseg.values import Tag, check_images
from zeroseg.weights.authors_file import AuthorsFile
from zeroseg.weights.checkpoints import explained, locate
from zeroseg.weights.damage import damage, remedy
from zeroseg.weights.needs import Checkpoint, Need, Published

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
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


class RamPlus(Tagger):
    """RAM++ with a threshold for each tag.

    A picture is squashed to the network's square. One whose longer side exceeds `tile_size` is cut
    into quarters first, again and again until all pieces fit, as the reference does, and a tag's
    score is its best over the pieces. Tags come in the order of the tag list, which no rounding
    of scores can change.

    The tag list and its thresholds are taken from the folder of the checkpoint where they lie
    there under the authors' names (`ram_tag_list.txt`, `ram_tag_list_threshold.txt`). Otherwise
    those of the published models are fetched once from the authors' repository.

    Args:
        checkpoint: A hub name, a `.pth` file of the authors (Swin-L or Swin-B) or the folder of
            `ram_plus_swin_large_14m.pth`, a folder that `RamPlusModel.save_pretrained` wrote, or
            "tiny:ram_plus".
        tag_list: The names of the tags, or a file with one to a line.
        thresholds: A score in [0, 1] for each tag that it must exceed, or a file with one to a
            line.
        tile_size: Longest side in pixels that is looked at in one piece; None never cuts.
        batch_size: Pieces to a forward pass of the network, of one or several images.
        model: A network already in hand, in place of `checkpoint`.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: The weights are damaged or incomplete, the weights, the tag list or the
            thresholds do not fit one another, or a list cannot be fetched.
        ValueError: `tile_size` or `batch_size` is less than 1.

    Example:
        >>> from zeroseg import RamPlus, read_image
        >>> [tags] = RamPlus("tiny:ram_plus")([read_image("picture.png")])
        >>> [tag.name for tag in tags if tag.score > 0.98]
        ['wine bottle', 'wall', 'floor']
    """

    def __init__(
        self,
        checkpoint: str | Path = "xinyu1205/recognize-anything-plus-model",
        *,
        tag_list: str | Path | Sequence[str] | None = None,
        thresholds: str | Path | Sequence[float] | None = None,
        tile_size: int | None = 640,
        batch_size: int = 8,
        model: RamPlusModel | None = None,
    ) -> None:
        super().__init__()
        if (tile_size is not None and tile_size < 1) or batch_size < 1:
            raise ValueError(
                f"tile_size is {tile_size} and batch_size {batch_size}, expected at least 1"
            )
        folder = None
        if model is None:
            model, folder = _load(checkpoint)
        self.model = model.float().eval()
        self.tags = _read_tags(tag_list, model.config.num_tags, folder)
        self.thresholds = _read_thresholds(thresholds, model.config.num_tags, folder)
        self.tile_size = tile_size
        self.batch_size = batch_size

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        checkpoint = str(arguments["checkpoint"])
        place = Path(locate(checkpoint))
        if (place / CONFIG_FILE).is_file():
            yield Checkpoint(checkpoint, ("network",))
        else:
            yield Checkpoint(checkpoint, files=(WEIGHTS,))
        for argument, file in (("tag_list", TAG_LIST), ("thresholds", THRESHOLDS)):
            folder = place if place.is_dir() else place.parent
            if arguments[argument] is None and not (folder / file.path.name).is_file():
                yield Published(file)

    @torch.no_grad()
    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        """Tag every image; see `Tagger.forward`.

        Raises:
            ValueError: An image is not (3, H, W) uint8.
        """
        check_images(images)
        uploaded = upload(images, self.model.label_embed.device)
        pieces = [quarters(image, self.tile_size) for image in uploaded]
        scores = self._score([piece for own in pieces for piece in own])
        best = [own.amax(0) for own in scores.split([len(own) for own in pieces])]
        return [self._name(own) for own in best]

    def _score(self, pieces: Sequence[Tensor]) -> Tensor:
        """The score of every tag for every piece, (pieces, tags) float32 on the CPU."""
        like = self.model.label_embed
        scores = [like.new_zeros(0, len(self.tags), dtype=torch.float32)]
        for start in range(0, len(pieces), self.batch_size):
            batch = self._prepare(pieces[start : start + self.batch_size])
            scores.append(self.model(batch.to(like.dtype)).float().sigmoid())
        return torch.cat(scores).cpu()

    def _prepare(self, pieces: Sequence[Tensor]) -> Tensor:
        """Squash pieces to the network's square and normalise: (n, 3, S, S) float32.

        In floating point; PIL, which rounds between its two passes, differs by a grey level.
        """
        # One by one: a batch of pictures in floating point is larger than caches, and than what
        # the allocator keeps.
        pixels = torch.stack(
            [self._squash(piece, self.model.config.image_size) for piece in pieces]
        )
        constants = 255 * torch.tensor([IMAGE_MEAN, IMAGE_STD])[..., None, None]
        mean, std = sent(constants, pixels.device)
        return pixels.sub_(mean).div_(std)

    def _squash(self, piece: Tensor, side: int) -> Tensor:
        """A piece as a square, (3, side, side) float32 in 0..255."""
        whole = piece[None].float()
        return F.interpolate(whole, (side, side), mode="bilinear", antialias=True)[0]

    def _name(self, scores: Tensor) -> tuple[Tag, ...]:
        found = (scores > self.thresholds).nonzero().flatten().tolist()
        return tuple(Tag(self.tags[i], float(scores[i])) for i in found)


def quarters(image: Tensor, tile_size: int | None) -> list[Tensor]:
    """Cut an image in four until no side is longer than `tile_size`.

    As in the reference: halves are rounded down, so that an odd last row or column is lost, nothing
    overlaps, and the left half comes before the right one, top before bottom. A side of one pixel
    is left whole.

    Args:
        image: (..., H, W).
        tile_size: In pixels; None leaves the image whole.

    Returns:
        The pieces, views of the image.
    """
    height, width = image.shape[-2:]
    if tile_size is None or max(height, width) <= tile_size:
        return [image]
    return [
        piece
        for columns in _halves(width)
        for rows in _halves(height)
        for piece in quarters(image[..., rows, columns], tile_size)
    ]


def _halves(side: int) -> list[slice]:
    half = side // 2
    return [slice(0, half), slice(half, 2 * half)] if half else [slice(0, side)]


def _load(checkpoint: str | Path) -> tuple[RamPlusModel, Path]:
    """The network of a checkpoint, and the folder that the checkpoint lies in."""
    path = Path(locate(checkpoint))
    if (path / CONFIG_FILE).is_file():
        return RamPlusModel.from_pretrained(path), path
    if (path / WEIGHTS).is_file():
        path = path / WEIGHTS
    if not path.is_file():
        try:
            if path.is_dir():
                raise FileNotFoundError(f"no file named {WEIGHTS}")
            path = Path(hf_hub_download(str(checkpoint), WEIGHTS))
        except Exception as error:  # the hub's client raises what its HTTP library does
            raise explained(error, checkpoint, "RamPlus") from error
    return read_official(path), path.parent


def _read_tags(
    given: str | Path | Sequence[str] | None, count: int, folder: Path | None
) -> tuple[str, ...]:
    lines = _read_lines(given, TAG_LIST, count, folder)
    names = tuple(str(line).strip() for line in lines)
    if len(set(names)) < len(names) or "" in names:
        raise CheckpointError("the tag list has an empty line or a tag twice")
    return names


def _read_thresholds(
    given: str | Path | Sequence[float] | None, count: int, folder: Path | None
) -> Tensor:
    lines = _read_lines(given, THRESHOLDS, count, folder)
    try:
        values = torch.tensor([float(line) for line in lines])
    except ValueError as error:
        raise CheckpointError(f"a threshold is not a number: {error}") from error
    if not ((values >= 0) & (values <= 1)).all():
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

"""Tags by RAM++ (Huang et al., 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import Self

from zeroseg.recognition.tagger import Tagger
from zeroseg.running.transfer import sent, upload
from zeroseg.values import Tag, check_images
from zeroseg.weights.checkpoints import locate
from zeroseg.weights.needs import Checkpoint, Need, SmallFile
from zeroseg.weights.official.ram_plus_files import (
    TAG_LIST,
    THRESHOLDS,
    WEIGHTS,
    load_ram_plus,
    read_tags,
    read_thresholds,
)
from zeroseg.weights.official.ram_plus_model import CONFIG_FILE, RamPlusModel

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


class RamPlus(Tagger):
    """RAM++ with a threshold for each tag.

    A picture is squashed to the network's square. One whose longer side exceeds `tile_size` is cut
    into quarters first, again and again until all pieces fit, as the reference does, and a tag's
    score is its best over the pieces. Tags come in the order of the tag list, which no rounding
    of scores can change.

    Args:
        model: The network.
        tag_list: The names of its tags.
        thresholds: A score in [0, 1] for each tag that it must exceed.
        tile_size: Longest side in pixels that is looked at in one piece; None never cuts.
        batch_size: Pieces to a forward pass of the network, of one or several images.

    Raises:
        CheckpointError: The tag list or the thresholds do not fit the network.
        ValueError: `tile_size` or `batch_size` is less than 1.

    Example:
        >>> from zeroseg import RamPlus, read_image
        >>> [tags] = RamPlus.from_pretrained("tiny:ram_plus")([read_image("picture.png")])
        >>> [tag.name for tag in tags if tag.score > 0.98]
        ['wine bottle', 'wall', 'floor']
    """

    def __init__(
        self,
        model: RamPlusModel,
        tag_list: Sequence[str],
        thresholds: Sequence[float],
        *,
        tile_size: int | None = 640,
        batch_size: int = 8,
    ) -> None:
        super().__init__()
        if (tile_size is not None and tile_size < 1) or batch_size < 1:
            raise ValueError(
                f"tile_size is {tile_size} and batch_size {batch_size}, expected at least 1"
            )
        self.model = model.float().eval()
        self.tags = read_tags(tag_list, model.config.num_tags)
        self.thresholds = torch.tensor(read_thresholds(thresholds, model.config.num_tags))
        self.tile_size = tile_size
        self.batch_size = batch_size

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "xinyu1205/recognize-anything-plus-model",
        *,
        tag_list: str | Path | Sequence[str] | None = None,
        thresholds: str | Path | Sequence[float] | None = None,
        tile_size: int | None = 640,
        batch_size: int = 8,
    ) -> Self:
        """Load the network, its tag list and its thresholds.

        The lists are taken from the folder of the checkpoint where they lie there under the
        authors' names (`ram_tag_list.txt`, `ram_tag_list_threshold.txt`). Otherwise those of the
        published models are fetched once from the authors' repository.

        Args:
            checkpoint: A hub name, a `.pth` file of the authors (Swin-L or Swin-B) or the folder of
                `ram_plus_swin_large_14m.pth`, a folder that `RamPlusModel.save_pretrained` wrote,
                or "tiny:ram_plus".
            tag_list: The names of the tags, or a file with one to a line.
            thresholds: A threshold for each tag, or a file with one to a line.
            tile_size: See the class.
            batch_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: The weights are damaged or incomplete, the weights, the tag list or the
                thresholds do not fit one another, or a list cannot be fetched.
        """
        model, folder = load_ram_plus(checkpoint, cls.__name__)
        return cls(
            model,
            read_tags(tag_list, model.config.num_tags, folder),
            read_thresholds(thresholds, model.config.num_tags, folder),
            tile_size=tile_size,
            batch_size=batch_size,
        )

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
                yield SmallFile(file)

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

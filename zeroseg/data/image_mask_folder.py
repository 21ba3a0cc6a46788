"""Any folder of pictures and masks as a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import SampleData, Samples
from zeroseg.errors import ImageError
from zeroseg.images import find_images, read_image
from zeroseg.vocabulary import Vocabulary


def read_mask(path: Path, vocabulary: Vocabulary) -> Tensor:
    """A mask file of ids, indexed or grey, as (H, W) int64 class indices.

    Raises:
        ImageError: The file is missing, cannot be read, or is no mask.
        VocabularyError: It holds ids that no class has.
    """
    try:
        with Image.open(path) as mask:
            ids, mode = np.array(mask), mask.mode
    except (OSError, UnidentifiedImageError) as error:
        raise ImageError(f"the mask '{path}' cannot be read: {error}") from error
    if mode not in ("P", "L"):
        raise ImageError(f"the mask '{path}' is a picture of mode {mode}, not of ids (P or L)")
    return vocabulary.from_ids(torch.from_numpy(ids))


class PairDataset(Samples):
    """Pictures and their masks, read when they are asked for."""

    def __init__(self, pairs: list[tuple[str, Path, Path]], vocabulary: Vocabulary) -> None:
        self.pairs, self.vocabulary = pairs, vocabulary

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, position: int) -> Sample:
        name, picture, mask = self.pairs[position]
        image, target = read_image(picture), read_mask(mask, self.vocabulary)
        if target.shape != image.shape[1:]:
            raise ImageError(
                f"the mask '{mask}' is {tuple(target.shape)}, but its picture is "
                f"{tuple(image.shape[1:])} (height, width)"
            )
        return Sample(image, target, name)


class ImageMaskFolder(SampleData):
    """Pictures in `images`, masks of the same names in `masks`, classes in `vocabulary.yaml`.

    `zeroseg draw` writes such folders. Masks are PNG files of ids, indexed or grey; those that
    are the vocabulary's ignore index have no label.

    Args:
        root: The folder.
        vocabulary: The classes behind the ids; by default those of the folder's own file.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: There are no pictures, or one has no mask.
        VocabularyError: There is no vocabulary.
    """

    def __init__(
        self,
        root: str | Path,
        vocabulary: Vocabulary | str | list[str] | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        root = Path(root)
        given = vocabulary if vocabulary is not None else str(root / "vocabulary.yaml")
        classes = Vocabulary.parse(given)
        pairs = []
        for picture in find_images([root / "images"]):
            place = picture.relative_to(root / "images").with_suffix("")
            pairs.append((str(place), picture, root / "masks" / f"{place}.png"))
        lacking = [str(picture) for _, picture, mask in pairs if not mask.is_file()]
        if lacking:
            raise ImageError(
                f"{len(lacking)} of {len(pairs)} pictures have no mask of their name in "
                f"'{root / 'masks'}': {lacking[0]}, ..."
            )
        super().__init__(classes, PairDataset(pairs, classes), batch_size, num_workers)

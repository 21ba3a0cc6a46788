"""Any folder of pictures and masks as a data set."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from torch import Tensor

from zeroseg.data.files import FileSamples, Place, read_ids
from zeroseg.data.sample import Truth
from zeroseg.data.sample_data import SampleData
from zeroseg.errors import ImageError
from zeroseg.images import find_images
from zeroseg.vocabulary import Vocabulary


def read_mask(path: Path, vocabulary: Vocabulary) -> Tensor:
    """A mask file of ids, indexed or grey, as (H, W) int64 class indices.

    Raises:
        ImageError: The file is missing, cannot be read, or is no mask.
        VocabularyError: It holds ids that no class has.
    """
    return vocabulary.from_ids(read_ids(path))


def _truth(place: Place, vocabulary: Vocabulary) -> Truth:
    return Truth(vocabulary.from_ids(read_ids(place.mask)))


class ImageMaskFolder(SampleData):
    """Pictures in `images`, masks of the same names in `masks`, classes in `vocabulary.yaml`.

    `zeroseg draw` writes such folders. Masks are PNG files of ids, indexed or grey; those that
    are the vocabulary's ignore index have no label. A file that cannot be read becomes the
    `problem` of its sample.

    Args:
        root: The folder.
        vocabulary: The classes behind the ids; by default those of the folder's own file.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: There are no pictures, one has no mask, or two differ by their suffix only.
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
        places = []
        for picture in find_images([root / "images"]):
            name = picture.relative_to(root / "images").with_suffix("").as_posix()
            places.append(Place(name, picture, root / "masks" / f"{name}.png"))
        lacking = [place.picture for place in places if place.mask and not place.mask.is_file()]
        if lacking:
            raise ImageError(
                f"{len(lacking)} of {len(places)} pictures have no mask of their name in "
                f"'{root / 'masks'}': {lacking[0]}, ..."
            )
        twice = [name for name, n in Counter(place.name for place in places).items() if n > 1]
        if twice:
            raise ImageError(f"several pictures in '{root / 'images'}' are called {twice[0]}")
        dataset = FileSamples(places, partial(_truth, vocabulary=classes), turn=True)
        super().__init__(classes, dataset, batch_size, num_workers)
        self.title = root.resolve().name

"""Drawn scenes as a data set: the only one that is always at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zeroseg.data.files import number_regions
from zeroseg.data.sample import Regions, Truth
from zeroseg.data.sample_data import SampleData, Samples
from zeroseg.drawn.scene import Region, Scene, draw_scene
from zeroseg.drawn.world import HYPERNYMS, SYNONYMS, THINGS
from zeroseg.errors import VocabularyError
from zeroseg.vocabulary import Vocabulary


def class_of(region: Region, vocabulary: Vocabulary) -> int:
    """The class of a region: of its fine name, else of its category, else of a wider word.

    Returns:
        A class index; the background where the vocabulary has no word for the region.
    """
    return _class_of(region.name, region.category, vocabulary)


def _class_of(name: str, category: str, vocabulary: Vocabulary) -> int:
    wider = [word for word, members in HYPERNYMS.items() if category in members]
    for word in (name, category, *SYNONYMS[category], *wider):
        found = vocabulary.find(word)
        if found is not None:
            return found
    return vocabulary.background


def never_drawn(vocabulary: Vocabulary) -> list[str]:
    """The classes that are in no drawn scene, whatever its seed.

    Raises:
        VocabularyError: All of them.
    """
    kinds = [
        (name, category) for category in SYNONYMS for name in THINGS.get(category, (category,))
    ]
    drawn = {_class_of(name, category, vocabulary) for name, category in kinds}
    if not drawn.intersection(vocabulary.classes):
        raise VocabularyError(
            f"nothing of {list(vocabulary.names)} is ever drawn; the drawn world has "
            f"{', '.join(SYNONYMS)}"
        )
    return [vocabulary.names[index] for index in vocabulary.classes if index not in drawn]


def label_map(scene: Scene, vocabulary: Vocabulary) -> Tensor:
    """The truth of a scene in the classes of a vocabulary, (H, W) int64."""
    table = np.array([class_of(region, vocabulary) for region in scene.regions], np.int64)
    return torch.from_numpy(table[scene.segments])


def things(scene: Scene, vocabulary: Vocabulary) -> Regions:
    """The single things of a scene that are a class of the vocabulary."""
    labels = {
        number: class_of(region, vocabulary)
        for number, region in enumerate(scene.regions)
        if region.thing
    }
    found = {number: label for number, label in labels.items() if label != vocabulary.background}
    return number_regions(torch.from_numpy(scene.segments.astype(np.int64)), found)


_drawn = lru_cache(maxsize=1)(draw_scene)
"""Picture and truth of a sample are asked for one after the other: one drawing does for both."""


class SceneDataset(Samples):
    """Scenes `first` to `first + count - 1` of a seed, drawn when they are asked for."""

    def __init__(
        self, vocabulary: Vocabulary, count: int, size: tuple[int, int], seed: int, first: int = 0
    ) -> None:
        self.vocabulary, self.size, self.seed, self.first = vocabulary, size, seed, first
        self._names = tuple(f"drawn-{seed}-{first + number:05d}" for number in range(count))

    @property
    def names(self) -> Sequence[str]:
        """See `Samples.names`."""
        return self._names

    def image(self, position: int) -> Tensor:
        """See `Samples.image`."""
        pixels = torch.from_numpy(self._scene(position).image)
        return pixels.permute(2, 0, 1).clone(memory_format=torch.contiguous_format)

    def truth(self, position: int) -> Truth:
        """See `Samples.truth`."""
        scene = self._scene(position)
        return Truth(label_map(scene, self.vocabulary), things(scene, self.vocabulary))

    def files(self, position: int) -> Sequence[Path]:
        """None: what is drawn follows from what the data set says of itself."""
        return ()

    def _scene(self, position: int) -> Scene:
        return _drawn(self.seed, self.first + position, self.size)


class DrawnScenes(SampleData):
    """Procedural pictures with exact truth (`zeroseg.drawn`), for tests, demos and benchmarks.

    The tiny models never saw the scenes of any seed below a million. The things of a scene are
    told apart; stuff, and things that the vocabulary has no word for, are no regions.

    Args:
        vocabulary: The classes that the truth is written in; see `Vocabulary.parse`.
        count: Number of scenes.
        size: (height, width) in pixels, at least 32 each.
        seed: Which world, 0 or more.
        first: Number of the first scene.
        batch_size: Scenes in a batch.
        num_workers: Processes that draw ahead; 0 draws in the main process.

    Raises:
        VocabularyError: No class of the vocabulary is ever drawn.

    Example:
        >>> from zeroseg.data import DrawnScenes
        >>> data = DrawnScenes("dram", count=3, size=(96, 128), seed=0)
        >>> sample = data.dataset[0]
        >>> sample.name, sample.image.shape
        ('drawn-0-00000', torch.Size([3, 96, 128]))
        >>> [data.vocabulary.names[label] for label in sample.target.unique()]
        ['background', 'chair', 'person']
    """

    title = "drawn"

    def __init__(
        self,
        vocabulary: Vocabulary | str | list[str] = "drawn",
        count: int = 200,
        size: tuple[int, int] = (256, 256),
        seed: int = 0,
        first: int = 0,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        if count < 1 or seed < 0 or first < 0 or min(size) < 32:
            raise ValueError(
                f"count {count}, seed {seed}, first {first}, size {size}: at least 1 scene of at "
                f"least 32 x 32 pixels, with seed and first from 0 up"
            )
        classes = Vocabulary.parse(vocabulary)
        never_drawn(classes)
        height, width = size
        dataset = SceneDataset(classes, count, (height, width), seed, first)
        super().__init__(classes, dataset, batch_size, num_workers)
        self.size, self.seed, self.first = (height, width), seed, first

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        drawn = {"seed": self.seed, "first": self.first, "size": list(self.size)}
        return {**super().describe(), **drawn}

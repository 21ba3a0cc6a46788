"""What the benchmarks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zeroseg.data.catalog import Entry
from zeroseg.data.sample_data import SampleData, Samples
from zeroseg.vocabulary import Vocabulary


class BenchmarkData(SampleData):
    """One split of a data set as its owners publish it.

    Its vocabulary is exhaustive where the background is not scored: every pixel that counts is then
    of a class that is looked for.

    Attributes:
        entry: What the catalog says of it.
        split: The split.
        picture_count: Number of pictures that the owners give for what was asked; None if unknown.

    Args:
        entry: What the catalog says of it.
        split: The split.
        vocabulary: The classes that targets are written in.
        dataset: The samples.
        batch_size: Samples in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.
        scored: Indices of the classes that the mean over classes is taken of; all by default.
    """

    def __init__(
        self,
        entry: Entry,
        split: str,
        vocabulary: Vocabulary,
        dataset: Samples,
        batch_size: int,
        num_workers: int,
        scored: Sequence[int] | None = None,
    ) -> None:
        exhaustive = scored is not None and vocabulary.background not in scored
        vocabulary = replace(vocabulary, exhaustive=exhaustive)
        super().__init__(vocabulary, dataset, batch_size, num_workers, scored)
        self.entry, self.split, self.title = entry, split, entry.name
        self.picture_count = entry.sizes.get(split)

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        described = {key: said for key, said in super().describe().items() if key != "words"}
        return {**described, "split": self.split, "words": self.words}

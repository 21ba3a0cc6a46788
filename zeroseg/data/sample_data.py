"""What all data sets share: their classes, and batches as lists."""

from __future__ import annotations

from abc import abstractmethod

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from zeroseg.data.sample import Sample
from zeroseg.vocabulary import Vocabulary


class Samples(Dataset[Sample]):
    """Samples by position, as many as `len` tells."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, position: int) -> Sample: ...


class SampleData(LightningDataModule):
    """A data set of `Sample`s for `trainer.test` and `trainer.predict`.

    Args:
        vocabulary: The classes that targets are written in.
        dataset: The samples.
        batch_size: Samples in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.
    """

    def __init__(
        self, vocabulary: Vocabulary, dataset: Samples, batch_size: int, num_workers: int
    ) -> None:
        super().__init__()
        self.vocabulary, self.dataset = vocabulary, dataset
        self.batch_size, self.num_workers = batch_size, num_workers

    def test_dataloader(self) -> DataLoader[Sample]:
        """Batches as lists of `Sample`: images keep their own sizes."""
        return DataLoader(
            self.dataset,
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            collate_fn=list,
        )

    def predict_dataloader(self) -> DataLoader[Sample]:
        """The same batches."""
        return self.test_dataloader()

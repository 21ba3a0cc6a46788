"""What all data sets share: their classes, and batches as lists."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from zeroseg.data.sample import Sample, Truth
from zeroseg.data.wordings import NAMES, worded
from zeroseg.errors import ZerosegError
from zeroseg.metrics.protocol import STANDARD, Protocol
from zeroseg.vocabulary import Vocabulary


class Samples(Dataset[Sample]):
    """Samples by position. A data set implements `names`, `image` and `truth`.

    What cannot be read, whatever its reader raises, becomes a Sample with its `problem`, so that
    one bad file does not end a run over thousands.

    Attributes:
        protocol: How they are scored, which decides what becomes of a picture that cannot be read
            and of ids of annotations that no class has; data sets without ids need not look at it.
    """

    protocol: Protocol = STANDARD

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """The name of every sample, unique, in order, known without reading any file."""

    @abstractmethod
    def image(self, position: int) -> Tensor:
        """The picture, (3, H, W) uint8, RGB.

        Raises:
            ImageError: It cannot be read.
        """

    @abstractmethod
    def truth(self, position: int) -> Truth | None:
        """The annotation; None where there is none.

        Raises:
            ImageError: It cannot be read.
            VocabularyError: It holds ids that no class has.
        """

    def files(self, position: int) -> Sequence[Path] | None:
        """The files that a sample is read from, by which a later run knows that it changed.

        None, as by default, where that is not known: the later run then looks at the sample.
        """
        return None

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, position: int) -> Sample:
        if not 0 <= position < len(self):
            raise IndexError(f"sample {position} of {len(self)}")
        name = self.names[position]
        try:
            truth = self.truth(position)
        except Exception as error:  # the boundary of data sets: one bad file costs its own sample
            return Sample(_black(1, 1), None, name, problem=_reason(error))
        target, regions = (truth.target, truth.regions) if truth is not None else (None, None)
        try:
            image = self.image(position)
        except Exception as error:  # as above
            if target is None or self.protocol.unreadable == "drop":
                return Sample(_black(1, 1), None, name, problem=_reason(error))
            return Sample(_black(*target.shape), target, name, regions, _reason(error))
        if target is not None and target.shape != image.shape[1:]:
            problem = (
                f"the annotation is {tuple(target.shape)}, but its picture is "
                f"{tuple(image.shape[1:])} (height, width)"
            )
            return Sample(image, None, name, problem=problem)
        return Sample(image, target, name, regions)


def _reason(error: Exception) -> str:
    kind, said = type(error).__name__, str(error)
    if isinstance(error, ZerosegError):
        return said
    return f"{kind}: {said}" if said else kind


def _black(height: int, width: int) -> Tensor:
    return torch.zeros(3, height, width, dtype=torch.uint8)


class Subset(Samples):
    """Some samples of a data set, in the order given."""

    def __init__(self, whole: Samples, positions: Sequence[int]) -> None:
        self.whole, self.positions = whole, tuple(positions)
        self._names = tuple(whole.names[position] for position in self.positions)

    @property
    def protocol(self) -> Protocol:
        """That of the whole."""
        return self.whole.protocol

    @protocol.setter
    def protocol(self, protocol: Protocol) -> None:
        self.whole.protocol = protocol

    @property
    def names(self) -> Sequence[str]:
        """Names of the chosen ones."""
        return self._names

    def image(self, position: int) -> Tensor:
        """See `Samples.image`."""
        return self.whole.image(self.positions[position])

    def truth(self, position: int) -> Truth | None:
        """See `Samples.truth`."""
        return self.whole.truth(self.positions[position])

    def files(self, position: int) -> Sequence[Path] | None:
        """See `Samples.files`."""
        return self.whole.files(self.positions[position])


class SampleData(LightningDataModule):
    """A data set of `Sample`s for `trainer.test` and `trainer.predict`.

    On several devices every sample is seen exactly once, whatever their number.

    Attributes:
        title: What the data set is called in results, e.g. "voc2012".
        protocol: How it is scored: `STANDARD`, or `PAPER`; see `zeroseg.metrics.protocol`.
        words: What its classes are asked for with, see `ask_with`.
        notes: What its files hold beside what is read, for whoever looks into them.
        void_classes: Classes beyond the vocabulary that the reference averages over as
            well, always at 0; they count under `PAPER` only.

    Args:
        vocabulary: The classes that targets are written in.
        dataset: The samples.
        batch_size: Samples in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.
        scored: Indices of the classes that the mean over classes is taken of; all by default.
    """

    title = "custom"
    void_classes = 0
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        vocabulary: Vocabulary,
        dataset: Samples,
        batch_size: int,
        num_workers: int,
        scored: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.vocabulary = self._named = vocabulary
        self.words, self.dataset = NAMES, dataset
        self.batch_size, self.num_workers = batch_size, num_workers
        self.scored = tuple(scored) if scored is not None else tuple(range(len(vocabulary)))

    @property
    def protocol(self) -> Protocol:
        """How it is scored."""
        return self.dataset.protocol

    @protocol.setter
    def protocol(self, protocol: Protocol) -> None:
        self.dataset.protocol = protocol

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with the samples at these positions only."""
        self.dataset = Subset(self.dataset, positions)

    def sample(self, limit: int, seed: int = 0) -> None:
        """Go on with `limit` samples drawn by the seed, in their order in the data set."""
        count = len(self.dataset)
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randperm(count, generator=generator)[: min(limit, count)]
        self.keep(sorted(drawn.tolist()))

    def skip(self, names: Collection[str]) -> None:
        """Go on without the samples of these names."""
        done = set(names)
        self.keep([i for i, name in enumerate(self.dataset.names) if name not in done])

    def ask_with(self, words: str) -> None:
        """Have systems ask for the classes with other words than the vocabulary's.

        Args:
            words: "names", the vocabulary's own; "compiled", those that come with the package for
                a list of that name; a published list of `zeroseg.data.wordings`; or a class file.

        Raises:
            ZerosegError: There are no such words for this data set.
        """
        self.vocabulary, self.words = worded(self._named, self.title, words), words

    def scoring(self) -> dict[str, Any]:
        """How it is scored, as arguments of `SegmentationScores` and `summarize`."""
        void = self.void_classes if self.protocol.void_class else 0
        return {"protocol": self.protocol, "scored": self.scored, "void_classes": void}

    def groups(self) -> dict[str, str]:
        """The group of each sample by name, where the data set has groups to be scored apart."""
        return {}

    def describe(self) -> dict[str, object]:
        """What identifies the data in results: title, count, words, and what a subclass adds."""
        words = {} if self.words == NAMES else {"words": self.words}
        return {"name": self.title, "count": len(self.dataset), **words}

    def test_dataloader(self) -> DataLoader[Sample] | Upcoming | Idle:
        """Batches as lists of `Sample`: images keep their own sizes.

        For a model that keeps batches in flight, each knows the ones that follow.
        """
        sampler = EachOnce(self.dataset) if _distributed() else None
        if sampler is not None and not len(sampler):
            return Idle()
        loader = DataLoader(
            self.dataset,
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            collate_fn=list,
            sampler=sampler,
        )
        model = self.trainer.lightning_module if self.trainer is not None else None
        depth = int(getattr(model, "depth", 1))
        return Upcoming(loader, depth) if depth > 1 else loader

    def predict_dataloader(self) -> DataLoader[Sample] | Upcoming | Idle:
        """The same batches."""
        return self.test_dataloader()


class LookingAhead:
    """A batch of samples that knows those that follow, for models that keep some in flight.

    Attributes:
        samples: The batch.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = tuple(samples)
        self._following: list[LookingAhead] = []
        self._job: Any = None

    def follow(self, batches: Iterable[LookingAhead]) -> None:
        """Learn which batches follow."""
        self._following = list(batches)

    def begun(self, begin: Callable[[Sequence[Sample]], Any]) -> Any:
        """The job of this batch; those that follow are begun, too, each once.

        Args:
            begin: Starts a batch; gives a job that can `advance`.
        """
        flying = [self, *self._following]
        for batch in flying:
            if batch._job is None:
                batch._job = begin(batch.samples)
                for started in flying:
                    if started._job is not None:
                        started._job.advance()
        self._following = []
        return self._job

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    def to(self, device: torch.device | str) -> LookingAhead:
        """Itself: images are moved when they are begun; Lightning asks every batch."""
        return self


class Upcoming:
    """A loader whose batches know those that follow.

    Args:
        loader: Batches of samples.
        depth: Batches that are known at the same time, the one that is given out among them.
    """

    def __init__(self, loader: DataLoader[Sample], depth: int) -> None:
        self.loader, self.depth = loader, depth

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[LookingAhead]:
        known: deque[LookingAhead] = deque()
        for batch in self.loader:
            known.append(LookingAhead(batch))
            if len(known) == self.depth:
                yield self._first(known)
        while known:
            yield self._first(known)

    def _first(self, known: deque[LookingAhead]) -> LookingAhead:
        batch = known.popleft()
        batch.follow(known)
        return batch


class Idle:
    """One batch without samples, for a process that has none.

    Without any batch it would not take part in what all processes compute together at the end.
    """

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[list[Sample]]:
        return iter([[]])


class EachOnce(DistributedSampler[Sample]):
    """Deals positions out to the processes, none twice and none to nobody.

    The usual sampler repeats some samples until all processes have as many, which counts them
    twice in a score.
    """

    def __init__(self, dataset: Samples) -> None:
        super().__init__(dataset, shuffle=False)
        self.total_size = len(dataset)
        self.num_samples = len(range(self.rank, self.total_size, self.num_replicas))

    def __iter__(self) -> Iterator[Sample]:
        mine = range(self.rank, self.total_size, self.num_replicas)
        return iter(mine)  # type: ignore[arg-type]


def _distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()

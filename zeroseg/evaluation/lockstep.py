"""Several systems over the same batches, sharing whatever they have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lightning.pytorch import LightningModule
from torch import nn

from zeroseg.base_segmenter import BaseSegmenter, Started, precision_of
from zeroseg.data.sample import Sample
from zeroseg.errors import ZerosegError
from zeroseg.memo import Memo
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure


class Lockstep(LightningModule):
    """Takes systems through a data set together, batch by batch.

    What systems share is computed once for a batch: tags, captions, image embeddings, whatever
    comes from the same component and the same input. A callback keeps the results; see `Recorder`.

    Args:
        systems: Segmenters of one vocabulary, by name.
        finished: For each system, names of samples that it need not do again.
    """

    def __init__(
        self,
        systems: Mapping[str, BaseSegmenter],
        finished: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        super().__init__()
        self.names = tuple(systems)
        self.finished = {name: set((finished or {}).get(name, ())) for name in systems}
        self.systems = nn.ModuleList(systems.values())
        self.memo = Memo()
        for system in systems.values():
            if hasattr(system, "memo"):
                system.memo = self.memo if len(systems) > 1 else None

    @property
    def depth(self) -> int:
        """Batches in flight: those of a single system; several go through one batch together."""
        [first, *others] = self.systems
        return 1 if others else int(first.depth)  # type: ignore[arg-type]

    def begin_samples(self, samples: Sequence[Sample]) -> Started:
        """Start a batch by the single system, without what it had finished."""
        [name], [system] = self.names, self.systems
        left = [sample for sample in samples if sample.name not in self.finished[name]]
        with precision_of(self):
            started: Started = system.begin_samples(left)  # type: ignore[operator]
        return Started(samples, started.job)

    def test_step(self, batch: Sequence[Sample] | Started, batch_idx: int) -> dict[str, Any]:
        """Segment a batch by every system.

        Returns:
            Under "results", for each system, B results; None for a sample it had finished.
        """
        for sample in batch:
            if sample.target is None and sample.problem is None:
                raise ZerosegError(f"'{sample.name}' has no annotation to test against")
        results = {
            name: self._segment(system, batch, self.finished[name])
            for name, system in zip(self.names, self.systems, strict=True)
        }
        self.memo.clear()
        return {"results": results}

    def _segment(
        self, system: Any, batch: Sequence[Sample] | Started, finished: set[str]
    ) -> list[Segmentation | Failure | None]:
        left: Any = [sample for sample in batch if sample.name not in finished]
        if isinstance(batch, Started):
            left = Started(left, batch.job)
        made = iter(system.segment_samples(left) if len(left) else [])
        return [None if sample.name in finished else next(made) for sample in batch]

    def configure_optimizers(self) -> None:
        """Nothing is trained."""

"""Several systems over the same batches, sharing whatever they have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lightning.pytorch import LightningModule
from torch import nn

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import LookingAhead
from zeroseg.errors import ZerosegError
from zeroseg.running.stage_cache import StageCache
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure


class JointRun(LightningModule):
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
        self.cache = StageCache() if len(systems) > 1 else None

    @property
    def depth(self) -> int:
        """Batches in flight: those of a single system; several go through one batch together."""
        [first, *others] = self.systems
        return 1 if others else int(first.depth)  # type: ignore[arg-type]

    def test_step(self, batch: Sequence[Sample] | LookingAhead, batch_idx: int) -> dict[str, Any]:
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
        if self.cache is not None:
            self.cache.clear()
        return {"results": results}

    def _segment(
        self, system: Any, batch: Sequence[Sample] | LookingAhead, finished: set[str]
    ) -> list[Segmentation | Failure | None]:
        if self.cache is None:  # what the one system had finished, the data set leaves out
            return list(system.segment_samples(batch))
        left = [sample for sample in batch if sample.name not in finished]
        made = iter(system.segment_samples(left, self.cache) if left else [])
        return [None if sample.name in finished else next(made) for sample in batch]

    def configure_optimizers(self) -> None:
        """Nothing is trained."""

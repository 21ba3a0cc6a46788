"""A run over an archive: what is left to do, and what does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zeroseg import __version__
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.preflight.secrets import without_secrets
from zeroseg.presets.origins import origins
from zeroseg.running.in_flight import Job, in_flight
from zeroseg.running.precision import computing
from zeroseg.scale.archive import list_pictures, look, read_all
from zeroseg.scale.dataset import PART_SIZE, Pool, running_ray, segment_parts
from zeroseg.scale.manifest import ERROR, Manifest, Summary
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.work import Part, Stop, Work, parts_of
from zeroseg.scale.workers import segmented
from zeroseg.server_address import without_passwords

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter


class BatchRun:
    """An archive, and a folder of its label maps that is filled part by part.

    A run that was ended, by whatever, is gone on with by starting it again: only what has no row in
    the manifest, or no mask, or changed since, is done. Both engines write the same files, byte for
    byte but for the times: they cut the same pictures into the same batches.

    Args:
        source: The pictures: a folder, a picture or a glob, on this machine or as a URL.
        target: The folder, a path or a URL.
        recipe: The system.
        part_size: Pictures to a part.
        limit: Only the first so many pictures, by name.
        again: Whether to try pictures again that failed in an earlier run.

    Attributes:
        total: Pictures that belong to the run.
        left: How many of them have no result yet.
        before: Status of every picture that was done in an earlier run, by name.
        failed_before: How many of them failed in an earlier run and stay so.
        parts: What is left to do.
        notes: Sentences about files that were left out.

    A folder of this machine has one run at a time that writes to it; another one is refused.

    Raises:
        ZerosegError: The archive cannot be listed or is empty, the folder holds another run, or
            another process writes to it, or it cannot be written, or a package is not installed.
    """

    def __init__(
        self,
        source: str,
        target: str,
        recipe: Recipe,
        part_size: int = PART_SIZE,
        limit: int | None = None,
        again: bool = False,
    ) -> None:
        self.recipe = recipe
        self.output = Manifest(target, recipe.vocabulary, recipe.details)
        found = list_pictures(source, without=target)
        works, self.notes = found.works[:limit], found.notes
        with self.output.folder.alone():
            self.output.begin(_identity(source, recipe))
            status = self.output.finished(again, _changed(works))
        left = [work for work in works if work.name not in status]
        self.total = len(works)
        self.left = len(left)
        self.before = {w.name: status[w.name] for w in works if w.name in status}
        self.failed_before = sum(state == ERROR for state in self.before.values())
        whole = max(1, part_size // recipe.batch_size) * recipe.batch_size
        self.parts = parts_of(left, whole)

    def here(self, device: str | torch.device = "cpu") -> Iterator[Summary]:
        """Do it in this process; see `with_ray`."""
        with self.output.folder.alone():
            if self.parts:
                yield from _here(self.parts, self.recipe, torch.device(device), self.output)

    def with_ray(self, pools: Mapping[str, Pool] | None = None) -> Iterator[Summary]:
        """Do it on a Ray cluster, or on this machine where none is running.

        Args:
            pools: Workers by stage; one actor each by default.

        Yields:
            What came of each part, as they are finished. The last may hold a stop.

        Raises:
            ZerosegError: Nothing could be begun.
        """
        with self.output.folder.alone():
            if self.parts:
                yield from self._with_ray(pools or {})

    def _with_ray(self, pools: Mapping[str, Pool]) -> Iterator[Summary]:
        with running_ray():
            for summary in segment_parts(self.parts, self.recipe, self.output, pools):
                if summary.stop is not None and not summary.stop.begun:
                    raise ZerosegError(summary.stop.message)
                yield summary


def _changed(works: Sequence[Work]) -> Callable[[str, str | None, str | None], bool]:
    """Whether a picture is another one than that of a row: by size and time, else by content."""
    known = {work.name: work for work in works}

    def changed(name: str, stamp: str | None, digest: str | None) -> bool:
        work = known.get(name)
        if work is None or (work.stamp and work.stamp == stamp):
            return False
        [read] = read_all([work])
        return read.digest != digest

    return changed


def _identity(source: str, recipe: Recipe) -> dict[str, Any]:
    return {
        "version": __version__,
        "source": without_passwords(source),
        "vocabulary": recipe.vocabulary.to_dict(),
        "precision": recipe.precision,
        "config": without_secrets({k: v for k, v in recipe.config.items() if k != "vocabulary"}),
        "files": origins(recipe.config),
        **dict.fromkeys(recipe.details, True),
    }


@dataclass(frozen=True)
class _Batch:
    """Pictures that go through together, and whether they are their part's last."""

    works: Sequence[Work]
    images: Sequence[Tensor]
    last: bool


def _here(
    parts: Sequence[Part], recipe: Recipe, device: torch.device, output: Manifest
) -> Iterator[Summary]:
    """The batches of all parts in order, several in flight where a language model is asked."""
    segmenter = recipe.segmenter(device)

    def begin(batch: _Batch) -> Job:
        with computing(recipe.precision, device):
            return segmenter.begin(batch.images)

    begun = in_flight(_batches(parts, segmenter), begin, segmenter.depth)
    works: list[Work] = []
    for batch, job in begun:
        try:
            with computing(recipe.precision, device):
                results = iter(segmenter.finish(job))
        except ChatError as error:
            yield output.add(Part(tuple(works), Stop(str(error), begun=True)))
            return
        works += [
            segmented(work, next(results)) if work.failure is None else work for work in batch.works
        ]
        if batch.last:
            yield output.add(Part(tuple(works)))
            works = []


def _batches(parts: Sequence[Part], segmenter: BaseSegmenter) -> Iterator[_Batch]:
    size = segmenter.batch_size
    for part in parts:
        read = read_all(part.works)
        for start in range(0, len(read), size):
            looked = [_look(work) for work in read[start : start + size]]
            works = [work for work, _ in looked]
            images = [image.to(segmenter.device) for _, image in looked if image is not None]
            yield _Batch(works, images, start + size >= len(read))


def _look(work: Work) -> tuple[Work, Tensor | None]:
    """A picture with its pixels; it needs its encoding no more."""
    work, image = look(work)
    return replace(work, data=None), image

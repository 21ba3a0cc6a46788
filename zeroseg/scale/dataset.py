"""The stages as pools of Ray actors, streaming, each pool of its own size."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zeroseg.errors import ZerosegError
from zeroseg.running.precision import FULL
from zeroseg.scale import manifest
from zeroseg.scale.archive import read_all
from zeroseg.scale.manifest import Manifest, Summary
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.work import Part, Stop, Work, pack, unpack
from zeroseg.scale.workers import Worker, build_worker, pools_of
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

PART_SIZE = 32
"""Pictures that travel together, and are done again together when a worker is lost."""

_BY_ONE: dict[str, Any] = {"batch_size": 1, "batch_format": "pyarrow", "num_cpus": 0.5}
"""A reading or writing task takes one row, a part, and half a core: it waits for storage."""


@dataclass(frozen=True)
class Pool:
    """Workers of one stage.

    Attributes:
        actors: How many; processes that each hold the stage's models.
        num_gpus: GPUs that each takes, such as 0.25 for four to a GPU; without one it runs on CPU.
        num_cpus: CPU cores that each takes; by default all pools together take half of the
            cluster's, and the rest reads and writes.
    """

    actors: int = 1
    num_gpus: float = 0.0
    num_cpus: float | None = None


def segment_dataset(
    dataset: Dataset,
    config: Mapping[str, Any],
    *,
    vocabulary: Vocabulary | None = None,
    batch_size: int | None = None,
    part_size: int = PART_SIZE,
    pools: Mapping[str, Pool] | None = None,
    precision: str = FULL,
    details: tuple[str, ...] = (),
) -> Dataset:
    """Segment the pictures of a Ray data set. Nothing runs before the result is asked for.

    Args:
        dataset: Rows with `path` (a path or a URL that fsspec reads), or with `bytes` (an encoded
            picture), or both; a picture is called by its `name`, if there is such a column, or
            else by its path.
        config: Arguments of a segmenter, as `load_preset` and `load_yaml` give them. Workers build
            their own components from it, so objects have no place in it.
        vocabulary: The classes; those of `config` by default.
        batch_size: Pictures that go through a stage together; what `config` says by default.
        part_size: Pictures that travel together.
        pools: Workers by stage: "recognise", "refine", "detect", "resolve" and "masks", or
            "segment" for a system without stages; one actor each by default.
        precision: Of the networks: "32-true", "bf16-true", "16-true", "bf16-mixed" or "16-mixed".
        details: What else is wanted of each picture: "instances", "confidence".

    Returns:
        A row a picture: the manifest's columns (see `zeroseg.scale.manifest.schema`) and `mask`,
        an indexed PNG of file ids, null for a picture that failed. With details, `instances`, the
        JSON of detections with their masks, and `confidence_map`, a grey PNG.

    Raises:
        ZerosegError: Ray is not installed, or the rows or the configuration are of another kind. A
            language model that stays unreachable, or weights that are not there, end the run when
            the result is asked for.
    """
    recipe = Recipe.of(config, vocabulary, batch_size, precision=precision, details=details)
    columns = dataset.columns() or []
    if not {"path", "bytes"} & set(columns) or not {"path", "name"} & set(columns):
        raise ZerosegError(
            f"rows need a column 'path', or 'bytes' and 'name'; these have {', '.join(columns)}"
        )
    parts = dataset.map_batches(_gather, **{**_BY_ONE, "batch_size": part_size})
    return _walk(parts, recipe, pools or {}).map_batches(_Rows(recipe), **_BY_ONE)


def segment_parts(
    parts: Sequence[Part], recipe: Recipe, output: Manifest, pools: Mapping[str, Pool]
) -> Iterator[Summary]:
    """Segment parts of an archive and write them, on the Ray that is running.

    Yields:
        What came of each part, as they are finished; a stop comes last.

    Raises:
        ZerosegError: Ray could not go on.
    """
    import ray

    rows = [{"part": pack(part)} for part in parts]
    packed = ray.data.from_items(rows, override_num_blocks=len(rows))
    walked = _walk(packed, recipe, pools)
    written = walked.map_batches(_Writer(output), **_BY_ONE)
    try:
        for row in written.iter_rows():
            summary = row["summary"]
            yield summary
            if summary.stop is not None:
                return
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ZerosegError(f"the Ray job could not go on: {reason}") from error


@contextmanager
def running_ray() -> Iterator[None]:
    """A Ray to run on: the one that is running, else RAY_ADDRESS's, else one of this machine.

    Raises:
        ZerosegError: Ray is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise manifest.missing("ray", error) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it warns of actors' arguments
    ended_by = signal.getsignal(signal.SIGTERM)
    ray.init(include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, ended_by)  # Ray's own ends the process as it stands
    try:
        yield
    finally:
        ray.shutdown()


def _walk(parts: Dataset, recipe: Recipe, pools: Mapping[str, Pool]) -> Dataset:
    """Rows of packed parts through reading and all stages."""
    from ray.data import ActorPoolStrategy

    sizes = _sized(recipe, pools)
    parts = parts.map_batches(_read, **_BY_ONE)
    for position, (name, pool) in enumerate(sizes.items(), 1):
        parts = parts.map_batches(
            _Worker,
            fn_constructor_kwargs={
                "name": name,
                "recipe": recipe,
                "device": "cuda" if pool.num_gpus else "cpu",
                "last": position == len(sizes),
            },
            compute=ActorPoolStrategy(size=pool.actors),
            num_gpus=pool.num_gpus,
            **{**_BY_ONE, "num_cpus": pool.num_cpus},
        )
    return parts


def check_pools(recipe: Recipe, pools: Mapping[str, Pool]) -> None:
    """Say whether every pool is of a stage of the system.

    Raises:
        ZerosegError: There is no such stage.
    """
    names = pools_of(recipe)
    if unknown := [name for name in pools if name not in names]:
        raise ZerosegError(f"there is no stage '{unknown[0]}'; this system has {', '.join(names)}")


def _sized(recipe: Recipe, pools: Mapping[str, Pool]) -> dict[str, Pool]:
    """A pool for every stage.

    Raises:
        ZerosegError: There is no such stage, or more is asked for than the cluster has.
    """
    import ray

    check_pools(recipe, pools)
    chosen = {name: pools.get(name, Pool()) for name in pools_of(recipe)}
    have = ray.cluster_resources()
    wanted = sum(pool.actors * pool.num_gpus for pool in chosen.values())
    if wanted > have.get("GPU", 0) + 1e-6:
        raise ZerosegError(
            f"the pools want {wanted:g} GPUs, but there are {have.get('GPU', 0):g}: every worker "
            f"of every stage has to be there at the same time"
        )
    actors, cores = sum(pool.actors for pool in chosen.values()), have.get("CPU", 1)
    if actors > _MOST * cores:
        raise ZerosegError(
            f"the pools want {actors} workers, more than {_MOST} for each of the {cores:g} cores"
        )
    share = cores / 2 / actors
    each = min(1.0, max(0.01, int(share * 100) / 100))
    return {
        name: pool if pool.num_cpus is not None else replace(pool, num_cpus=each)
        for name, pool in chosen.items()
    }


_MOST = 50
"""Most workers for a core: Ray counts in hundredths, and half of the cores are left for reading."""


class _Worker:
    """An actor: one stage's components, built at its start, as all workers start at once.

    What is wrong with them is kept for the first part: Ray would report it as an actor that died,
    and start another one; so it travels to the end as a stop.
    """

    def __init__(self, name: str, recipe: Recipe, device: str, last: bool) -> None:
        self.last = last
        self.worker: Worker | None = None
        self.problem: Exception | None = None
        try:
            self.worker = build_worker(name, recipe, device)
        except Exception as error:  # raised by the first call, where it is reported
            self.problem = error

    def __call__(self, batch: pa.Table) -> pa.Table:
        part = _unpacked(batch)
        try:
            if self.worker is None:
                assert self.problem is not None
                raise self.problem
            part = self.worker(part)
        except ZerosegError as error:
            part = Part((), Stop(str(error), begun=False))
        if self.last:
            part = replace(part, works=tuple(replace(work, data=None) for work in part.works))
        return _packed(part)


class _Rows:
    """Parts to rows for whoever asked for a data set."""

    def __init__(self, recipe: Recipe) -> None:
        self.vocabulary, self.details = recipe.vocabulary, recipe.details

    def __call__(self, batch: pa.Table) -> pa.Table:
        part = _unpacked(batch)
        if part.stop is not None:
            raise ZerosegError(part.stop.message)
        return manifest.table_with_files(part.works, self.vocabulary, self.details)


class _Writer:
    """Parts to files."""

    def __init__(self, output: Manifest) -> None:
        self.output = output

    def __call__(self, batch: pa.Table) -> dict[str, list[Summary]]:
        try:
            return {"summary": [self.output.add(_unpacked(batch))]}
        except ZerosegError as error:
            return {"summary": [Summary(stop=Stop(str(error), begun=True))]}


def _read(batch: pa.Table) -> pa.Table:
    part = _unpacked(batch)
    return _packed(replace(part, works=tuple(read_all(part.works))))


def _gather(batch: pa.Table) -> pa.Table:
    """Rows of pictures to one row that holds them all."""
    works = []
    for row in batch.to_pylist():
        path, name = row.get("path"), row.get("name")
        work = Work(str(name or path), str(path or name), row.get("bytes"))
        if work.data is None and path is None:
            work = work.failed("reading", "the row has neither bytes nor a path")
        works.append(work)
    return _packed(Part(tuple(works)))


def _packed(part: Part) -> pa.Table:
    import pyarrow as pa

    return pa.table({"part": pa.array([pack(part)], pa.large_binary())})


def _unpacked(batch: pa.Table) -> Part:
    return unpack(batch["part"][0].as_py())

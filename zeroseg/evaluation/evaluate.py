"""A scored run, from systems and a data set to result folders."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from zeroseg import plotting
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.masks import read_ids
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import SampleData, Samples
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.background import background_of
from zeroseg.evaluation.identity import identity
from zeroseg.evaluation.joint_run import JointRun
from zeroseg.evaluation.provenance import checkpoints, code, fingerprint
from zeroseg.evaluation.published import published
from zeroseg.evaluation.record import FileStamps, ImageRecord
from zeroseg.evaluation.report import best_and_worst, write_report
from zeroseg.evaluation.results import results
from zeroseg.evaluation.run_folder import Recorder, RunFolder
from zeroseg.presets.origins import origins
from zeroseg.result_details import kept_details


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: Where it lies.
        results: The content of its `results.json`.
        records: One for each image, in the data set's order.
    """

    folder: RunFolder
    results: dict[str, Any]
    records: list[ImageRecord]


def evaluate(
    systems: Mapping[str, BaseSegmenter],
    data: SampleData,
    folders: Mapping[str, str | Path],
    seeds: Mapping[str, int] | None = None,
    callbacks: Sequence[Callback] = (),
    **trainer: Any,
) -> dict[str, Run]:
    """Score systems on a data set, all in step, and write a result folder for each.

    Images that a folder already holds are not done again unless they changed: a run that was killed
    goes on where it stopped and comes to the same figures. On several devices every image counts
    once, since the figures are computed from the records of all of them.

    Args:
        systems: Segmenters of the data set's vocabulary, by name.
        data: The data set.
        folders: The folder of each system.
        seeds: What was drawn at random beforehand, for the record.
        callbacks: More callbacks of the trainer, such as a progress bar.
        trainer: Arguments of `Trainer`: accelerator, devices, strategy, precision.

    Returns:
        The run of each system; in a process other than the first, of none.

    Raises:
        ZerosegError: Vocabularies differ, or a folder holds another run, or another process writes
            to it, or the name of an image leads out of it. Where `begun` is true, something was
            done before, and is kept.
        OutputError: A folder cannot be written to; what was done is kept.
        ChatError: The language model stayed unreachable; what was done is kept.

    Example:
        >>> from zeroseg import ZeroShotSegmenter, evaluate
        >>> from zeroseg.data import DrawnScenes
        >>> data = DrawnScenes("dram", count=2)
        >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=data.vocabulary)
        >>> folders = {"tiny": "runs/tiny"}
        >>> runs = evaluate({"tiny": segmenter}, data, folders, enable_progress_bar=False)
        >>> runs["tiny"].results["miou"] > 0.5
        True
    """
    for name, system in systems.items():
        _check_classes(name, system, data)
    opened = {
        name: RunFolder(folders[name], kept_details(system.kept))
        for name, system in systems.items()
    }
    names = list(data.dataset.names)
    precision = str(trainer.get("precision", "32-true"))
    origins = {
        name: {**_origin(name, systems[name], data, dict(seeds or {})), "precision": precision}
        for name in systems
    }
    for folder in opened.values():
        for image in names:
            folder.prediction(image)  # raises before there is work to lose
    whole = data.dataset
    stamps = {name: _stamps(system, whole) for name, system in systems.items()}
    with ExitStack() as alone:
        if rank_zero_only.rank == 0:  # the other processes of a run are its own
            for folder in opened.values():
                alone.enter_context(folder.alone())
        for name, folder in opened.items():
            folder.begin(origins[name])
        done = {
            name: folder.finished(whole, stamps[name], data.vocabulary)
            for name, folder in opened.items()
        }
        recorder = Recorder(opened, data.vocabulary, stamps)
        try:
            _run(JointRun(systems, done), data, [recorder, *callbacks], trainer)
            if not _is_first():
                return {}
            return {name: finish(opened[name], origins[name], names, data) for name in systems}
        except ZerosegError as error:
            error.begun = recorder.kept > 0
            raise


def finish(folder: RunFolder, origin: dict[str, Any], names: list[str], data: SampleData) -> Run:
    """Compute the figures of a folder's records, and write them with their reports."""
    records = folder.records(names, data.vocabulary)
    described = {**origin["data"], "fingerprint": fingerprint(records)}
    figures = {
        **results(records, data),
        **origin,
        "data": described,
        "published": published(data),
    }
    folder.write_json("results.json", figures)
    write_report(folder.path, figures, records, panels(folder, records, data))
    return Run(folder, figures, records)


def panels(
    folder: RunFolder, records: Sequence[ImageRecord], data: SampleData
) -> dict[str, Image.Image]:
    """Picture, truth and prediction of the best and worst images, by name."""
    position = {name: i for i, name in enumerate(data.dataset.names)}
    best, worst = best_and_worst(list(records))
    chosen = dict.fromkeys((*best, *worst))
    return {name: _panel(folder, data.dataset[position[name]], data) for name in chosen}


def _panel(folder: RunFolder, sample: Sample, data: SampleData) -> Image.Image:
    columns = [("picture", plotting.picture(sample.image))]
    if sample.target is not None:
        columns.append(("truth", plotting.colored(sample.target, data.vocabulary)))
    ids = read_ids(folder.prediction(sample.name), "prediction")
    labels = data.vocabulary.from_ids(ids)
    columns.append(("prediction", plotting.colored(labels, data.vocabulary)))
    return plotting.panels(columns, height=240)


def _run(
    systems: JointRun, data: SampleData, callbacks: Sequence[Callback], options: dict[str, Any]
) -> None:
    """Take the systems through what none of them or not all of them have finished."""
    whole = data.dataset
    data.skip(set.intersection(*systems.finished.values()))
    try:
        if len(data.dataset):
            _test(systems, data, callbacks, options)
    finally:
        data.dataset = whole


def _test(
    systems: JointRun, data: SampleData, callbacks: Sequence[Callback], options: dict[str, Any]
) -> None:
    for part in ("pytorch", "fabric"):
        logging.getLogger(f"lightning.{part}").setLevel(logging.WARNING)
    runner = Trainer(
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[*callbacks],
        **options,
    )
    with warnings.catch_warnings():  # what Lightning says of its own insides
        warnings.filterwarnings("ignore", module=r"lightning\.")
        runner.test(systems, data, verbose=False)
    if _distributed():
        torch.distributed.barrier()  # the first process reads what the others write


def _stamps(system: BaseSegmenter, samples: Samples) -> dict[str, FileStamps]:
    """Those of the files of every sample, and of what a system reads for it."""
    return {
        name: FileStamps.of(samples.files(position), system.files(name))
        for position, name in enumerate(samples.names)
    }


def _check_classes(name: str, system: BaseSegmenter, data: SampleData) -> None:
    if system.vocabulary.names != data.vocabulary.names:
        raise ZerosegError(
            f"the data set is labelled with {list(data.vocabulary.names)}, but the classes of "
            f"'{name}' are {list(system.vocabulary.names)}; give both the same vocabulary"
        )


def _origin(
    name: str, system: BaseSegmenter, data: SampleData, seeds: dict[str, int]
) -> dict[str, Any]:
    """Everything that decides a run's result."""
    config = system.config
    return {
        "system": name,
        **code(),
        "config": config,
        **identity(system),
        "files": origins(config),
        "checkpoints": checkpoints(system, config, data),
        "data": _described(data),
        "background": background_of(system, data),
        "protocol": data.protocol.to_dict(),
        "vocabulary": data.vocabulary.to_dict(),
        "seeds": seeds,
        **dict.fromkeys(kept_details(system.kept), True),
    }


def _described(data: SampleData) -> dict[str, Any]:
    """What the data set says of itself, and what its means run over where that is not all."""
    described = dict(data.describe())
    if len(data.scored) < len(data.vocabulary):
        described["scored"] = [data.vocabulary.names[i] for i in data.scored]
    if void := data.scoring()["void_classes"]:
        described["void_classes"] = void
    return described


def _distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _is_first() -> bool:
    return not _distributed() or torch.distributed.get_rank() == 0

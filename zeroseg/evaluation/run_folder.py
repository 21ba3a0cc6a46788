"""A folder that a scored run fills image by image, so that nothing done is ever lost."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from PIL import Image

from zeroseg.base_segmenter import prediction_of
from zeroseg.data.masks import is_whole_mask
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import Samples
from zeroseg.errors import OutputError, ZerosegError
from zeroseg.evaluation.identity import UNTOLD
from zeroseg.evaluation.record import FileStamps, ImageRecord, digest_of, record
from zeroseg.regular_file import below
from zeroseg.result_details import detail_file, details_of, is_whole
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import (
    alone_in,
    check_no_run,
    check_same_run,
    read_run,
    write_picture,
    write_whole,
)


class RunFolder:
    """Records and predictions of one run.

    The prediction of an image is written first and its record after it, each under another name
    and then moved into place: where there is a record, the image is finished, whatever ended the
    process and wherever. A record has a checksum: one that was damaged since, or whose prediction
    was, counts as missing. Processes of one run may share a folder.

    Args:
        path: The folder; made by `begin`.
        details: What is kept of images beside predictions, of `zeroseg.result_details.DETAILS`.
    """

    def __init__(self, path: str | Path, details: Collection[str] = ()) -> None:
        self.path, self.details = Path(path), details
        self._records = self.path / "images"
        self._predictions = self.path / "predictions"

    def alone(self) -> AbstractContextManager[None]:
        """Be the one run that writes to it; see `alone_in`."""
        return alone_in(self.path)

    def begin(self, identity: dict[str, Any]) -> None:
        """Make the folder, or go on with one that holds part of the same run.

        Args:
            identity: All that decides the result, ready for JSON.

        Raises:
            ZerosegError: The folder holds another run, or one that cannot be told from another,
                or cannot be written.
        """
        file = self.path / "run.json"
        wanted = json.loads(json.dumps(identity))
        try:
            if file.exists():
                check_same_run(self.path, read_run(self.path, file.read_bytes()), wanted)
                if wanted.get(UNTOLD) and rank_zero_only.rank == 0:
                    raise ZerosegError(
                        f"'{self.path}' holds a run of what was given as an object that cannot be "
                        f"told from another one: {', '.join(wanted[UNTOLD])}; choose another folder"
                    )
                return
            check_no_run(self.path, any(self._records.rglob("*.json")))
            self._records.mkdir(parents=True, exist_ok=True)
            self._predictions.mkdir(exist_ok=True)
        except OSError as error:
            message = f"cannot write to the folder '{self.path}': {error.strerror}"
            raise OutputError(message) from error
        self.write_json("run.json", wanted)

    def written(self) -> set[str]:
        """Names of the images that have a record."""
        ending = ".json"
        return {
            str(file.relative_to(self._records))[: -len(ending)]
            for file in self._records.rglob(f"*{ending}")
        }

    def finished(
        self, samples: Samples, stamps: Mapping[str, FileStamps], vocabulary: Vocabulary
    ) -> set[str]:
        """Names of the images that are done, and whose files have not changed since.

        Their record and their prediction can be read; a warning tells how many are damaged. A
        picture whose files have another size or time is looked at: it is done if it is the same
        picture still. One that could not be read is not done.

        Args:
            samples: The data set.
            stamps: Of each image's files now.
            vocabulary: The classes.
        """
        written = self.written()
        there = [(n, name) for n, name in enumerate(samples.names) if name in written]
        whole = [(n, self._whole(name, vocabulary)) for n, name in there]
        if damaged := sum(kept is None for _, kept in whole):
            message = f"'{self.path}': records or predictions of {damaged} images are damaged"
            warnings.warn(f"{message}; these are done again", stacklevel=2)
        return {
            kept.name
            for position, kept in whole
            if kept is not None and _is_current(kept, samples, position, stamps[kept.name])
        }

    def _whole(self, name: str, vocabulary: Vocabulary) -> ImageRecord | None:
        """The record of an image; None if it or the prediction is damaged."""
        try:
            kept = self._read(name, vocabulary)
        except ZerosegError:  # `finished` counts it
            return None
        masked = kept.pixels is None or is_whole_mask(self.prediction(name), kept.size)
        asked = self.details if kept.failure is None else ()
        whole = masked and all(self._is_whole(detail, kept) for detail in asked)
        return kept if whole else None

    def _is_whole(self, detail: str, kept: ImageRecord) -> bool:
        file = below(self.path, detail_file(detail, kept.name))
        return file.is_file() and is_whole(detail, file.read_bytes(), kept.size)

    def add(
        self,
        kept: ImageRecord,
        prediction: Image.Image | None,
        details: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Keep one image's prediction, details and record.

        Args:
            kept: The record.
            prediction: Its label map, see `Segmentation.mask`.
            details: See `zeroseg.result_details.details`; none of an image that failed.

        Raises:
            OutputError: They cannot be written.
        """
        if not self._records.is_dir():
            raise OutputError(f"cannot write to the folder '{self.path}': it is gone")
        if prediction is not None:
            write_picture(self.prediction(kept.name), prediction)
        for detail in self.details:
            if detail in details:
                write_whole(below(self.path, detail_file(detail, kept.name)), details[detail])
        content = kept.to_dict()
        content["checksum"] = _checksum(content)
        write_whole(below(self._records, f"{kept.name}.json"), json.dumps(content))

    def records(self, names: list[str], vocabulary: Vocabulary) -> list[ImageRecord]:
        """The records of these images, in this order.

        Raises:
            ZerosegError: One is missing or damaged.
        """
        return [self._read(name, vocabulary) for name in names]

    def _read(self, name: str, vocabulary: Vocabulary) -> ImageRecord:
        file = below(self._records, f"{name}.json")
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content.pop("checksum", _checksum(content)) != _checksum(content):
                raise ValueError("its checksum is another")
            kept = ImageRecord.from_dict(content, len(vocabulary))
            if kept.name != name:
                raise ValueError(f"it is of '{kept.name}'")
            return kept
        except _DAMAGE as error:
            raise ZerosegError(
                f"the record '{file}' cannot be read ({error}); delete it and run again"
            ) from error

    def prediction(self, name: str) -> Path:
        """Where the predicted label map of an image lies, an indexed PNG of file ids."""
        return below(self._predictions, f"{name}.png")

    def write_json(self, name: str, content: Any) -> Path:
        """Write a file of the folder in one step."""
        file = self.path / name
        write_whole(file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return file


def _is_current(kept: ImageRecord, samples: Samples, position: int, now: FileStamps) -> bool:
    """Whether an image and its answer are what they were when they were recorded."""
    unread = kept.failure is not None and kept.failure.stage == "reading"
    if unread or kept.stamps.answer != now.answer:
        return False
    if kept.stamps.sample is not None and kept.stamps.sample == now.sample:
        return True
    return kept.digest == digest_of(samples[position])


_DAMAGE = (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError)
"""What reading a record raises that is none."""


def _checksum(content: dict[str, Any]) -> str:
    """Of a record, without its checksum; 16 hexadecimal digits."""
    rest = {key: value for key, value in content.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest).encode()).hexdigest()[:16]


class Recorder(Callback):
    """Writes what `test_step` returns into run folders, as the run goes.

    Args:
        folders: A folder for each system; see `JointRun`. A single system has the name "".
        vocabulary: The classes of the data set.
        stamps: For each system, those of the files of every image.

    Attributes:
        kept: How many images were written so far.
    """

    def __init__(
        self,
        folders: dict[str, RunFolder],
        vocabulary: Vocabulary,
        stamps: Mapping[str, Mapping[str, FileStamps]],
    ) -> None:
        self.folders, self.vocabulary, self.stamps = folders, vocabulary, stamps
        self.kept = 0

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: list[Sample],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch."""
        for system, results in outputs["results"].items():
            for sample, result in zip(batch, results, strict=True):
                if result is not None:
                    self._keep(system, sample, result)

    def _keep(self, system: str, sample: Sample, result: Segmentation | Failure) -> None:
        kept = record(sample, result, self.vocabulary, self.stamps[system].get(sample.name))
        picture = None
        if sample.target is not None:
            labels = prediction_of(result, sample.target.cpu(), self.vocabulary)
            picture = Segmentation(labels, self.vocabulary, sample.image.cpu()).mask()
        found = details_of(result) if isinstance(result, Segmentation) else {}
        self.folders[system].add(kept, picture, found)
        self.kept += 1

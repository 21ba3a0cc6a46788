"""A folder that a scored run fills image by image, so that nothing done is ever lost."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from PIL import Image

from zeroseg.base_segmenter import prediction_of
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import Samples
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.identity import UNTOLD
from zeroseg.evaluation.record import FileStamps, ImageRecord, digest_of, record
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import check_same_run, write_whole


class RunFolder:
    """Records and predictions of one run.

    The prediction of an image is written first and its record after it, each under another name
    and then moved into place: where there is a record, the image is finished, whatever ended the
    process and wherever. Processes of one run may share a folder.

    Args:
        path: The folder; made by `begin`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._records = self.path / "images"
        self._predictions = self.path / "predictions"

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
        if file.is_file():
            check_same_run(self.path, json.loads(file.read_text(encoding="utf-8")), wanted)
            if wanted.get(UNTOLD) and rank_zero_only.rank == 0:
                raise ZerosegError(
                    f"'{self.path}' holds a run of what was given as an object that cannot be told "
                    f"from another one: {', '.join(wanted[UNTOLD])}; choose another folder"
                )
            return
        try:
            self._records.mkdir(parents=True, exist_ok=True)
            self._predictions.mkdir(exist_ok=True)
        except OSError as error:
            message = f"cannot write to the folder '{self.path}': {error.strerror}"
            raise ZerosegError(message) from error
        self.write_json("run.json", wanted)

    def written(self) -> set[str]:
        """Names of the images that have a record."""
        ending = ".json"
        return {
            str(file.relative_to(self._records))[: -len(ending)]
            for file in self._records.rglob(f"*{ending}")
        }

    def finished(self, samples: Samples, stamps: Mapping[str, FileStamps]) -> set[str]:
        """Names of the images that are done, and whose files have not changed since.

        A picture whose files have another size or time is looked at: it is done if it is the same
        picture still. One that could not be read is not done.

        Args:
            samples: The data set.
            stamps: Of each image's files now.

        Raises:
            ZerosegError: A record is damaged.
        """
        written = self.written()
        return {
            name
            for position, name in enumerate(samples.names)
            if name in written and self._is_current(name, samples, position, stamps[name])
        }

    def _is_current(self, name: str, samples: Samples, position: int, now: FileStamps) -> bool:
        with self._reading(name):
            content = self._content(name)
            then, failure = FileStamps.from_dict(content["stamps"]), content["failure"]
        if then.answer != now.answer or (failure is not None and failure["stage"] == "reading"):
            return False
        if then.sample is not None and then.sample == now.sample:
            return True
        return bool(content["digest"] == digest_of(samples[position]))

    def add(self, kept: ImageRecord, prediction: Image.Image | None) -> None:
        """Keep one image's prediction and record."""
        if prediction is not None:
            encoded = io.BytesIO()
            prediction.save(encoded, format="PNG")
            write_whole(self.prediction(kept.name), encoded.getvalue())
        write_whole(self._records / f"{kept.name}.json", json.dumps(kept.to_dict()))

    def records(self, names: list[str], vocabulary: Vocabulary) -> list[ImageRecord]:
        """The records of these images, in this order.

        Raises:
            ZerosegError: One is missing or damaged.
        """
        return [self._read(name, vocabulary) for name in names]

    def _read(self, name: str, vocabulary: Vocabulary) -> ImageRecord:
        with self._reading(name):
            return ImageRecord.from_dict(self._content(name), len(vocabulary))

    def _content(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self._records / f"{name}.json").read_text(encoding="utf-8")))

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except (OSError, KeyError, ValueError, TypeError) as error:
            file = self._records / f"{name}.json"
            raise ZerosegError(
                f"the record '{file}' cannot be read ({error}); delete it and run again"
            ) from error

    def prediction(self, name: str) -> Path:
        """Where the predicted label map of an image lies, an indexed PNG of file ids."""
        return self._predictions / f"{name}.png"

    def write_json(self, name: str, content: Any) -> Path:
        """Write a file of the folder in one step."""
        file = self.path / name
        write_whole(file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return file


class Recorder(Callback):
    """Writes what `test_step` returns into run folders, as the run goes.

    Args:
        folders: A folder for each system; see `JointRun`. A single system has the name "".
        vocabulary: The classes of the data set.
        stamps: For each system, those of the files of every image.
    """

    def __init__(
        self,
        folders: dict[str, RunFolder],
        vocabulary: Vocabulary,
        stamps: Mapping[str, Mapping[str, FileStamps]],
    ) -> None:
        self.folders, self.vocabulary, self.stamps = folders, vocabulary, stamps

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
        self.folders[system].add(kept, picture)

"""A folder that a scored run fills image by image, so that nothing done is ever lost."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image

from zeroseg.base_segmenter import prediction_of
from zeroseg.data.sample import Sample
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.record import ImageRecord, record
from zeroseg.regular_file import below
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
            ZerosegError: The folder holds another run, or cannot be written.
        """
        file = self.path / "run.json"
        wanted = json.loads(json.dumps(identity))
        if file.is_file():
            check_same_run(self.path, json.loads(file.read_text(encoding="utf-8")), wanted)
            return
        try:
            self._records.mkdir(parents=True, exist_ok=True)
            self._predictions.mkdir(exist_ok=True)
        except OSError as error:
            message = f"cannot write to the folder '{self.path}': {error.strerror}"
            raise ZerosegError(message) from error
        self.write_json("run.json", wanted)

    def finished(self) -> set[str]:
        """Names of the images that are done."""
        ending = ".json"
        return {
            str(file.relative_to(self._records))[: -len(ending)]
            for file in self._records.rglob(f"*{ending}")
        }

    def add(self, kept: ImageRecord, prediction: Image.Image | None) -> None:
        """Keep one image's prediction and record."""
        if prediction is not None:
            encoded = io.BytesIO()
            prediction.save(encoded, format="PNG")
            write_whole(self.prediction(kept.name), encoded.getvalue())
        write_whole(below(self._records, f"{kept.name}.json"), json.dumps(kept.to_dict()))

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
            return ImageRecord.from_dict(content, len(vocabulary))
        except (OSError, KeyError, ValueError, TypeError) as error:
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


class Recorder(Callback):
    """Writes what `test_step` returns into run folders, as the run goes.

    Args:
        folders: A folder for each system; see `JointRun`. A single system has the name "".
        vocabulary: The classes of the data set.
    """

    def __init__(self, folders: dict[str, RunFolder], vocabulary: Vocabulary) -> None:
        self.folders, self.vocabulary = folders, vocabulary

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
                    self._keep(self.folders[system], sample, result)

    def _keep(self, folder: RunFolder, sample: Sample, result: Segmentation | Failure) -> None:
        kept = record(sample, result, self.vocabulary)
        picture = None
        if sample.target is not None:
            labels = prediction_of(result, sample.target.cpu(), self.vocabulary)
            picture = Segmentation(labels, self.vocabulary, sample.image.cpu()).mask()
        folder.add(kept, picture)

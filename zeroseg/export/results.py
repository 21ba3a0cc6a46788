"""What `zeroseg segment`, `test` and `batch` wrote, read back picture by picture."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zeroseg.data.masks import ids_in
from zeroseg.data.names import sample_names
from zeroseg.decoding import decoded
from zeroseg.errors import ImageError, OutputError, ZerosegError
from zeroseg.export.picture import LabelledPicture
from zeroseg.find_images import shown
from zeroseg.result_details import detail_file
from zeroseg.scale.archive import Folder
from zeroseg.scale.manifest import ERROR, missing
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import read_run

_MASK = ".mask.png"

_DAMAGE = (OSError, LookupError, ValueError, TypeError, AttributeError)
"""What reading the JSON of a result raises that is none."""


@dataclass(frozen=True)
class Result:
    """Where the result of a picture lies.

    Attributes:
        name: Of the picture, without suffix.
        mask: File of its label map.
        told: File of what else is known; "" where there is none.
        source: Where the picture lies; "" where that is told elsewhere, or not at all.
        instances: File of its detections; "" where `told` holds them, or nobody kept any.
    """

    name: str
    mask: str
    told: str = ""
    source: str = ""
    instances: str = ""


@dataclass
class Results:
    """The results in a folder, of a path or URL.

    Args:
        url: What `segment`, `test` or `batch` wrote to.

    Attributes:
        found: All that has a label map, by name.
        vocabulary: The classes of all; of `segment`'s, which tell their own, those of the first
            that can be read.
        lost: Pictures that had failed in the run itself.

    Raises:
        ZerosegError: It holds no results.
    """

    url: str
    found: list[Result] = field(init=False)
    vocabulary: Vocabulary = field(init=False)
    lost: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._folder = Folder(self.url)
        try:
            run = self._folder.read("run.json")
            self.found = self._of_run(run) if run is not None else self._segmented()
        except OSError as error:
            raise ZerosegError(f"cannot read '{shown(self.url)}': {error}") from error
        if not self.found:
            raise ZerosegError(
                f"'{shown(self.url)}' holds no results: no NAME{_MASK} as zeroseg segment writes, "
                f"and no run.json with label maps as zeroseg test and zeroseg batch do; of runs "
                f"side by side, name the folder of one"
            )
        self.vocabulary = self._told_by_run(run) if run is not None else self._first_told()

    def _of_run(self, run: bytes) -> list[Result]:
        """Those of `test` or `batch`, which say in `run.json` whether they kept instances."""
        self._kept = bool(read_run(shown(self.url), run).get("instances"))
        tested = self._folder.list("predictions", ".png")
        if not tested:
            return sorted(self._batched(), key=lambda result: result.name)
        names = [file.removeprefix("predictions/")[: -len(".png")] for file in tested]
        return [
            Result(name, file, f"images/{name}.json", instances=self._instances(name))
            for name, file in zip(names, tested, strict=True)
        ]

    def _instances(self, name: str) -> str:
        return detail_file("instances", name) if self._kept else ""

    def _batched(self) -> list[Result]:
        rows = [
            row for part in self._folder.list("manifest", ".parquet") for row in self._rows(part)
        ]
        done = [row for row in rows if row["status"] != ERROR]
        self.lost = len(rows) - len(done)
        names = sample_names([row["name"] for row in done])
        return [
            Result(
                name,
                f"masks/{row['name']}.png",
                source=row["source"],
                instances=self._instances(row["name"]),
            )
            for name, row in zip(names, done, strict=True)
        ]

    def _rows(self, part: str) -> list[dict[str, Any]]:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise missing("pyarrow", error) from error
        try:
            table = pq.read_table(
                io.BytesIO(self._folder.read(part) or b""), columns=["name", "status", "source"]
            )
        except (pa.ArrowException, ValueError) as error:
            raise ZerosegError(
                f"'{shown(self.url)}/{part}' is damaged ({error}); run zeroseg batch again, which "
                f"mends it"
            ) from error
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _segmented(self) -> list[Result]:
        files = self._folder.list("", _MASK)
        bases = [file[: -len(_MASK)] for file in files]
        return [Result(base, file, f"{base}.json") for base, file in zip(bases, files, strict=True)]

    def _told_by_run(self, content: bytes) -> Vocabulary:
        told = read_run(shown(self.url), content).get("vocabulary")
        if not isinstance(told, dict):
            raise ZerosegError(
                f"the run.json of '{shown(self.url)}' tells no classes: it is of another program, "
                f"or holds runs side by side; name the folder of one"
            )
        return Vocabulary.from_dict(told)

    def _first_told(self) -> Vocabulary:
        problem = ""
        for result in self.found:
            try:
                return self._told(result)[0]
            except ImageError as error:
                problem = problem or str(error)
        raise ZerosegError(f"none of the results in '{shown(self.url)}' can be read: {problem}")

    def read(self, result: Result, instances: str = "auto") -> LabelledPicture | None:
        """A picture's label map and regions; None where it had failed in the run itself.

        Args:
            result: Which one.
            instances: What its regions are, see `zeroseg.export.regions.regions_of`.

        Raises:
            ImageError: Its files are missing or damaged, or of other classes than the others.
        """
        try:
            return self._read(result, instances)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise ImageError(f"its files cannot be read: {error}") from error

    def _read(self, result: Result, instances: str) -> LabelledPicture | None:
        vocabulary, told = self._told(result)
        if told.get("failure") is not None:
            self.lost += 1
            return None
        if vocabulary != self.vocabulary:
            raise ImageError(
                "it was segmented with other classes than the first; export these results apart"
            )
        content = self._folder.read(result.mask)
        if content is None:
            raise ImageError(f"its label map '{result.mask}' is missing")
        ids = ids_in(content, f"label map '{result.mask}'")
        size = told.get("size")
        if isinstance(size, dict) and (size.get("height"), size.get("width")) != tuple(ids.shape):
            raise ImageError(f"its label map is {tuple(ids.shape)}, its JSON says {size}")
        labels = vocabulary.from_ids(ids).numpy().astype(np.int64)
        source = result.source or (str(told.get("name", "")) if self._is_segmented(result) else "")
        picture = LabelledPicture(result.name, labels, vocabulary, source=source)
        if result.instances:
            told = self._json(result.instances)
        return picture.with_regions(told.get("detections") or [], instances)

    def _told(self, result: Result) -> tuple[Vocabulary, dict[str, Any]]:
        """The classes of a result, and what its JSON tells."""
        if not result.told:
            return self.vocabulary, {}
        told = self._json(result.told)
        try:
            own = told.get("vocabulary")
            return (self.vocabulary if own is None else Vocabulary.from_dict(own)), told
        except _DAMAGE as error:
            raise ImageError(f"its '{result.told}' is damaged: {error}") from error

    def _json(self, file: str) -> dict[str, Any]:
        content = self._folder.read(file)
        if content is None:
            raise ImageError(f"its '{file}' is missing")
        try:
            told: dict[str, Any] = json.loads(decoded(content))
            told.keys()
        except _DAMAGE as error:
            raise ImageError(f"its '{file}' is damaged: {error}") from error
        return told

    @staticmethod
    def _is_segmented(result: Result) -> bool:
        return result.mask.endswith(_MASK)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

"""What `zeroseg segment`, `test` and `batch` wrote, read back picture by picture."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from zeroseg.data.masks import ids_in
from zeroseg.data.names import sample_names
from zeroseg.decoding import decoded
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.export.label_maps import file_ids
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import reviewed_regions
from zeroseg.find_images import shown
from zeroseg.result_details import detail_file
from zeroseg.reviewed import CORRECTED, REVIEW, Reviewed, check_reviewed, fingerprint, review_files
from zeroseg.scale.archive import Folder
from zeroseg.scale.manifest import ERROR, missing
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import read_run

_MASK, _SURE = ".mask.png", ".confidence.png"

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
        confidence: File of how sure each pixel is; it need not be there.
        score: How sure it is as a whole; None where that is told elsewhere, or not at all.
    """

    name: str
    mask: str
    told: str = ""
    source: str = ""
    instances: str = ""
    confidence: str = ""
    score: float | None = None


@dataclass
class Results:
    """The results in a folder, of a path or URL.

    Args:
        url: What `segment`, `test` or `batch` wrote to.
        reviewed: What `read` takes where a person corrected results, one of
            `zeroseg.reviewed.CHOICES`.

    Attributes:
        found: All that has a label map, by name.
        vocabulary: The classes of all; of `segment`'s, which tell their own, those of the first
            that can be read.
        lost: Pictures that had failed in the run itself.
        corrected: Those of which `read` gave the corrected result.
        left_out: Those that `read` did not give, by the reason.

    Raises:
        ZerosegError: It holds no results.
    """

    url: str
    reviewed: str = "ignore"
    found: list[Result] = field(init=False)
    vocabulary: Vocabulary = field(init=False)
    lost: int = field(init=False, default=0)
    corrected: int = field(init=False, default=0)
    left_out: Counter[str] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        check_reviewed(self.reviewed)
        self.folder = Folder(self.url)
        try:
            run = self.folder.read("run.json")
            self._reviews = set(self.folder.list("", REVIEW))
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
        made = {file.removesuffix(REVIEW) + CORRECTED for file in self._reviews}
        tested = [own for own in self.folder.list("predictions", ".png") if own not in made]
        if not tested:
            return sorted(self._batched(), key=lambda result: result.name)
        names = [file.removeprefix("predictions/")[: -len(".png")] for file in tested]
        return [
            replace(self._result(name, name, file), told=f"images/{name}.json")
            for name, file in zip(names, tested, strict=True)
        ]

    def _result(self, name: str, within: str, mask: str) -> Result:
        """One of a run, which calls its files `within`."""
        instances = detail_file("instances", within) if self._kept else ""
        sure = detail_file("confidence", within)
        return Result(name, mask, instances=instances, confidence=sure)

    def _batched(self) -> list[Result]:
        rows = [
            row for part in self.folder.list("manifest", ".parquet") for row in self._rows(part)
        ]
        done = [row for row in rows if row["status"] != ERROR]
        self.lost = len(rows) - len(done)
        names = sample_names([row["name"] for row in done])
        return [
            replace(
                self._result(name, row["name"], f"masks/{row['name']}.png"),
                source=row["source"],
                score=row["confidence"],
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
                io.BytesIO(self.folder.read(part) or b""),
                columns=["name", "status", "source", "confidence"],
            )
        except (pa.ArrowException, ValueError) as error:
            raise ZerosegError(
                f"'{shown(self.url)}/{part}' is damaged ({error}); run zeroseg batch again, which "
                f"mends it"
            ) from error
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _segmented(self) -> list[Result]:
        files = self.folder.list("", _MASK)
        bases = [file[: -len(_MASK)] for file in files]
        return [
            Result(base, file, f"{base}.json", confidence=f"{base}{_SURE}")
            for base, file in zip(bases, files, strict=True)
        ]

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
                return self.told(result)[0]
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
        begun = self.reviewed != "ignore" and review_files(result.mask)[0] in self._reviews
        review = self.review(result) if begun else None
        why = self._refused(review)
        if why:
            self.left_out[why] += 1
            return None
        picture = self.look(result, instances)
        if picture is None:
            self.lost += 1
            return None
        if picture.vocabulary != self.vocabulary:
            raise ImageError(
                "it was segmented with other classes than the first; export these results apart"
            )
        if review is None:
            return picture
        self.corrected += 1
        return self._corrected(result, picture, review, instances)

    def _refused(self, review: Reviewed | None) -> str:
        """Why a picture is left out; "" where it is not."""
        if review is not None and review.state == "rejected":
            return "rejected"
        accepted = review is not None and review.state == "accepted"
        return "" if accepted or self.reviewed != "only-accepted" else "not accepted"

    def review(self, result: Result) -> Reviewed | None:
        """What a person has made of a result by now, without its map; None where nobody did.

        Raises:
            ImageError: Its file is of another program, damaged or cannot be read.
        """
        file, _ = review_files(result.mask)
        content = self.content(file)
        return None if content is None else Reviewed.read(content, file)

    def _corrected(
        self, result: Result, picture: LabelledPicture, review: Reviewed, instances: str
    ) -> LabelledPicture:
        """A picture as a person left it.

        Raises:
            ImageError: The files do not belong together.
        """
        picture = self._corrected_map(result, picture, review)
        if instances == "auto" or (instances, review.of) == ("detections", "detections"):
            regions = reviewed_regions(review.regions, picture.size, picture.vocabulary)
            return replace(picture, regions=regions, origin="review")
        return picture.with_regions([], instances)

    def _corrected_map(
        self, result: Result, picture: LabelledPicture, review: Reviewed
    ) -> LabelledPicture:
        """Its label map alone; the regions stay those of the prediction."""
        file, corrected = review_files(result.mask)
        review.check_before(fingerprint(file_ids(picture)), file)
        content = self.content(corrected)
        if content is None:
            raise ImageError(f"its corrected map '{corrected}' is missing")
        ids = ids_in(content, f"corrected map '{corrected}'")
        review.check_after(fingerprint(ids), file)
        labels = picture.vocabulary.from_ids(ids).numpy().astype(np.int64)
        return replace(picture, labels=labels)

    def look(self, result: Result, instances: str = "auto") -> LabelledPicture | None:
        """The same as `read`, of whatever classes it is.

        Raises:
            ImageError: Its files are missing or damaged.
        """
        opened = self._open(result)
        if opened is None:
            return None
        picture, told = opened
        if result.instances:
            told = self._json(result.instances)
        return picture.with_regions(told.get("detections") or [], instances)

    def label_map(self, result: Result, corrected: bool = False) -> LabelledPicture | None:
        """The same without regions, which take longer than all else.

        Args:
            result: Which one.
            corrected: Whether it is as a person has left it by now, where one did anything.

        Raises:
            ImageError: Its files are missing or damaged.
        """
        opened = self._open(result)
        if opened is None:
            return None
        picture, _ = opened
        review = self.review(result) if corrected else None
        return picture if review is None else self._corrected_map(result, picture, review)

    def _open(self, result: Result) -> tuple[LabelledPicture, dict[str, Any]] | None:
        """A label map, and what its JSON tells."""
        vocabulary, told = self.told(result)
        if told.get("failure") is not None:
            return None
        content = self.content(result.mask)
        if content is None:
            raise ImageError(f"its label map '{result.mask}' is missing")
        ids = ids_in(content, f"label map '{result.mask}'")
        size = told.get("size")
        if isinstance(size, dict) and (size.get("height"), size.get("width")) != tuple(ids.shape):
            raise ImageError(f"its label map is {tuple(ids.shape)}, its JSON says {size}")
        labels = vocabulary.from_ids(ids).numpy().astype(np.int64)
        source = self._source(result, told)
        return LabelledPicture(result.name, labels, vocabulary, source=source), told

    def source(self, result: Result) -> str:
        """Where the picture itself lies, a path or URL; "" where that is not told.

        Raises:
            ImageError: The JSON is missing or damaged.
        """
        return result.source or self._source(result, self.told(result)[1])

    def _source(self, result: Result, told: dict[str, Any]) -> str:
        return result.source or (str(told.get("name", "")) if self._is_segmented(result) else "")

    def files(self, result: Result) -> tuple[str, ...]:
        """All files that say what was predicted; some need not be there."""
        return tuple(filter(None, (result.mask, result.told, result.instances)))

    def score(self, result: Result) -> float | None:
        """How sure a result is, see `zeroseg.values.Confidence`; None where that was not saved.

        Raises:
            ImageError: The JSON is missing or damaged, or tells that the picture had failed.
        """
        _, told = self.told(result)
        if told.get("failure") is not None:
            raise ImageError("it had failed in the run itself")
        if result.score is not None:
            return result.score
        try:
            return float(told["confidence"]["score"]) if "confidence" in told else None
        except _DAMAGE as error:
            raise ImageError(f"its '{result.told}' is damaged: {error!r}") from error

    def confidence(self, result: Result) -> bytes | None:
        """The file of how sure each pixel is; None where there is none.

        Raises:
            ImageError: It cannot be read.
        """
        return self.content(result.confidence)

    def content(self, file: str) -> bytes | None:
        """A file of the folder; None where there is none.

        Raises:
            ImageError: It cannot be read.
        """
        try:
            return self.folder.read(file)
        except OSError as error:
            raise ImageError(f"its '{file}' cannot be read: {error.strerror or error}") from error

    def told(self, result: Result) -> tuple[Vocabulary, dict[str, Any]]:
        """The classes of a result, and what its JSON tells.

        Raises:
            ImageError: The JSON is missing or damaged.
        """
        if not result.told:
            return self.vocabulary, {}
        told = self._json(result.told)
        try:
            own = told.get("vocabulary")
            return (self.vocabulary if own is None else Vocabulary.from_dict(own)), told
        except _DAMAGE as error:
            raise ImageError(f"its '{result.told}' is damaged: {error}") from error

    def _json(self, file: str) -> dict[str, Any]:
        content = self.content(file)
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

"""Reviews beside the results that they are of."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace

import torch

from zeroseg.correcting.corrected_result import CorrectedResult
from zeroseg.data.masks import ids_in
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.export.export_format import json_bytes
from zeroseg.export.results import Result, Results
from zeroseg.plotting import indexed
from zeroseg.reviewed import Reviewed, fingerprint, review_files

Change = Callable[[CorrectedResult], CorrectedResult]


class StaleReview(ZerosegError):
    """A review that somebody else has gone on with meanwhile."""


class ReviewFiles:
    """Reads and writes the reviews of a folder; the prediction's own files are never touched.

    A review is `NAME.review.json`, which has all of it, and `NAME.reviewed.png`, the corrected
    label map. The picture is written first, each in one step: what the JSON tells was there. Any
    thread may call; several processes at one folder find each other's changes, but two that write
    in the same moment do not.

    Args:
        results: The folder.
    """

    def __init__(self, results: Results) -> None:
        self._results, self._folder = results, results.folder
        self._lock = threading.Lock()

    def open(self, result: Result, begun: CorrectedResult) -> CorrectedResult:
        """A result as it was left; the corrected map is written anew where it is not the right one.

        Args:
            result: Where it lies.
            begun: Its review as it begins, `CorrectedResult.of` its prediction.

        Raises:
            ImageError: The review is damaged, or of another prediction.
            OutputError: The map cannot be written.
        """
        with self._lock:
            review = self._results.review(result)
            if review is None:
                return begun
            file, corrected = review_files(result.mask)
            found = begun.gone_on(review, file)
            if not self._is_whole(review, corrected):
                self._write_map(corrected, found)
            return found

    def change(
        self, result: Result, begun: CorrectedResult, revision: int, change: Change
    ) -> CorrectedResult:
        """Change a review, and save it.

        Args:
            result: Where it lies.
            begun: Its review as it begins.
            revision: That of the review which is to be changed.
            change: What is done.

        Raises:
            StaleReview: It has another revision by now.
            ZerosegError: See `open`; or it cannot be changed so.
            OutputError: It cannot be written.
        """
        file, corrected = review_files(result.mask)
        with self._lock:
            review = self._results.review(result)
            found = begun if review is None else begun.gone_on(review, file)
            if found.revision != revision:
                raise StaleReview(
                    f"somebody else has changed this review: it is at revision {found.revision}, "
                    f"not {revision}; load it again"
                )
            changed = replace(change(found), revision=revision + 1)
            self._write_map(corrected, changed)
            self._folder.write(file, json_bytes(changed.to_dict()) + b"\n")
            return changed

    def _is_whole(self, review: Reviewed, corrected: str) -> bool:
        try:
            content = self._results.content(corrected)
            if content is None:
                return False
            review.check_after(fingerprint(ids_in(content, f"map '{corrected}'")), corrected)
        except ImageError:
            return False
        return True

    def _write_map(self, corrected: str, found: CorrectedResult) -> None:
        vocabulary, encoded = found.prediction.vocabulary, io.BytesIO()
        indexed(torch.from_numpy(found.now.labels), vocabulary).save(encoded, "PNG")
        self._folder.write(corrected, encoded.getvalue())

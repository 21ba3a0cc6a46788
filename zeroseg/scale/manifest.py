"""What a run over an archive writes: label maps, and one row a picture."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import torch

from zeroseg.data.masks import is_whole_mask
from zeroseg.errors import ImageError, OutputError, ZerosegError
from zeroseg.plotting import indexed
from zeroseg.result_details import detail_file, is_whole
from zeroseg.scale.archive import READERS, Folder
from zeroseg.scale.work import Part, Stop, Work, printable
from zeroseg.server_address import without_passwords
from zeroseg.values import Failure, Usage
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import check_no_run, check_same_run, read_run

if TYPE_CHECKING:
    import pyarrow as pa

OK, ERROR = "ok", "error"


def missing(package: str, error: ImportError) -> ZerosegError:
    """The error of an archive's packages not being installed."""
    return ZerosegError(
        f'archives need {package}, which cannot be imported ({error}): pip install "zeroseg[ray]"'
    )


def schema() -> pa.Schema:
    """The manifest's columns.

    `name` (the path below the archive's root), `source`, `status` ("ok" or "error"), `height` and
    `width` in pixels, `classes` found and their `areas` as shares of the picture (largest first,
    background left out), `seconds` of each stage, `calls`, `prompt_tokens`, `completion_tokens` and
    `cost` (US dollars, null where the price is not known) of the language model; `confidence`, the
    picture's score, where that is asked for, the lowest to be looked at first; of an error, the
    `stage` and the message, `error`; and `stamp` and `digest`, by which the picture is known.

    Raises:
        ZerosegError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise missing("pyarrow", error) from error
    text, whole, number = pa.string(), pa.int64(), pa.float64()
    return pa.schema(
        {
            "name": text,
            "source": text,
            "status": text,
            "height": whole,
            "width": whole,
            "classes": pa.list_(text),
            "areas": pa.list_(number),
            "seconds": pa.map_(text, number),
            "calls": whole,
            "prompt_tokens": whole,
            "completion_tokens": whole,
            "cost": number,
            "confidence": number,
            "stage": text,
            "error": text,
            "stamp": text,
            "digest": text,
        }
    )


def row(work: Work, vocabulary: Vocabulary) -> dict[str, Any]:
    """The manifest's row of a finished or failed picture."""
    common = {
        "name": work.name,
        "source": without_passwords(printable(work.source)),
        "seconds": list(work.seconds.items()),
        "calls": work.usage.calls,
        "prompt_tokens": work.usage.prompt_tokens,
        "completion_tokens": work.usage.completion_tokens,
        "cost": work.usage.cost,
        "stamp": work.stamp,
        "digest": work.digest,
    }
    if work.failure is not None:
        return {
            **common,
            "status": ERROR,
            "stage": work.failure.stage,
            "error": printable(work.failure.message),
        }
    labels = work.label_map
    counts = labels.flatten().long().bincount(minlength=len(vocabulary))
    found = sorted((c for c in vocabulary.classes if counts[c]), key=lambda c: -int(counts[c]))
    return {
        **common,
        "status": OK,
        "height": labels.shape[0],
        "width": labels.shape[1],
        "classes": [vocabulary.names[c] for c in found],
        "areas": [int(counts[c]) / labels.numel() for c in found],
        "confidence": work.values.get("score"),
    }


def picture(work: Work, vocabulary: Vocabulary) -> bytes:
    """The label map as an indexed PNG of file ids, as `Segmentation.mask` gives it."""
    buffer = io.BytesIO()
    indexed(work.label_map.to(torch.int64), vocabulary).save(buffer, format="PNG")
    return buffer.getvalue()


def table(works: Sequence[Work], vocabulary: Vocabulary) -> pa.Table:
    """The rows of pictures."""
    import pyarrow as pa

    return pa.Table.from_pylist([row(work, vocabulary) for work in works], schema=schema())


def table_with_files(
    works: Sequence[Work], vocabulary: Vocabulary, details: Collection[str]
) -> pa.Table:
    """The rows of pictures with what else would be files, of each a column.

    Args:
        works: The pictures.
        vocabulary: The classes.
        details: What is kept beside label maps, of `zeroseg.result_details.DETAILS`.
    """
    import pyarrow as pa

    blob = pa.large_binary()
    columns = {"mask": [None if work.failure else picture(work, vocabulary) for work in works]}
    for detail in details:
        columns[_COLUMNS[detail]] = [work.values.get(detail) for work in works]
    found = table(works, vocabulary)
    for name, own in columns.items():
        found = found.append_column(pa.field(name, blob), pa.array(own, blob))
    return found


_COLUMNS = {"instances": "instances", "confidence": "confidence_map"}
"""What columns of details are called."""


@dataclass(frozen=True)
class Summary:
    """What came of pictures.

    Attributes:
        done: How many have a label map.
        failures: Those that have none.
        seconds: Time of each stage, added up.
        usage: What a language model was asked.
        stop: Why the run ended early.
        pictures: The name of each, and what went wrong with it; those of a part alone, as an
            archive may have millions.
    """

    done: int = 0
    failures: tuple[Failure, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    stop: Stop | None = None
    pictures: tuple[tuple[str, Failure | None], ...] = ()

    def __add__(self, other: Summary) -> Summary:
        stages = dict.fromkeys((*self.seconds, *other.seconds))
        return Summary(
            self.done + other.done,
            self.failures + other.failures,
            {s: self.seconds.get(s, 0.0) + other.seconds.get(s, 0.0) for s in stages},
            self.usage + other.usage,
            self.stop or other.stop,
        )


_LOOKED_AT = ["name", "status", "height", "width", "stamp", "digest"]

Changed = Callable[[str, str | None, str | None], bool]
"""Whether a picture is another one than that of a row: of its name, stamp and digest."""


def _unchanged(name: str, stamp: str | None, digest: str | None) -> bool:
    return False


class Manifest:
    """The folder of a run over an archive.

    It holds `run.json` (what is run), `masks/<name>.png` and `manifest/part-<key>.parquet`, and of
    details that are asked for `instances/<name>.json` and `confidence/<name>.png`. Every file is
    written in one step, and the row of a picture after its others, so that a row that says "ok" has
    them all. A part that is done again, since its worker was lost, writes the same files: no
    picture has two rows. One run at a time may write to a folder; see `Folder.alone`.

    Args:
        url: The folder.
        vocabulary: The classes.
        details: What is kept beside label maps, of `zeroseg.result_details.DETAILS`.

    Raises:
        ZerosegError: There is no such kind of place, or pyarrow is not installed.
    """

    def __init__(self, url: str, vocabulary: Vocabulary, details: Collection[str] = ()) -> None:
        self.folder, self.vocabulary, self.details = Folder(url), vocabulary, details
        schema()

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Write down what is run, or go on with a folder that holds part of the same run.

        Raises:
            ZerosegError: The folder holds another run, or cannot be written.
        """
        wanted = json.loads(json.dumps(identity))
        try:
            found = self.folder.read("run.json")
            if found is None:
                check_no_run(self.folder.url, bool(self.folder.list("manifest", ".parquet")))
                text = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
                self.folder.write("run.json", text.encode())
                return
        except OSError as error:
            raise _unwritten(self.folder.url, error) from error
        check_same_run(self.folder.url, read_run(self.folder.url, found), wanted)

    def finished(self, again: bool = False, changed: Changed = _unchanged) -> dict[str, str]:
        """Status of every picture that needs no more work, by name.

        Rows of pictures of which a file is gone or damaged, or which changed, are taken out of the
        manifest, and so are files of the manifest that cannot be read; a warning tells of these.
        All files are read for that, though pixels are not decoded.

        Args:
            again: Take out the rows of failed pictures too.
            changed: Whether a picture is another one now, by name, stamp and digest of its row.

        Raises:
            ZerosegError: The folder cannot be reached.
        """
        try:
            return self._finished(again, changed)
        except OSError as error:
            raise ZerosegError(f"cannot look through '{self.folder.url}': {error}") from error

    def _finished(self, again: bool, changed: Changed) -> dict[str, str]:
        status: dict[str, str] = {}
        with ThreadPoolExecutor(READERS) as readers:
            for part in self.folder.list("manifest", ".parquet"):
                rows = self._read(part)
                if rows is None:
                    self.folder.remove(part)
                    continue
                found = rows.select(_LOOKED_AT).to_pylist()
                keep = list(readers.map(lambda row: self._keeps(row, again, changed), found))
                if not all(keep):
                    self._replace(part, rows.filter(keep))
                status.update((row["name"], row["status"]) for row in compress(found, keep))
        return status

    def _keeps(self, row: Mapping[str, Any], again: bool, changed: Changed) -> bool:
        """Whether a row's picture needs no more work."""
        if changed(row["name"], row["stamp"], row["digest"]):
            return False
        if row["status"] == ERROR:
            return not again
        mask = self.folder.read(f"masks/{row['name']}.png")
        size = (row["height"], row["width"])
        if mask is None or not is_whole_mask(io.BytesIO(mask), size):
            return False
        return all(
            is_whole(detail, self.folder.read(detail_file(detail, row["name"])), size)
            for detail in self.details
        )

    def _read(self, part: str) -> pa.Table | None:
        """The rows of a part; None, and a warning, where it is damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = self.folder.read(part) or b""
        try:
            rows = pq.read_table(io.BytesIO(content), page_checksum_verification=True)
            rows.validate(full=True)
            problem = "" if rows.schema.equals(schema()) else "its columns are others"
        except (pa.ArrowException, OSError, ValueError) as error:  # the bytes are in hand
            problem = str(error).partition("\n")[0]
        if not problem:
            return rows
        warnings.warn(
            f"'{self.folder.url}/{part}' is damaged ({problem}); what it listed is done again",
            stacklevel=2,
        )
        return None

    def _replace(self, part: str, rows: pa.Table) -> None:
        if rows.num_rows:
            self.folder.write(part, _parquet(rows))
        else:
            self.folder.remove(part)

    def add(self, part: Part) -> Summary:
        """Write the files of a part's pictures, and its rows after them.

        A file that cannot be written is its picture's failure.

        Raises:
            ZerosegError: The rows cannot be written.
        """
        self.folder.require()
        works = [self._write_files(work) for work in part.works]
        if works:
            rows = _parquet(table(works, self.vocabulary))
            try:
                self.folder.write(f"manifest/part-{part.key}.parquet", rows)
            except OSError as error:
                raise _unwritten(self.folder.url, error) from error
        total = sum(map(_summary, works), Summary(stop=part.stop))
        return replace(total, pictures=tuple(map(_picture, works)))

    def _write_files(self, work: Work) -> Work:
        if work.failure is not None:
            return work
        what = "label map"
        try:
            self.folder.write(f"masks/{work.name}.png", picture(work, self.vocabulary))
            for what in self.details:
                self.folder.write(detail_file(what, work.name), work.values[what])
        except (OSError, ImageError) as error:
            return work.failed("saving", f"cannot save the {what}: {error}")
        return work


def _picture(work: Work) -> tuple[str, Failure | None]:
    return work.name, work.failure


def _unwritten(place: str, error: OSError) -> ZerosegError:
    if isinstance(error, ZerosegError):
        return error
    return OutputError(f"cannot write to '{place}': {error}")


def _summary(work: Work) -> Summary:
    if work.failure is not None:
        return Summary(0, (work.failure,), dict(work.seconds), work.usage)
    return Summary(1, (), dict(work.seconds), work.usage)


def _parquet(rows: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(rows, buffer, write_page_checksum=True)
    return buffer.getvalue()

"""Results of zeroseg to a format: one picture after the other, each alone in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from zeroseg.errors import OutputError, PackageNotFound, ZerosegError
from zeroseg.export.export_format import ExportFormat, Target, json_bytes
from zeroseg.export.formats import format_called
from zeroseg.export.originals import Originals
from zeroseg.export.regions import check_choice
from zeroseg.export.report import ExportReport
from zeroseg.export.results import Result, Results
from zeroseg.find_images import shown
from zeroseg.scale.archive import Folder
from zeroseg.scale.work import printable
from zeroseg.server_address import without_passwords
from zeroseg.values import Failure

CHECKED = 20
"""Pictures that are read again to measure the round trip."""


@dataclass(frozen=True)
class Export:
    """What is to be exported, and how.

    Args:
        results: Folder that `segment`, `test` or `batch` wrote, a path or URL.
        output: Folder to write to, a path or URL.
        format: One of `zeroseg.export.formats.FORMATS`.
        instances: What regions are: "detections" (their masks, where a run kept them),
            "components" (connected pixels of a thing's class, all pixels of a stuff's), "classes"
            (all pixels of a class), or "auto": the first where it is there, else the second.
        shapes: "masks" or "polygons", for formats that know both.
        holes: "cut" keeps holes of polygons by a double line, "fill" loses them.
        pictures: Folder of the pictures, where results do not tell.
        copy: Whether pictures are copied along; None for the format's own way.
        check: Pictures that are read again to measure the round trip.
        reviewed: Where a person went through results: "prefer" takes corrected ones and leaves out
            those that were rejected, "only-accepted" takes no others than accepted ones, "ignore"
            takes all as they were predicted.
    """

    results: str
    output: str
    format: str
    instances: str = "auto"
    shapes: str = "masks"
    holes: str = "cut"
    pictures: str | None = None
    copy: bool | None = None
    check: int = CHECKED
    reviewed: str = "prefer"


def export_results(
    results: str,
    output: str,
    format: str,
    *,
    instances: str = "auto",
    shapes: str = "masks",
    holes: str = "cut",
    pictures: str | None = None,
    copy: bool | None = None,
    check: int = CHECKED,
    reviewed: str = "prefer",
) -> ExportReport:
    """Write results in another format; see `Export` for the arguments.

    Returns:
        What came of it, which `export.json` in the folder holds, too.

    Raises:
        ZerosegError: There are no results or no such format, or a choice is none, or a package is
            not installed, or nothing can be written. A picture that fails, fails alone.

    Example:
        >>> from zeroseg import ZeroShotSegmenter
        >>> from zeroseg.export import export_results
        >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat"])
        >>> _ = segmenter.segment("picture.png").save("results/picture")
        >>> report = export_results("results", "coco", "coco")
        >>> report.written, report.failures
        (1, [])
    """
    options = (instances, shapes, holes, pictures, copy, check, reviewed)
    return Exporting(Export(results, output, format, *options)).run()


class Exporting:
    """An export on its way.

    Args:
        wanted: What is to be done.

    Attributes:
        total: Pictures that have a result.

    Raises:
        ZerosegError: See `export_results`.
    """

    def __init__(self, wanted: Export) -> None:
        self.wanted = wanted
        kind = format_called(wanted.format)
        check_choice(wanted.instances)
        self._results = Results(wanted.results, wanted.reviewed)
        self._folder = Folder(wanted.output)
        self._refuse_runs()
        vocabulary = self._results.vocabulary
        target = Target(self._folder, vocabulary, wanted.shapes, wanted.holes, wanted.copy)
        self._format: ExportFormat = kind(target)
        self._originals = Originals(wanted.pictures)
        self.total = len(self._results)

    def _refuse_runs(self) -> None:
        """Refuse a folder that holds the files of a run, which might be overwritten."""
        held = self._folder.read("run.json") is not None
        if held or self._folder.url.rstrip("/") == self.wanted.results.rstrip("/"):
            raise ZerosegError(
                f"'{shown(self.wanted.output)}' holds results; export to another folder"
            )

    def run(self, told: Callable[[str, Failure | None], None] | None = None) -> ExportReport:
        """Export everything.

        Args:
            told: Is told of every picture, and what went wrong with it.

        Raises:
            ZerosegError: Nothing more can be written.
        """
        options = ("instances", "shapes", "holes", "pictures", "copy", "reviewed")
        report = ExportReport(
            self.wanted.format,
            without_passwords(self.wanted.results),
            {option: getattr(self.wanted, option) for option in options},
        )
        with self._folder.alone():
            for result in self._results:
                failure = self._add(result, report)
                if told is not None:
                    told(printable(result.name), failure)
            self._finish(report)
        return report

    def _add(self, result: Result, report: ExportReport) -> Failure | None:
        """Export a picture; what went wrong with it."""
        try:
            self._write(result, report)
        except (OutputError, PackageNotFound):
            raise
        except (ZerosegError, OSError) as error:
            failure = Failure(printable(result.name), "exporting", without_passwords(str(error)))
            report.failures.append(failure)
            return failure
        return None

    def _write(self, result: Result, report: ExportReport) -> None:
        picture = self._results.read(result, self.wanted.instances)
        if picture is None:
            return
        source = self._originals.find(picture.name, picture.source)
        picture = replace(picture, source=source, number=report.written + 1)
        written = self._format.add(picture)
        report.written += 1
        report.regions[picture.origin] += len(picture.regions)
        if report.round_trip.pictures < self.wanted.check:
            report.round_trip.add(written, picture.size)

    def _finish(self, report: ExportReport) -> None:
        self._format.finish()
        self._format.write_yaml("vocabulary.yaml", self._results.vocabulary.to_dict())
        report.notes, report.lost = self._format.notes, self._results.lost
        report.corrected, report.left_out = self._results.corrected, self._results.left_out
        self._folder.write("export.json", json_bytes(report.to_dict(), indent=2) + b"\n")

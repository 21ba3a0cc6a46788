"""What came of an export: counts, what was lost, and the measured round trip."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from zeroseg.export.export_format import Written
from zeroseg.values import Failure


@dataclass
class RoundTrip:
    """How much of its regions is left when what was written is read again.

    Attributes:
        pictures: Pictures that were read again, the first ones of an export.
        regions: Their regions.
        exact: Those that came back pixel by pixel.
        total: Sum of all IoUs.
        worst: The smallest IoU; 1 where there is no region.
    """

    pictures: int = 0
    regions: int = 0
    exact: int = 0
    total: float = 0.0
    worst: float = 1.0

    def add(self, written: Written, size: tuple[int, int]) -> None:
        """Read a picture again.

        Args:
            written: What was written of it.
            size: Its height and width.
        """
        self.pictures += 1
        for region, mask in zip(written.wanted, written.back(), strict=True):
            whole = region.whole(size)
            iou = int((whole & mask).sum()) / int((whole | mask).sum())
            self.regions += 1
            self.exact += iou == 1
            self.total += iou
            self.worst = min(self.worst, iou)

    @property
    def mean(self) -> float:
        """Mean IoU over regions; NaN where there is none."""
        return self.total / self.regions if self.regions else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "pictures": self.pictures,
            "regions": self.regions,
            "exact": self.exact,
            "mean_iou": self.mean if self.regions else None,
            "worst_iou": self.worst if self.regions else None,
        }


@dataclass
class ExportReport:
    """What came of an export.

    Attributes:
        format: Name of the format.
        results: Where the results were read.
        options: What was chosen, by name.
        written: Pictures that were written.
        regions: Instances of these, by what they are.
        failures: Pictures whose result could not be read or written.
        lost: Pictures that had failed in the run itself.
        corrected: Pictures that were written as a person left them.
        left_out: Pictures that were left out for what a person said of them, by the reason.
        notes: What the format could not hold, and how often.
        round_trip: See `RoundTrip`.
    """

    format: str
    results: str
    options: dict[str, Any] = field(default_factory=dict)
    written: int = 0
    regions: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    lost: int = 0
    corrected: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    round_trip: RoundTrip = field(default_factory=RoundTrip)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "format": self.format,
            "results": self.results,
            "options": self.options,
            "written": self.written,
            "failed": {failure.name: failure.message for failure in self.failures},
            "failed_in_the_run": self.lost,
            "corrected": self.corrected,
            "left_out": dict(self.left_out),
            "regions": dict(self.regions),
            "notes": dict(self.notes),
            "round_trip": self.round_trip.to_dict(),
        }

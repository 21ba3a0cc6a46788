"""A row of the campaign's table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Row:
    """What became of the pictures that were worked at while faults of one kind were injected.

    Attributes:
        kind: Of the fault, such as "services: 429".
        injected: Faults that really took place.
        ok: Pictures that came to a result as if nothing had been.
        degraded: Pictures with a result, part of which was not to be had, with the reason.
        failed: Pictures without a result, with the reason.
        lost: Pictures of which nothing is said, or no reason. Must be 0.
        repeated: Pictures of which something is said more than once. Must be 0.
        differing: Pictures that ended otherwise than undisturbed, though the fault passes or though
            they are said to be ok. Must be 0.
        seconds: How long it took.
    """

    kind: str
    injected: int
    ok: int
    degraded: int
    failed: int
    lost: int
    repeated: int
    differing: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every picture ended as it may."""
        return not (self.lost or self.repeated or self.differing)


def markdown(rows: Sequence[Row]) -> str:
    """The table, with the sum of all rows."""
    heads = "kind, injected, pictures ok, degraded, failed, lost, repeated, differing, seconds"
    _, *columns = zip(*map(astuple, rows), strict=True)
    lines = [heads.split(", "), ["---"] * 9]
    for kind, *counts, seconds in [*map(astuple, rows), ("all", *map(sum, columns))]:
        lines.append([kind, *map(str, counts), f"{seconds:.1f}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

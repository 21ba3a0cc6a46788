"""A campaign of injected faults, and a table of what became of every picture.

    python -m benchmarks.faults all --seed 0 --out table.md
    python -m benchmarks.faults kills --count 6

Every picture has to end ok, degraded with the reason, or failed with the reason; none may be lost
or told of twice; where a fault passes, or a run is started again after it, all must be as in a run
that nothing disturbed, times and dates left out. The exit code is 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.faults.row import Row, markdown

COUNTS = {"services": 480, "disk": 160, "cache": 140, "files": 200, "kills": 60, "inputs": 5000}
"""Faults of each kind in the whole campaign."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"all, or of {', '.join(COUNTS)}")
    parser.add_argument("--count", type=int, metavar="N", help=f"faults of a kind; else {COUNTS}")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all dice; default 0")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there, too")
    arguments = parser.parse_args()
    kinds = list(COUNTS) if arguments.kinds in ([], ["all"]) else arguments.kinds
    if unknown := set(kinds) - set(COUNTS):
        parser.error(f"there is no kind {min(unknown)}; there are {', '.join(COUNTS)}")
    rows = campaign({kind: arguments.count or COUNTS[kind] for kind in kinds}, arguments.seed)
    table = markdown(rows)
    print(table, flush=True)
    if arguments.out is not None:
        arguments.out.write_text(table, encoding="utf-8")
    return 0 if all(row.holds for row in rows) else 1


def campaign(counts: dict[str, int], seed: int) -> list[Row]:
    """Inject so many faults of each kind, in a folder that is gone afterwards."""
    rows: list[Row] = []
    torch.set_num_threads(1)  # pictures of a few pixels gain nothing by more, which wait on others
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        for kind, count in counts.items():
            start = time.perf_counter()
            place = Path(folder) / kind
            place.mkdir()
            found = import_module(f"benchmarks.faults.{kind}").run(count, seed, place)
            seconds = f"{time.perf_counter() - start:.0f} s"
            print(f"{kind}: {seconds}\n{markdown(found)}", file=sys.stderr, flush=True)
            rows += found
    return rows


if __name__ == "__main__":
    sys.exit(main())

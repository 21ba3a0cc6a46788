"""How far the networks of transformers are from their authors' code with the same weights.

    python benchmarks/parity.py
    python benchmarks/parity.py --parts dino_t sam --json parity.json

At full size, with random weights, on pictures of noise. What is compared, and how, stands in
`parity_dino.py` and `parity_sam.py`. Needs the authors' packages: pip install "zeroseg[official]".
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from zeroseg.weights.official.grounding_dino_checkpoint import swin_b, swin_t

SHAPES = ((480, 640), (800, 1066))
PARTS = ("dino_t", "dino_b", "sam", "sam_hq")


def measure(part: str) -> list[tuple[str, float]]:
    """The largest differences that a part finds, by what was compared."""
    network, _, size = part.partition("_")
    module = importlib.import_module(".".join(filter(None, [__package__, f"parity_{network}"])))
    if network == "dino":
        name, config = ("Swin-T", swin_t()) if size == "t" else ("Swin-B", swin_b())
        return module.network_rows(name, config, SHAPES)
    function = module.sam_hq_rows if size == "hq" else module.sam_rows
    return function(module.VIT_B, SHAPES[:1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    table = Table("with the same weights", "largest difference")
    report = {part: dict(measure(part)) for part in args.parts}
    for figures in report.values():
        for what, value in figures.items():
            table.add_row(what, str(value) if isinstance(value, int) else f"{value:.1e}")
    Console(width=120).print(table)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

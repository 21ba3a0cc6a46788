"""The page of all models: what `zeroseg models` prints, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.cli.known_models import CheckpointRow, Row, rows
from zeroseg.cli.models import TITLES, cells

_PAGE = """\
# All models

What `zeroseg models` prints: first the presets, then the checkpoints they take. Parameters are
those of the networks, files what is fetched, memory the weights on a GPU; what runs beside them
takes more. Licences are those that model cards name, and "gated" means that they have to be
accepted on the hub first. A question mark stands for what is not known. `zeroseg models --json`
says where each was read, and `--licence permissive` shows what is under apache-2.0, mit or bsd
alone. [Models, presets and configuration](models.md) says what to take.

## Presets

{presets}

## Checkpoints

{checkpoints}
"""


def page() -> str:
    """The page as Markdown."""
    known = rows([])
    checkpoints = [row for row in known if isinstance(row, CheckpointRow)]
    presets = [row for row in known if not isinstance(row, CheckpointRow)]
    return _PAGE.format(
        presets=_table(presets, "made of"), checkpoints=_table(checkpoints, "trained on")
    )


def _table(shown: Sequence[Row], told: str) -> str:
    heads = [*TITLES[:-1], told]
    rules = [":---", "---:", "---:", "---:", ":---", ":---"]
    lines = [heads, rules, *(cells(row) for row in shown)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

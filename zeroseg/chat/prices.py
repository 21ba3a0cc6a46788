"""What tokens cost: a table that users can edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import yaml

PriceTable: TypeAlias = "str | Path | Mapping[str, Mapping[str, float]]"
"""A YAML file, or the same as a mapping: model -> {"input": dollars, "output": dollars}."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens.

    Attributes:
        input: Of what is sent, the prompt.
        output: Of what comes back, the completion.
    """

    input: float
    output: float

    def __post_init__(self) -> None:
        if self.input < 0 or self.output < 0:
            raise ValueError(f"a price is negative: {self}")

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What one answer costs in US dollars."""
        return (self.input * prompt_tokens + self.output * completion_tokens) / 1_000_000


def load_prices(table: PriceTable | None = None) -> dict[str, Price]:
    """The prices of the package, with those of `table` laid over them.

    Raises:
        ValueError: An entry of the table is not {input: number, output: number}.
    """
    shipped = (resources.files("zeroseg.chat") / "prices.yaml").read_text(encoding="utf-8")
    entries: dict[str, Any] = dict(yaml.safe_load(shipped))
    if isinstance(table, Mapping):
        entries.update(table)
    elif table is not None:
        entries.update(yaml.safe_load(Path(table).read_text(encoding="utf-8")) or {})
    return {str(model): _price(str(model), entry) for model, entry in entries.items()}


def _price(model: str, entry: Any) -> Price:
    try:
        return Price(**{side: float(dollars) for side, dollars in entry.items()})
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"the price of '{model}' is {entry!r}, expected {{input: dollars, output: dollars}} "
            f"per million tokens"
        ) from error

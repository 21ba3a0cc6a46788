"""What tokens cost, which models are asked by preference and which go away: an editable table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from zeroseg import yaml_text

PriceTable: TypeAlias = "str | Path | Mapping[str, Mapping[str, float | None] | None]"
"""A YAML file, or the same as a mapping: model -> {"input": dollars, "output": dollars}."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens.

    Attributes:
        input: Of what is sent, the prompt.
        output: Of what comes back, the completion and what was thought before it.
    """

    input: float
    output: float

    def __post_init__(self) -> None:
        if not (0 <= self.input < float("inf") and 0 <= self.output < float("inf")):
            raise ValueError(f"a price is negative or no number: {self}")

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What one answer costs in US dollars."""
        return (self.input * prompt_tokens + self.output * completion_tokens) / 1_000_000


def load_prices(table: PriceTable | None = None) -> dict[str, Price]:
    """The prices of the package, with those of `table` laid over them.

    Args:
        table: Models with their prices, or an edited copy of the package's file. A model without
            figures, or with null in their place, has no known price.

    Raises:
        ValueError: The table cannot be read, or an entry is not {input: number, output: number}.
    """
    entries: dict[str, Any] = dict(_shipped()["models"])
    if isinstance(table, Mapping):
        entries.update(_models(table, "the price table"))
    elif table is not None:
        entries.update(_models(_read(Path(table)), str(table)))
    prices = {str(model): _price(str(model), entry) for model, entry in entries.items()}
    return {model: price for model, price in prices.items() if price is not None}


def preferred_models() -> tuple[str, ...]:
    """Names of models, those first that are asked where nobody names one."""
    return tuple(_shipped()["preferred"])


def shutdown_dates() -> dict[str, date]:
    """When models of OpenAI stop taking requests, or did, as far as that is known."""
    entries = _shipped()["models"].items()
    return {model: entry["shutdown"] for model, entry in entries if "shutdown" in entry}


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    content: dict[str, Any] = yaml_text.packaged("zeroseg.chat", "prices.yaml")
    return content


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"cannot read the price table {path}: {error}") from error


def _models(content: Any, source: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise ValueError(f"{source} holds no prices: expected model: {{input: 1, output: 2}}")
    own = content.get("models")
    return own if isinstance(own, Mapping) and "checked" in content else content


def _price(model: str, entry: Any) -> Price | None:
    try:
        figures = {side: dollars for side, dollars in (entry or {}).items() if side != "shutdown"}
        if all(dollars is None for dollars in figures.values()):
            return None
        return Price(**{side: float(dollars) for side, dollars in figures.items()})
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"the price of '{model}' is {entry!r}, expected {{input: dollars, output: dollars}} "
            f"per million tokens"
        ) from error

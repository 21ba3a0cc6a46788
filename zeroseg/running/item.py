"""One image on its way through the stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Item:
    """What is known of one image so far.

    Attributes:
        values: By name, what stages gave.
        seconds: Time of each stage: this image's share of its batch.
        stage: Where it failed.
        error: What it failed with; None while it is well.
    """

    values: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str = ""
    error: Exception | None = None

    def fail(self, stage: str, error: Exception) -> None:
        """Give it up; the first reason stays."""
        if self.error is None:
            self.stage, self.error = stage, error

    @property
    def message(self) -> str:
        """What went wrong, with the kind of the error."""
        return f"{type(self.error).__name__}: {self.error}"

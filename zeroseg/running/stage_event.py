"""What is told of a walk while it is under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StageEvent:
    """A picture begins a stage, or has gone through it.

    Attributes:
        stage: The stage's name; two that are timed together share one.
        ended: Whether the stage is done with this picture.
        gives: Names of the values that the stage gives.
        values: All that is known of the picture now, by name, as stages gave it: tensors are on
            the device of the walk, and not to be written to.
        seconds: The picture's share of the stage's time so far, None before there is any.
        error: What the picture failed with; it begins no further stage then.
    """

    stage: str
    ended: bool
    gives: tuple[str, ...]
    values: Mapping[str, Any]
    seconds: float | None = None
    error: Exception | None = None

    @property
    def name(self) -> str:
        """The picture's, as its result will have it."""
        return str(self.values["name"])


OnStage = Callable[[StageEvent], None]
"""Is told every beginning and end of a stage, once a picture, in the thread that works the stage.

What it raises ends the call that it watches, and comes out of it as it is.
"""

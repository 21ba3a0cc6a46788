"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        topic: What kind of thing: "language model", "sight", "checkpoint", "licence", "package",
            "file", "disk", "memory".
        subject: Which one.
        state: "problem" where nothing can run, "warning" where it may not go well.
        says: What was found, and what to do where it is not "ok".
    """

    topic: str
    subject: str
    state: State
    says: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.says}"

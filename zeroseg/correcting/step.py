"""One thing that a person did to a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any, Literal, get_args

What = Literal["relabel", "delete", "add", "accept", "reject", "reopen"]
"""A region gets another class; it goes; one is added; or the whole result is judged."""

_NEEDED: Mapping[str, frozenset[str]] = {
    "relabel": frozenset({"region", "class_name"}),
    "delete": frozenset({"region"}),
    "add": frozenset({"class_name", "mask"}),
}


def now() -> str:
    """The time as files have it: ISO 8601, UTC, seconds."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Step:
    """One thing that was done.

    Attributes:
        what: Which.
        region: Number of the region that it was done to.
        class_name: The class that a region gets.
        mask: Run lengths of a region that is added.
        model: The component that made that mask; "" where a person did.
        prompt: What it was asked with: "box" and "points", see `zeroseg.masking.prompt.Prompt`.
        by: Who did it; "" for somebody without a name.
        when: The time, ISO 8601.

    Raises:
        ValueError: Something is missing, or is too much.
    """

    what: What
    region: int | None = None
    class_name: str | None = None
    mask: Mapping[str, Any] | None = None
    model: str = ""
    prompt: Mapping[str, Any] | None = None
    by: str = ""
    when: str = ""

    def __post_init__(self) -> None:
        if self.what not in get_args(What):
            raise ValueError(f"'{self.what}' is no step; there are {', '.join(get_args(What))}")
        for name in ("region", "class_name", "mask"):
            given, needed = getattr(self, name) is not None, name in self.needed
            if given != needed:
                said = "needs" if needed else "takes no"
                raise ValueError(f"the step '{self.what}' {said} {name}")

    @property
    def needed(self) -> frozenset[str]:
        """Attributes that this kind of step has."""
        return _NEEDED.get(self.what, frozenset())

    @property
    def person(self) -> str:
        """Who did it, as regions tell."""
        return f"person {self.by}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; what is not there is left out."""
        told = {("class" if key == "class_name" else key): v for key, v in asdict(self).items()}
        return {key: value for key, value in told.items() if value is not None and value != ""}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Step:
        """The step of `to_dict`.

        Raises:
            TypeError: It has other fields, or one is of another kind.
            ValueError: See the class.
        """
        fields = {("class_name" if key == "class" else key): own for key, own in told.items()}
        kinds = {"region": int, "mask": Mapping, "prompt": Mapping}
        for name, value in fields.items():
            if not isinstance(value, kinds.get(name, str)) or isinstance(value, bool):
                raise TypeError(f"the step's {name} is {value!r}")
        return cls(**fields)

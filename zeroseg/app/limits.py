"""How much the server takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request may cost; whatever is more is refused with a message.

    Attributes:
        megabytes: Of a request, picture and all; more is answered by 413.
        megapixels: Of a picture; more is answered by 413.
        requests: Pictures that are read, wait and are worked on at once; 429 for one more.
        seconds: From the first byte of a request to its answer; 504 afterwards.
        classes: In a list of classes; 422 for more.

    Raises:
        ValueError: One of them is not positive.
    """

    megabytes: float = 32
    megapixels: float = 50
    requests: int = 32
    seconds: float = 120
    classes: int = 1000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"the limit of {name} is {value}, it must be positive")

"""How much the server takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What requests and jobs may cost; whatever is more is refused with a message.

    Attributes:
        megabytes: Of a request, picture and all; more is answered by 413.
        megapixels: Of a picture; more is answered by 413.
        requests: Pictures that are read, wait and are worked on at once; 429 for one more.
        seconds: From the first byte of a request to its answer; 504 afterwards.
        classes: In a list of classes; 422 for more.
        jobs: That are kept, those that have ended too; 429 where as many are open.
        job_pictures: In a job; 422 for more.
        job_megabytes: Of all jobs' pictures and results; 429 where open ones leave no room.
        job_seconds: That a job is kept after its end.

    Raises:
        ValueError: One of them is not positive.
    """

    megabytes: float = 32
    megapixels: float = 50
    requests: int = 32
    seconds: float = 120
    classes: int = 1000
    jobs: int = 32
    job_pictures: int = 100
    job_megabytes: float = 256
    job_seconds: float = 600

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"the limit of {name} is {value}, it must be positive")

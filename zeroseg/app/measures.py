"""What is measured, in the text format that Prometheus reads."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from itertools import accumulate

_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Upper ends of the histogram of seconds."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the exposition format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/."""


class Measures:
    """Counts requests, seconds and batches; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds = [0] * (len(_BUCKETS) + 1)
        self._sum = 0.0
        self._batches = 0
        self._pictures = 0

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer.

        Args:
            route: Its path as the API names it, never what a client wrote.
            status: HTTP's.
            seconds: From the request to the end of the answer; only pictures' are in the histogram.
        """
        with self._lock:
            self._requests[route, status] += 1
            if route == "/v1/segment":
                self._seconds[bisect_left(_BUCKETS, seconds)] += 1
                self._sum += seconds

    def count_batch(self, pictures: int) -> None:
        """Count a batch that went through."""
        with self._lock:
            self._batches += 1
            self._pictures += pictures

    def text(self, waiting: int) -> str:
        """All of it.

        Args:
            waiting: Pictures that wait now.
        """
        with self._lock:
            lines = [
                *_head("zeroseg_requests_total", "counter", "Answers by route and status."),
                *(
                    f'zeroseg_requests_total{{route="{route}",status="{status}"}} {count}'
                    for (route, status), count in sorted(self._requests.items())
                ),
                *self._histogram("zeroseg_segment_seconds"),
                *_single("zeroseg_batches_total", "counter", "Batches.", self._batches),
                *_single("zeroseg_pictures_total", "counter", "Their pictures.", self._pictures),
                *_single("zeroseg_pictures_waiting", "gauge", "Pictures that wait.", waiting),
            ]
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str) -> list[str]:
        ends = [*map(str, _BUCKETS), "+Inf"]
        counts = list(accumulate(self._seconds))
        return [
            *_head(name, "histogram", "Seconds from a request for a picture to its answer."),
            *(f'{name}_bucket{{le="{end}"}} {n}' for end, n in zip(ends, counts, strict=True)),
            f"{name}_sum {self._sum:.6f}",
            f"{name}_count {counts[-1]}",
        ]


def _head(name: str, kind: str, help_: str) -> list[str]:
    return [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]


def _single(name: str, kind: str, help_: str, value: int) -> list[str]:
    return [*_head(name, kind, help_), f"{name} {value}"]

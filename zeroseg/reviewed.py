"""What a person made of a result, as files beside it tell: its review and its corrected map."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from zeroseg.decoding import decoded
from zeroseg.errors import ImageError, ZerosegError

State = Literal["open", "accepted", "rejected"]
"""What a person thinks of a result."""

STATES: tuple[State, ...] = get_args(State)

CHOICES = ("prefer", "only-accepted", "ignore")
"""Which results are taken: corrected ones where there are any, and none that was rejected; those
alone that were accepted; or all as they were predicted."""

FORMAT, VERSION = "zeroseg review", 1

REVIEW, CORRECTED = ".review.json", ".reviewed.png"


def review_files(mask: str) -> tuple[str, str]:
    """Names of the review of a label map's file, and of the corrected map.

    Example:
        >>> from zeroseg.reviewed import review_files
        >>> review_files("a/dog.mask.png")
        ('a/dog.review.json', 'a/dog.reviewed.png')
    """
    base = mask.removesuffix(".png").removesuffix(".mask")
    return base + REVIEW, base + CORRECTED


def fingerprint(ids: ArrayLike) -> str:
    """What tells a map (H, W) of file ids from every other."""
    numbers = np.asarray(ids)
    size = "x".join(map(str, numbers.shape))
    return hashlib.sha256(size.encode() + numbers.astype("<u2").tobytes()).hexdigest()[:32]


def check_reviewed(choice: str) -> None:
    """Raise a ZerosegError where results are chosen by another word than `CHOICES`."""
    if choice not in CHOICES:
        raise ZerosegError(f"reviewed is '{choice}'; choose one of {', '.join(CHOICES)}")


@dataclass(frozen=True)
class Reviewed:
    """What a review came to.

    Attributes:
        state: What the person thinks of the result.
        revision: How often it was saved.
        of: What regions of the prediction were, see `zeroseg.export.regions.Origin`.
        before: Fingerprint of the label map that was predicted.
        after: That of the corrected one.
        regions: Those of the corrected result, like the detections of a result's JSON; "made_by"
            tells whose the mask is, and "named_by" whose the class.
        content: All of the file.

    Raises:
        ImageError: A value is none.
    """

    state: State
    revision: int
    of: str
    before: str
    after: str
    regions: tuple[Mapping[str, Any], ...]
    content: Mapping[str, Any]

    @classmethod
    def read(cls, content: bytes, file: str) -> Reviewed:
        """What is in a file.

        Args:
            content: Of it.
            file: Its name, for messages.

        Raises:
            ImageError: It is of another program or of a later version, or it is damaged.
        """
        try:
            told = json.loads(decoded(content))
        except (ValueError, RecursionError) as error:
            raise ImageError(f"its '{file}' is damaged: {error}") from error
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ImageError(f"'{file}' is no review of zeroseg; move it elsewhere")
        if told.get("version") != VERSION:
            raise ImageError(f"'{file}' is of version {told.get('version')}; update zeroseg")
        try:
            return cls._read(told)
        except (LookupError, TypeError, ValueError) as error:
            raise ImageError(f"its '{file}' is damaged: {error!r}") from error

    @classmethod
    def _read(cls, told: Mapping[str, Any]) -> Reviewed:
        if told["state"] not in STATES:
            raise ValueError(f"{told['state']!r} is no state")
        before, regions = told["prediction"], told["regions"]
        if not all(isinstance(own, dict) for own in regions):
            raise TypeError("regions are objects")
        return cls(
            told["state"],
            int(told["revision"]),
            str(before["of"]),
            str(before["labels"]),
            str(told["labels"]),
            tuple(regions),
            told,
        )

    def check_before(self, found: str, file: str) -> None:
        """Look whether a predicted label map, by its fingerprint, is the one that was reviewed.

        Raises:
            ImageError: It is another one.
        """
        if found != self.before:
            raise ImageError(
                f"its prediction has changed since it was reviewed; move '{file}' elsewhere to "
                f"review it anew"
            )

    def check_after(self, found: str, file: str) -> None:
        """Look whether a corrected label map, by its fingerprint, is the one that was saved.

        Raises:
            ImageError: It is another one.
        """
        if found != self.after:
            raise ImageError(
                f"the corrected map beside '{file}' is another one than it tells of; open the "
                f"picture once at /review of zeroseg app, which writes it anew"
            )

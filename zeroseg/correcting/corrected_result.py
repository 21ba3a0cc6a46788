"""A prediction and what was done to it, and what comes of both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroseg import rle
from zeroseg.correcting.step import Step
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.export.label_maps import file_ids
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region, components
from zeroseg.reviewed import FORMAT, VERSION, Reviewed, State, fingerprint

_STATES: Mapping[str, State] = {"accept": "accepted", "reject": "rejected", "reopen": "open"}

MODEL = "model"
"""Who made what was predicted."""


@dataclass
class Corrected:
    """What comes of some steps.

    Attributes:
        labels: (H, W) int64 class indices.
        regions: By their numbers, which they keep; those of the best score last, then added ones.
        state: What the person thinks of it.
    """

    labels: NDArray[np.int64]
    regions: dict[int, Region]
    state: State = "open"


class Prediction(LabelledPicture):
    """What was predicted, and what tells it from every other prediction."""

    @cached_property
    def labels_print(self) -> str:
        """Fingerprint of the label map."""
        return fingerprint(file_ids(self))

    @cached_property
    def regions_print(self) -> str:
        """Fingerprint of the regions."""
        told = hashlib.sha256()
        for region in self.regions:
            told.update(repr((region.label, region.box)).encode())
            told.update(np.packbits(region.mask).tobytes())
        return told.hexdigest()[:32]


@dataclass(frozen=True)
class CorrectedResult:
    """A prediction and the steps of its review; nothing of it changes, every step makes another.

    Attributes:
        prediction: The label map and regions that were predicted.
        steps: All that was done, also what was undone and can be done again.
        done: How many of them count.
        revision: How often the review was saved.

    Example:
        >>> import numpy as np
        >>> from zeroseg import Vocabulary
        >>> from zeroseg.correcting import CorrectedResult, Step
        >>> from zeroseg.export import LabelledPicture
        >>> classes = Vocabulary.from_names(["dog", "cat"])
        >>> found = LabelledPicture("a", np.array([[1, 0]]), classes).with_regions([], "auto")
        >>> corrected = CorrectedResult.of(found).after(Step("relabel", 0, "cat"))
        >>> corrected.now.labels.tolist(), corrected.undone().now.labels.tolist()
        ([[2, 0]], [[1, 0]])
    """

    prediction: Prediction
    steps: tuple[Step, ...] = ()
    done: int = 0
    revision: int = 0

    @classmethod
    def of(cls, prediction: LabelledPicture) -> CorrectedResult:
        """The review of a prediction that begins.

        Classes that have pixels and no region, as those of dense scores, get regions here, too:
        connected pixels of a thing's class, all pixels of a stuff's.
        """
        known = {region.label for region in prediction.regions}
        more = components(prediction.labels, prediction.vocabulary, known)
        own = tuple(replace(region, made_by=MODEL) for region in (*prediction.regions, *more))
        return cls(Prediction(**vars(replace(prediction, regions=own))))

    @cached_property
    def now(self) -> Corrected:
        """What comes of the steps that count."""
        picture = self.prediction
        found = Corrected(picture.labels.copy(), dict(enumerate(picture.regions)))
        number = len(picture.regions)
        for step in self.steps[: self.done]:
            _take(found, step, picture, number)
            number += step.what == "add"
        return found

    def after(self, step: Step) -> CorrectedResult:
        """With one step more; what was undone is forgotten.

        Raises:
            ZerosegError: There is no such region or class, or its mask does not fit.
        """
        steps = (*self.steps[: self.done], step)
        made = replace(self, steps=steps, done=len(steps))
        _ = made.now
        return made

    def undone(self) -> CorrectedResult:
        """Without the last step that counts.

        Raises:
            ZerosegError: None does.
        """
        if not self.done:
            raise ZerosegError("there is nothing to undo")
        return replace(self, done=self.done - 1)

    def redone(self) -> CorrectedResult:
        """With the step that was undone last.

        Raises:
            ZerosegError: None was.
        """
        if self.done == len(self.steps):
            raise ZerosegError("there is nothing to do again")
        return replace(self, done=self.done + 1)

    def picture(self) -> LabelledPicture:
        """What comes of the steps, as a picture that can be exported."""
        regions = tuple(self.now.regions.values())
        return replace(self.prediction, labels=self.now.labels, regions=regions, origin="review")

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: steps, and what comes of them."""
        height, width = self.prediction.size
        return {
            "format": FORMAT,
            "version": VERSION,
            "revision": self.revision,
            "name": self.prediction.name,
            "size": {"height": height, "width": width},
            "state": self.now.state,
            "prediction": {
                "labels": self.prediction.labels_print,
                "regions": self.prediction.regions_print,
                "of": self.prediction.origin,
            },
            "labels": fingerprint(file_ids(self.picture())),
            "regions": [self.told(*own) for own in self.now.regions.items()],
            "done": self.done,
            "steps": [step.to_dict() for step in self.steps],
        }

    def told(self, number: int, region: Region) -> dict[str, Any]:
        """A region as it is written, like a detection of a result's JSON."""
        return {
            "number": number,
            "class": self.prediction.class_name(region),
            **({} if region.score is None else {"score": region.score}),
            "made_by": region.made_by,
            **({"named_by": region.named_by} if region.named_by else {}),
            "box_xyxy": list(region.box),
            "area": region.area,
            "segmentation": rle.encode_part(
                region.mask, region.left, region.top, self.prediction.size
            ),
        }

    def gone_on(self, review: Reviewed, file: str) -> CorrectedResult:
        """This review, which is about to begin, as far as it was taken in files.

        Args:
            review: What was saved.
            file: Its name, for messages.

        Raises:
            ImageError: It was of another prediction, or is damaged.
        """
        review.check_before(self.prediction.labels_print, file)
        try:
            if review.content["prediction"]["regions"] != self.prediction.regions_print:
                raise ImageError(
                    f"regions of its prediction have changed since it was reviewed; move '{file}' "
                    f"elsewhere to review it anew"
                )
            steps = tuple(map(Step.from_dict, review.content["steps"]))
            done = int(review.content["done"])
            if not 0 <= done <= len(steps):
                raise ValueError(f"{done} of {len(steps)} steps")
            whole = replace(self, steps=steps, done=len(steps), revision=review.revision)
            _ = whole.now
        except ImageError:
            raise
        except (LookupError, TypeError, ValueError, ZerosegError) as error:
            raise ImageError(f"its '{file}' is damaged: {error}") from error
        return whole if done == len(steps) else replace(whole, done=done)


def _take(found: Corrected, step: Step, picture: LabelledPicture, number: int) -> None:
    """Take one more step; a region that is added gets a number.

    Raises:
        ZerosegError: There is no such region or class, or the mask does not fit.
    """
    if step.what in _STATES:
        found.state = _STATES[step.what]
    elif step.what == "add":
        _add(found, step, picture, number)
    else:
        place = -1 if step.region is None else step.region
        if place not in found.regions:
            raise ZerosegError(f"there is no region {place}; it was deleted, or never there")
        if step.what == "delete":
            _delete(found, place, picture.vocabulary.background)
        else:
            _relabel(found, place, _label(step, picture), step.person)


def _relabel(found: Corrected, place: int, label: int, person: str) -> None:
    region = found.regions[place]
    part = found.labels[region.place]
    part[region.mask & (part == region.label)] = label
    found.regions[place] = replace(region, label=label, named_by=person)


def _add(found: Corrected, step: Step, picture: LabelledPicture, number: int) -> None:
    label = _label(step, picture)
    region = Region.of(rle.decode(step.mask or {}, picture.size), label)
    if region is None:
        raise ZerosegError("the region that is to be added holds no pixel")
    made_by = f"{MODEL} {step.model}" if step.model else step.person
    named_by = step.person if step.model else ""
    found.labels[region.place][region.mask] = label
    found.regions[number] = replace(region, made_by=made_by, named_by=named_by)


def _delete(found: Corrected, place: int, background: int) -> None:
    """Take a region out: its pixels go to the best one that lies below, or to the background."""
    region = found.regions.pop(place)
    part = found.labels[region.place]
    own = region.mask & (part == region.label)
    below = np.full(own.shape, background)
    for one in found.regions.values():
        covered = _seen_from(region, one)
        below[covered] = one.label
        if one.label == region.label:
            own &= ~covered
    part[own] = below[own]


def _seen_from(region: Region, other: Region) -> NDArray[np.bool_]:
    """Another region's mask, in the part of the picture that a region's covers."""
    seen = np.zeros_like(region.mask)
    x1, y1 = max(region.left, other.left), max(region.top, other.top)
    x2, y2 = (min(ends) for ends in zip(region.box[2:], other.box[2:], strict=True))
    if x1 < x2 and y1 < y2:
        there = other.mask[y1 - other.top : y2 - other.top, x1 - other.left : x2 - other.left]
        seen[y1 - region.top : y2 - region.top, x1 - region.left : x2 - region.left] = there
    return seen


def _label(step: Step, picture: LabelledPicture) -> int:
    """Index of a step's class; the background is none."""
    vocabulary, name = picture.vocabulary, step.class_name or ""
    if name not in vocabulary.names or vocabulary.names.index(name) == vocabulary.background:
        raise VocabularyError(f"'{name}' is none of the classes that can be named here")
    return vocabulary.names.index(name)

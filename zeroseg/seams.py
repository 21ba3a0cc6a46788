"""What components return, held against their contracts: one place, one kind of error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from zeroseg.errors import ComponentError
from zeroseg.refinement.reviewer import Review
from zeroseg.values import (
    DISTRACTOR,
    UNRESOLVED,
    Confidence,
    DenseScores,
    Detections,
    Masks,
    Resolution,
    Selection,
    Tag,
)
from zeroseg.vocabulary import Vocabulary


def check_tags(component: str, tags: Any) -> None:
    """Tags of an image: a sequence of `Tag`s.

    Raises:
        ComponentError: They are something else; so for all functions here.
    """
    several = isinstance(tags, Sequence) and not isinstance(tags, str)
    if not several or not all(isinstance(tag, Tag) for tag in tags):
        raise ComponentError(component, "a tuple of Tags for each image", _shown(tags))
    names = [tag.name for tag in tags]
    if len(set(names)) < len(names):
        raise ComponentError(component, "each tag of an image once", _shown(names))


def check_caption(component: str, caption: Any) -> None:
    """A caption: a text."""
    if not isinstance(caption, str):
        raise ComponentError(component, "a text for each image", _shown(caption))


def check_selection(component: str, selection: Any, vocabulary: Vocabulary) -> None:
    """A selection, within the vocabulary."""
    if not isinstance(selection, Selection):
        raise ComponentError(component, "a Selection for each image", _shown(selection))
    _check_labels(component, selection.labels, vocabulary)
    if vocabulary.background in selection.labels:
        name = vocabulary.names[vocabulary.background]
        raise ComponentError(component, "classes to look for", f"the background, '{name}'")


def check_verified(
    component: str, verified: Any, before: Selection, vocabulary: Vocabulary
) -> None:
    """A selection of nothing but what was selected before."""
    check_selection(component, verified, vocabulary)
    known = set(zip(before.prompts, before.labels, strict=True))
    added = [p for p in zip(verified.prompts, verified.labels, strict=True) if p not in known]
    if added:
        raise ComponentError(component, f"some of {list(before.prompts)}", f"also {added[0][0]!r}")


def check_dense(component: str, dense: Any, size: tuple[int, int], selection: Selection) -> None:
    """Dense scores of the prompts of an image of `size` (height, width)."""
    if not isinstance(dense, DenseScores):
        raise ComponentError(component, "DenseScores for each image", _shown(dense))
    if len(dense) != len(selection.prompts) or dense.labels != selection.labels:
        expected = f"a map for each of {list(selection.prompts)}"
        raise ComponentError(component, expected, f"{len(dense)} maps of labels {dense.labels}")
    if dense.geometry.size != size:
        expected = f"maps of the image's size {size}"
        raise ComponentError(component, expected, f"{dense.geometry.size}")
    for name, values in (("scores", dense.maps), ("presence", dense.presence)):
        if values is not None and not bool(((values >= 0) & (values <= 1)).all()):
            raise ComponentError(component, f"{name} in [0, 1]", _numbers(values))


def check_detections(
    component: str, found: Any, size: tuple[int, int], selection: Selection, vocabulary: Vocabulary
) -> None:
    """Detections in an image of `size` (height, width), in pixels and within it."""
    if not isinstance(found, Detections):
        raise ComponentError(component, "Detections for each image", _shown(found))
    _check_boxes(component, found.boxes, size)
    if not bool(((found.scores >= 0) & (found.scores <= 1)).all()):
        raise ComponentError(component, "scores in [0, 1]", _numbers(found.scores))
    _check_labels(component, found.labels.tolist(), vocabulary)
    prompts = found.prompt_index.tolist()
    if any(not UNRESOLVED <= prompt < len(selection.prompts) for prompt in prompts):
        expected = f"positions of the {len(selection.prompts)} prompts it was asked with"
        raise ComponentError(component, expected, f"prompts {sorted(set(prompts))}")
    if found.dense is not None:
        check_dense(component, found.dense, size, selection)


def check_resolution(component: str, answer: Any, count: int, vocabulary: Vocabulary) -> None:
    """The classes of `count` phrases."""
    if not isinstance(answer, Resolution):
        raise ComponentError(component, f"a Resolution of {count} phrases", _shown(answer))
    if len(answer.labels) != count:
        raise ComponentError(component, f"{count} labels", f"{len(answer.labels)}")
    _check_labels(component, answer.labels, vocabulary)


def check_review(component: str, review: Any, found: Detections, vocabulary: Vocabulary) -> None:
    """A review of detections: it takes away and renames, and finds nothing."""
    if wrong := wrong_in_review(review, found, vocabulary):
        raise ComponentError(component, *wrong)


def wrong_in_review(
    review: Any, found: Detections, vocabulary: Vocabulary
) -> tuple[str, str] | None:
    """What is expected of a review and what it is instead; None for a good one."""
    if not isinstance(review, Review):
        return "a Review for each image", _shown(review)
    if len(review.labels) != len(found):
        return f"{len(found)} labels, one a detection", f"{len(review.labels)}"
    for before, after in zip(found.labels.tolist(), review.labels, strict=True):
        named = before in vocabulary.classes
        if after != before and not (named and after in (UNRESOLVED, *vocabulary.classes)):
            expected = "each label as it was, another class for a class, or -1"
            return expected, f"{after!r} for {before}"
    return None


def check_encodings(component: str, batch: Any, count: int) -> None:
    """What a mask predictor knows of `count` images: tensors with a row for each, or None."""
    if batch is None:
        return
    expected = f"a tuple of tensors with {count} rows each, or None"
    if not isinstance(batch, tuple) or not all(isinstance(own, Tensor) for own in batch):
        raise ComponentError(component, expected, _shown(batch))
    if any(not own.ndim or len(own) != count for own in batch):
        raise ComponentError(component, expected, f"shapes {[tuple(own.shape) for own in batch]}")


def check_masks(component: str, masks: Any, count: int, size: tuple[int, int]) -> None:
    """The masks of `count` detections of an image of `size` (height, width)."""
    if not isinstance(masks, Masks):
        raise ComponentError(component, "Masks for each image", _shown(masks))
    if len(masks) != count:
        raise ComponentError(component, f"{count} masks, one a detection", f"{len(masks)}")
    if tuple(masks.size) != size:
        raise ComponentError(component, f"masks of the image's size {size}", f"{masks.size}")


def check_logits(component: str, masks: Mapping[int, Masks]) -> dict[int, ComponentError]:
    """Which of several images' masks are no logits; waits for the device once.

    Not finite, or all between 0 and 1 as probabilities are, by which every pixel would be inside.
    """
    there = {i: own.logits for i, own in masks.items() if own.logits.numel()}
    if not there:
        return {}
    bounds = torch.stack([torch.stack(logits.aminmax()).float() for logits in there.values()])
    wrong: dict[int, ComponentError] = {}
    for i, (low, high) in zip(there, bounds.cpu().tolist(), strict=True):
        if not (math.isfinite(low) and math.isfinite(high)):
            wrong[i] = ComponentError(component, "finite logits", "NaN or infinity")
        elif 0 < low < high <= 1:
            expected = "logits, below 0 outside a mask"
            got = f"numbers from {low:.4g} to {high:.4g}, as probabilities are"
            wrong[i] = ComponentError(component, expected, got)
    return wrong


def check_label_map(
    component: str, labels: Any, size: tuple[int, int], vocabulary: Vocabulary
) -> None:
    """A label map of an image of `size` (height, width)."""
    whole = isinstance(labels, Tensor) and not labels.is_floating_point()
    if not whole or labels.dtype == torch.bool or labels.is_complex():
        raise ComponentError(component, "whole numbers (height, width)", _shown(labels))
    if tuple(labels.shape) != size:
        raise ComponentError(component, f"a label map {size}", f"{tuple(labels.shape)}")
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or (high >= len(vocabulary) and not _known(labels, vocabulary)):
        expected = f"class indices 0..{len(vocabulary) - 1}"
        raise ComponentError(component, expected, f"labels from {low} to {high}")


def check_confidence(component: str, sure: Any, size: tuple[int, int]) -> None:
    """How sure the pixels of an image of `size` (height, width) are."""
    if not isinstance(sure, Confidence):
        raise ComponentError(component, "a Confidence for each image", _shown(sure))
    for name, values in (("probability", sure.probability), ("margin", sure.margin)):
        if values is None:
            continue
        if tuple(values.shape) != size:
            raise ComponentError(component, f"{name} {size}", f"{tuple(values.shape)}")
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise ComponentError(component, f"{name} in [0, 1]", _numbers(values))


def _known(labels: Tensor, vocabulary: Vocabulary) -> bool:
    return bool(((labels < len(vocabulary)) | (labels == vocabulary.ignore_index)).all())


def _check_labels(component: str, labels: Sequence[int], vocabulary: Vocabulary) -> None:
    lowest = DISTRACTOR if vocabulary.distractors else UNRESOLVED
    odd = {label for label in labels if not isinstance(label, Integral)}
    stray = odd or {label for label in labels if not lowest <= label < len(vocabulary)}
    if stray:
        expected = f"class indices 0..{len(vocabulary) - 1}, or {UNRESOLVED} for none"
        raise ComponentError(component, expected, f"labels {sorted(stray, key=str)}")


def _check_boxes(component: str, boxes: Tensor, size: tuple[int, int]) -> None:
    if not len(boxes):
        return
    height, width = size
    expected = f"boxes x1 < x2, y1 < y2 in pixels of an image of {width} x {height}"
    corners = boxes.detach().float().cpu()
    if not bool(corners.isfinite().all()):
        raise ComponentError(component, expected, _numbers(corners))
    if not bool((corners[:, 2:] > corners[:, :2]).all()):
        wrong = corners[(corners[:, 2:] <= corners[:, :2]).any(1)][0]
        raise ComponentError(component, expected, f"the box {_numbers(wrong)}")
    if float(corners.max()) <= 1:
        shares = f"boxes in shares of the image, such as {_numbers(corners[0])}"
        raise ComponentError(component, expected, shares)
    limits = torch.tensor([width, height, width, height]) + _SLACK
    if bool((corners < -_SLACK).any()) or bool((corners > limits).any()):
        outside = ((corners < -_SLACK) | (corners > limits)).any(1)
        raise ComponentError(component, expected, f"the box {_numbers(corners[outside][0])}")


_SLACK = 0.01
"""Pixels by which rounding may carry a box over the border."""


def _numbers(values: Tensor) -> str:
    return f"[{', '.join(f'{value:.4g}' for value in values.flatten()[:8].tolist())}]"


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)} {value.dtype}"
    text = " ".join(repr(value).split())
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"

"""Which classes were said to be in a picture, against which are: a multi-label problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from zeroseg.vocabulary import Vocabulary

Pair = tuple[Collection[int], Collection[int]]
"""The classes in a picture, and those said to be in it, as indices."""


def presence_scores(pairs: Iterable[Pair], vocabulary: Vocabulary) -> dict[str, Any]:
    """Precision, recall and F1 of the classes said to be present.

    The background is in no set: it is never looked for, and in nearly every picture.

    Args:
        pairs: For each image, the classes there and the classes predicted; the background and
            whatever is no class are left out of both.
        vocabulary: The classes.

    Returns:
        `precision`, `recall` and `f1` over all decisions, images times classes (micro);
        `image_f1`, the mean of the images' own F1, where an image without classes of which none
        was predicted counts as 1; `per_class`, for every class but the background, its
        `precision`, `recall` and `f1`. Precision is NaN where nothing was predicted, recall where
        nothing is there, F1 = 2 hits / (predicted + there) where neither.
    """
    classes = frozenset(vocabulary.classes)
    sets = [(classes & set(true), classes & set(said)) for true, said in pairs]
    hits = Counter(index for true, said in sets for index in true & said)
    predicted = Counter(index for _, said in sets for index in said)
    there = Counter(index for true, _ in sets for index in true)
    images = [_image_f1(true, said) for true, said in sets]
    return {
        **_scores(hits.total(), predicted.total(), there.total()),
        "image_f1": ratio(sum(images), len(images)),
        "per_class": {
            vocabulary.names[i]: _scores(hits[i], predicted[i], there[i])
            for i in vocabulary.classes
        },
    }


def _scores(hits: int, said: int, true: int) -> dict[str, float]:
    return {
        "precision": ratio(hits, said),
        "recall": ratio(hits, true),
        "f1": ratio(2 * hits, said + true),
    }


def _image_f1(true: frozenset[int], said: frozenset[int]) -> float:
    return ratio(2 * len(true & said), len(true) + len(said)) if true or said else 1.0


def ratio(part: float, whole: float) -> float:
    """A part of a whole; NaN where the whole is nothing."""
    return part / whole if whole else float("nan")

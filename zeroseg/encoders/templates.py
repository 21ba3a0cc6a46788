"""Sentences that words are read in, to be averaged (Radford et al., 2021, section 3.1.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SEVEN = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "none": ("{}",),
    "photo": ("a photo of a {}.",),
    "imagenet7": _SEVEN,
    "tcl9": (*_SEVEN, "a photo of many {}.", "a photo of {}s."),
}
"""Sets by name. "imagenet7": those of CLIP's 80 ImageNet templates that its authors found to do as
well as all (their notebook on prompts). "tcl9": with two more, as TCL (Cha et al., 2023) and the
authors of TIPSv2 take them for segmentation."""


def templates_of(given: str | Sequence[str]) -> tuple[str, ...]:
    """The templates of a known set, or one's own.

    Args:
        given: A key of `TEMPLATES`, one template, or several; "{}" stands for the word.

    Raises:
        ValueError: There are none, or one has no "{}".
    """
    chosen = TEMPLATES.get(given, (given,)) if isinstance(given, str) else tuple(given)
    wrong = [own for own in chosen if not isinstance(own, str) or "{}" not in own]
    if wrong or not chosen:
        raise ValueError(
            f"templates are {given!r}, expected one of {list(TEMPLATES)}, or sentences with {{}} "
            f"where the word goes"
        )
    return chosen

"""`--background`: by which rule pixels are left to the background."""

from __future__ import annotations

import copy
from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import Any

from zeroseg.errors import PresetError, ZerosegError

RULES = ("threshold", "margin", "distractors", "never")
_MEASURED = RULES[:2]
_FUSION = "zeroseg.fusion.things_and_stuff.ThingsAndStuff"

Rule = tuple[str, float | None]
"""A rule of `ThingsAndStuff`, and its threshold where one is given."""


def rule(text: str) -> Rule:
    """An option such as threshold=0.4, margin, distractors or never."""
    name, sign, number = text.partition("=")
    if name not in RULES or (sign and name not in _MEASURED):
        raise ArgumentTypeError(
            f"'{text}' is no rule; write threshold, threshold=0.4, margin, margin=0.4, "
            f"distractors or never"
        )
    try:
        threshold = float(number) if sign else None
    except ValueError:
        threshold = -1.0
    if threshold is not None and not 0 <= threshold <= 1:
        raise ArgumentTypeError(f"'{text}': the threshold is a number in 0..1")
    return name, threshold


def with_background(
    config: dict[str, Any], chosen: Rule, cut: float | None, words: Sequence[str] = ()
) -> dict[str, Any]:
    """A system's configuration with the rule in its fusion.

    Args:
        config: Arguments of the segmenter.
        chosen: The rule.
        cut: The threshold of published runs on the data set, for a rule that is given none.
        words: The distractors of the data set's vocabulary.

    Raises:
        PresetError: Its fusion has no such rules.
        ZerosegError: The rule needs a threshold or distractors, and nobody gives them.
    """
    name, threshold = chosen
    fusion = config.get("fusion")
    if not isinstance(fusion, dict) or fusion.get("class_path") != _FUSION:
        raise PresetError(
            f"--background {name}: the fusion of this system has no such rule; with a system that "
            f"has dense scores or scored masks, take ThingsAndStuff: "
            f"--set 'fusion={{class_path: {_FUSION}}}'"
        )
    if name in _MEASURED and threshold is None and cut is None:
        raise ZerosegError(
            f"--background {name}: there is no published threshold for this data set; write one, "
            f"as in --background {name}=0.4, or never where its background is not scored"
        )
    if name == "distractors" and not words:
        raise ZerosegError(
            "--background distractors: there are no words for the background; take a list that has "
            "some, such as --words sclip, or write `distractors` into the vocabulary"
        )
    changed = copy.deepcopy(config)
    given = changed["fusion"].get("init_args") or {}
    changed["fusion"]["init_args"] = {**given, "background": name}
    if name in _MEASURED:
        changed["fusion"]["init_args"]["threshold"] = cut if threshold is None else threshold
    return changed

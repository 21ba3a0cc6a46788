"""Whether a checkpoint was trained on the data set that it is scored on, where that is known.

What is known stands in `contamination.yaml`, each checkpoint with its source. A checkpoint is
judged by the worst of the sets it was trained on.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypedDict

from zeroseg import yaml_text

UNKNOWN: Final = "unknown"

_VERDICTS = ("yes", "partly", UNKNOWN, "no")
"""From the worst to the best."""

_TINY = "tiny:"
_DRAWN = "drawn"

FIRST_TRAINING_SEED = 1_000_000
"""Drawn scenes of this seed and above are for training, those below are held out."""


class Contamination(TypedDict):
    """What is known of one checkpoint and one data set.

    Attributes:
        trained_on: Names of the sets it was trained on; empty if that is not known.
        contamination: "yes": annotations of the data set were among them, of whatever split or
            kind. "partly": some of its pictures were, without its annotations. "no": neither.
            "unknown": it cannot be told.
        note: Why, and the source.
    """

    trained_on: list[str]
    contamination: str
    note: str


def contamination(checkpoint: str, data: str, seed: int | None = None) -> Contamination:
    """What is known about a checkpoint's training and a data set.

    Args:
        checkpoint: Hub name, "tiny:<model>", or a file whose last part is the official file name.
            Judged by that name alone, whatever the file holds.
        data: Title of the data set, e.g. "voc2012" or "drawn".
        seed: Of drawn scenes: the tiny family's answer depends on it.
    """
    if checkpoint.startswith(_TINY):
        return _tiny(data, seed)
    entry = _find(checkpoint)
    if entry is None:
        name = checkpoint or "this component"
        return Contamination(
            trained_on=[], contamination=UNKNOWN, note=f"the training of {name} is not on record"
        )
    notes: dict[str, list[str]] = {verdict: [] for verdict in _VERDICTS}
    for training_set in entry["trained_on"]:
        verdict, why = _relation(training_set, data)
        notes[verdict].append(_known()["training_sets"][training_set] + (f": {why}" if why else ""))
    worst = next(verdict for verdict in _VERDICTS if notes[verdict])
    parts = [f"{verdict}: {'; '.join(notes[verdict])}" for verdict in _VERDICTS if notes[verdict]]
    if "starts_from" in entry:
        parts.append(f"not judged: what it starts from ({entry['starts_from']})")
    return Contamination(
        trained_on=trained_on(checkpoint),
        contamination=worst,
        note=". ".join([*parts, f"source: {entry['source']}"]),
    )


def trained_on(checkpoint: str) -> list[str]:
    """Names of the sets that a checkpoint was trained on; empty if that is not known.

    Args:
        checkpoint: See `contamination`.
    """
    entry = {"trained_on": [_DRAWN]} if checkpoint.startswith(_TINY) else _find(checkpoint)
    return [_known()["training_sets"][name] for name in (entry or {"trained_on": []})["trained_on"]]


@cache
def _known() -> dict[str, Any]:
    content: dict[str, Any] = yaml_text.packaged("zeroseg.evaluation", "contamination.yaml")
    return content


def _find(checkpoint: str) -> dict[str, Any] | None:
    """The entry of a hub name, or of an official file name wherever the file lies."""
    file = checkpoint.replace("\\", "/").rpartition("/")[2]
    for entry in _known()["checkpoints"]:
        if checkpoint in entry["names"] or file in entry["names"]:
            found: dict[str, Any] = entry
            return found
    return None


def _relation(training_set: str, data: str) -> tuple[str, str]:
    """Verdict and reason for one training set."""
    for verdict, sets in _known()["data"].get(data, {}).items():
        if training_set in sets:
            return verdict, sets[training_set]
    return UNKNOWN, ""


def _tiny(data: str, seed: int | None) -> Contamination:
    if data != _DRAWN:
        verdict, why = _relation(_DRAWN, data)
    elif seed is None:
        verdict, why = UNKNOWN, "depends on the seed of the scenes, which is not given"
    elif seed < FIRST_TRAINING_SEED:
        verdict, why = "no", f"scenes of seed {seed} were held out; same drawn world, other scenes"
    else:
        verdict, why = "yes", f"seed {seed} is kept for training"
    note = ". ".join(part for part in (why, "source: cards of the tiny family") if part)
    sets = trained_on(_TINY)
    return Contamination(trained_on=sets, contamination=verdict, note=note)

"""What gives the scores of a system, in plain values that files hold and people read."""

from __future__ import annotations

import dataclasses
from pathlib import PurePath
from typing import Any, TypeAlias

from torch import nn
from transformers import PreTrainedModel

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.mask_proposer import MaskProposer

Source: TypeAlias = dict[str, Any]
"""Of a component its class, the checkpoints of its networks and its settings, by name."""

_PACE = ("batch_size", "chunk", "chunk_size", "kept_texts", "kept_words", "preview", "training")
"""What decides how scores are found, and not what they are."""
_UNKNOWN = object()


def source_of(part: nn.Module) -> Source:
    """A component in plain values; one within it is a mapping of its own.

    Two that give the same scores are equal, wherever their weights lie: of a checkpoint's name only
    the last part counts. Of a class that is not of this package only its name is told, and those of
    its networks: nobody knows what else of it is secret.
    """
    kind = type(part)
    found: Source = {"class": kind.__name__}
    for name, inner in part.named_children():
        if name.startswith("_"):
            continue
        if isinstance(inner, PreTrainedModel):
            found[name] = PurePath(inner.name_or_path).name
        elif isinstance(inner, DenseScorer | Detector | MaskPredictor | MaskProposer):
            found[name] = source_of(inner)
    if kind.__module__.partition(".")[0] == "zeroseg":
        own = {name: _plain(v) for name, v in vars(part).items() if not name.startswith("_")}
        found |= {name: v for name, v in own.items() if v is not _UNKNOWN and name not in _PACE}
    return found


def difference(stated: Any, found: Any, where: str) -> str:
    """Where two sources first differ, in words; empty where they are equal."""
    if not isinstance(stated, dict) or not isinstance(found, dict):
        return "" if stated == found else f"{where} was {_shown(stated)} and is {_shown(found)}"
    each = dict.fromkeys((*stated, *found))
    place = f"{where}." if where else ""
    said = (difference(stated.get(name), found.get(name), f"{place}{name}") for name in each)
    return next(filter(None, said), "")


def sources(
    detector: Detector, dense_scorer: DenseScorer | None, fusion: ThingsAndStuff
) -> dict[str, Source | None]:
    """Everything that scores of classes come from, by the names of a system's components.

    Of the fusion that is what it weighs; what it leaves to the background decides no score.
    """
    weighing = {name: getattr(fusion, name) for name in ("evidence", "presence", "verifier")}
    return {
        "detector": source_of(detector),
        "dense_scorer": None if dense_scorer is None else source_of(dense_scorer),
        "fusion": weighing,
    }


def _plain(value: Any) -> Any:
    """A value as YAML holds it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        parts = [_plain(part) for part in value]
        return _UNKNOWN if _UNKNOWN in parts else parts
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = {own.name: _plain(getattr(value, own.name)) for own in dataclasses.fields(value)}
        return _UNKNOWN if _UNKNOWN in held.values() else held
    return _UNKNOWN


def _shown(value: Any) -> str:
    return str(value["class"]) if isinstance(value, dict) and "class" in value else repr(value)

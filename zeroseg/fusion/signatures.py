"""Typical score vectors of classes, for one system and one list of words; and their file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from zeroseg import fields, yaml_text
from zeroseg.class_lists.values import shown
from zeroseg.decoding import decoded
from zeroseg.errors import CalibrationError
from zeroseg.fusion.score_source import Source, difference
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.checkpoints import locate
from zeroseg.writing import write_whole

FEWEST = 2000
"""Places of all pictures that a class has to win to be typical of anything (ActiveSAM)."""

_HEAD = """\
# Written by zeroseg calibrate --signatures, from pictures without labels. Of each class: the words
# that it was asked with, how many of the places it scored highest at, and the mean scores of all
# classes there (usual) and where it stood out (clear); what is not named scored less than 0.005.
# The numbers hold for this source of scores and this list of words: when something of either
# changes, calibrate again.
"""
_ADVICE = "run zeroseg calibrate --signatures with this one"
_LEAST = 0.005
_MOST = 20
"""Numbers of a signature that are kept, the largest; files have to stay readable."""


@dataclass(frozen=True)
class Signatures:
    """The signatures of K classes.

    Attributes:
        source: What gave the scores: "detector", "dense_scorer" and "fusion".
        pictures: How many they were found from.
        total: Places that were looked at.
        background: The share of places where nothing stands; None where no place is left to it.
        words: For each class by name, those that it was asked with; for the background the
            distractors.
        places: (K,) int64, how many each class scored highest at.
        usual: (K, K) float32, row k being the mean scores of all classes at those places.
        clear: (K, K) float32, the mean where class k stood out.
        fewest: Places that a class has to win for its signature to settle anything.
    """

    source: Mapping[str, Source | None]
    pictures: int
    total: int
    background: float | None
    words: Mapping[str, tuple[str, ...]]
    places: Tensor
    usual: Tensor
    clear: Tensor
    fewest: int = FEWEST

    @property
    def share(self) -> Tensor:
        """How often each class wins, (K,) float32."""
        return self.places.float() / max(self.total, 1)

    @property
    def known(self) -> Tensor:
        """Which classes won often enough to be typical of anything, (K,) bool."""
        return self.places >= self.fewest

    def require(self, vocabulary: Vocabulary) -> None:
        """Refuse another list of words.

        Raises:
            CalibrationError: It is another one; the message says in what.
        """
        asked = asked_words(vocabulary)
        if list(self.words) != list(asked):
            raise CalibrationError(
                f"the signatures are of the classes {_some(self.words)}, in this order, but the "
                f"list is {_some(asked)}; {_ADVICE}"
            )
        for name, words in asked.items():
            if self.words[name] != words:
                raise CalibrationError(
                    f"the signature of '{name}' is for the words {list(self.words[name])}, but it "
                    f"is asked with {list(words)}; {_ADVICE}"
                )

    def require_source(self, source: Mapping[str, Source | None]) -> None:
        """Refuse another source of scores.

        Raises:
            CalibrationError: It is another one; the message says in what.
        """
        if said := difference(dict(self.source), dict(source), ""):
            raise CalibrationError(f"the signatures are of another system: {said}; {_ADVICE}")

    def to(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`usual`, `clear`, `share` and `known` on a device."""
        held = (self.usual, self.clear, self.share, self.known)
        return tuple(own.to(device) for own in held)  # type: ignore[return-value]

    @classmethod
    def from_yaml(cls, path: str | Path) -> Signatures:
        """Read a file that `to_yaml` wrote.

        Raises:
            CalibrationError: It is missing, or is no such file; the message says where.
        """
        try:
            return _read(yaml_text.load(decoded(Path(locate(path)).read_bytes())))
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise CalibrationError(
                f"cannot read the signatures '{path}': {said}; zeroseg calibrate --signatures "
                f"writes such files"
            ) from error

    def to_yaml(self, path: str | Path) -> None:
        """Write a file that `from_yaml` reads back, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        names = list(self.words)
        rows = zip(names, self.places.tolist(), self.usual, self.clear, strict=True)
        content = {
            "source": dict(self.source),
            "pictures": self.pictures,
            "places": self.total,
            "background": self.background,
            "classes": {
                name: {
                    "words": list(self.words[name]),
                    "places": places,
                    "usual": _named(usual, names),
                    "clear": _named(clear, names),
                }
                for name, places, usual, clear in rows
            },
        }
        text = yaml.safe_dump(
            {"signatures": content}, sort_keys=False, allow_unicode=True, width=100
        )
        write_whole(Path(path), _HEAD + text)


def asked_words(vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """The words that each class is asked with, by name; the background's are the distractors."""
    pairs = enumerate(zip(vocabulary.names, vocabulary.prompts, vocabulary.words, strict=True))
    return {
        name: vocabulary.distractors if index == vocabulary.background else (prompt, *words)
        for index, (name, prompt, words) in pairs
    }


def as_written(rows: Tensor) -> Tensor:
    """Score vectors (K, K) as a file holds them: three decimals, and the largest numbers alone."""
    bound = rows.topk(min(_MOST, rows.shape[1]), dim=1).values[:, -1:]
    return torch.where(rows >= bound.clamp(min=_LEAST), (rows * 1000).round() / 1000, 0.0)


def _named(row: Tensor, names: Sequence[str]) -> dict[str, float]:
    """The numbers of a score vector that are not 0, the largest first."""
    ranked = sorted(zip(row.tolist(), names, strict=True), key=lambda own: -own[0])
    return {name: round(score, 3) for score, name in ranked if score > 0}


def _read(content: object) -> Signatures:
    """The signatures in a file's content.

    Raises:
        ValueError: It is something else.
    """
    keys = ("source", "pictures", "places", "background", "classes")
    own = fields.mapping(content, ("signatures",), "the file")["signatures"]
    own = fields.mapping(own, keys, "signatures")
    source = fields.mapping(own["source"], ("detector", "dense_scorer", "fusion"), "source")
    share, classes = own["background"], own["classes"]
    if not isinstance(classes, dict) or not classes:
        raise ValueError(f"signatures.classes: {shown(classes)} is no mapping from classes")
    entries = [
        fields.mapping(value, ("words", "places", "usual", "clear"), f"classes.{name}")
        for name, value in classes.items()
    ]
    places = [fields.count(e["places"], "signatures.classes: places") for e in entries]
    usual, clear = (_rows([e[kind] for e in entries], list(classes)) for kind in ("usual", "clear"))
    return Signatures(
        source,
        fields.count(own["pictures"], "signatures.pictures"),
        fields.count(own["places"], "signatures.places"),
        None if share is None else _share(share, "signatures.background"),
        {name: _words(e["words"], name) for name, e in zip(classes, entries, strict=True)},
        torch.tensor(places),
        usual,
        clear,
    )


def _words(value: object, name: str) -> tuple[str, ...]:
    fields.text(name, "signatures.classes: a name")
    return () if value == [] else fields.texts(value, f"signatures.classes.{name}.words")


def _rows(held: Sequence[Any], names: Sequence[str]) -> Tensor:
    """Score vectors by the names of classes, (K, K)."""
    rows = torch.zeros(len(names), len(names))
    place = {name: index for index, name in enumerate(names)}
    for row, scores in zip(rows, held, strict=True):
        if not isinstance(scores, dict) or not place.keys() >= scores.keys():
            raise ValueError(f"a signature is {shown(scores)}, expected scores of the classes")
        for name, score in scores.items():
            row[place[name]] = _share(score, f"the score of {name}")
    return rows


def _share(value: object, where: str) -> float:
    number = fields.number(value, where)
    if not 0 <= number <= 1:
        raise ValueError(f"{where}: {number} is not in [0, 1]")
    return number


def _some(names: Mapping[str, object]) -> str:
    first = ", ".join(list(names)[:4])
    return first if len(names) <= 4 else f"{first}, ... ({len(names)} in all)"

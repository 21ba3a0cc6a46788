"""Where a class begins to be there, for one encoder and one way of asking; and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

import yaml

from zeroseg import fields, yaml_text
from zeroseg.class_lists.values import shown
from zeroseg.decoding import decoded
from zeroseg.errors import CalibrationError
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.checkpoints import locate
from zeroseg.writing import write_whole

Basis = Literal["two groups", "others", "never", "always"]
"""What a threshold rests on: scores that fell into two groups; or the thresholds of the other
classes, by which the class is in some of the pictures, in none, or in all."""

_HEAD = """\
# Written by zeroseg calibrate, from pictures without labels. A class is there with the chance
# sigmoid((score - threshold) / width); its score is the largest cosine of a picture with its words.
# The numbers hold for this checkpoint, these templates and these words: when one of them changes,
# calibrate again.
"""


@dataclass(frozen=True)
class ClassThreshold:
    """When one class is there.

    Attributes:
        words: The words that it was asked with.
        threshold: The score at which it is as likely there as not.
        width: Over how much of the score the chance rises: to 0.73 one width above the threshold.
        there: In how many of the pictures it was more likely than not.
        basis: What the threshold rests on.
    """

    words: tuple[str, ...]
    threshold: float
    width: float
    there: int
    basis: Basis


@dataclass(frozen=True)
class PresenceThresholds:
    """The thresholds of classes.

    Attributes:
        checkpoint: The encoder.
        templates: The sentences that words were asked in.
        pictures: How many they were found from.
        classes: By name.
    """

    checkpoint: str
    templates: tuple[str, ...]
    pictures: int
    classes: Mapping[str, ClassThreshold]

    @classmethod
    def from_yaml(cls, path: str | Path) -> PresenceThresholds:
        """Read a file that `to_yaml` wrote.

        Args:
            path: The file; "tiny:clip/presence.yaml" is that of the embedded encoder.

        Raises:
            CalibrationError: It is missing, or is no such file; the message says where.
        """
        try:
            content = yaml_text.load(decoded(Path(locate(path)).read_bytes()))
            return _read(content)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise CalibrationError(
                f"cannot read the thresholds '{path}': {said}; zeroseg calibrate writes such files"
            ) from error

    def to_yaml(self, path: str | Path) -> None:
        """Write a file that `from_yaml` reads back, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        presence = {
            "checkpoint": self.checkpoint,
            "templates": list(self.templates),
            "pictures": self.pictures,
            "classes": {
                name: {**asdict(own), "words": list(own.words)}
                for name, own in self.classes.items()
            },
        }
        text = yaml.safe_dump(
            {"presence": presence}, sort_keys=False, allow_unicode=True, width=200
        )
        write_whole(Path(path), _HEAD + text)

    def of(self, vocabulary: Vocabulary) -> dict[int, ClassThreshold]:
        """The thresholds of a vocabulary's classes, by index.

        Raises:
            CalibrationError: There is none for a class, or it was asked with other words.
        """
        found = {}
        for index in vocabulary.classes:
            name, words = vocabulary.names[index], words_of(vocabulary, index)
            own = self.classes.get(name)
            if own is None:
                raise CalibrationError(
                    f"there is no threshold for '{name}'; run zeroseg calibrate with these classes"
                )
            if own.words != words:
                raise CalibrationError(
                    f"the threshold of '{name}' is for the words {list(own.words)}, but it is "
                    f"asked with {list(words)}; run zeroseg calibrate with these classes"
                )
            found[index] = own
        return found


def words_of(vocabulary: Vocabulary, index: int) -> tuple[str, ...]:
    """The words of a class that an encoder is asked with."""
    return (vocabulary.prompts[index], *vocabulary.words[index])


def _read(content: object) -> PresenceThresholds:
    """The thresholds in a file's content.

    Raises:
        ValueError: It is something else.
    """
    presence = fields.mapping(content, ("presence",), "the file")["presence"]
    own = fields.mapping(presence, ("checkpoint", "templates", "pictures", "classes"), "presence")
    classes = own["classes"]
    if not isinstance(classes, dict) or not classes:
        raise ValueError(f"presence.classes: {shown(classes)} is no mapping from classes")
    return PresenceThresholds(
        fields.text(own["checkpoint"], "presence.checkpoint"),
        fields.texts(own["templates"], "presence.templates"),
        fields.count(own["pictures"], "presence.pictures"),
        {
            fields.text(name, "presence.classes: a name"): _class(value, f"presence.classes.{name}")
            for name, value in classes.items()
        },
    )


def _class(value: object, where: str) -> ClassThreshold:
    own = fields.mapping(value, ("words", "threshold", "width", "there", "basis"), where)
    if own["basis"] not in get_args(Basis):
        expected = list(get_args(Basis))
        raise ValueError(f"{where}.basis: {shown(own['basis'])}, expected one of {expected}")
    width = fields.number(own["width"], f"{where}.width")
    if width <= 0:
        raise ValueError(f"{where}.width: {width} is not positive")
    return ClassThreshold(
        fields.texts(own["words"], f"{where}.words"),
        fields.number(own["threshold"], f"{where}.threshold"),
        width,
        fields.count(own["there"], f"{where}.there"),
        own["basis"],
    )

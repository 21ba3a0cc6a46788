"""Presence by an image-text encoder: a picture's nearness to the words of a class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPModel, SiglipModel, Tipsv2Model
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.encoders.image_text_encoder import WordVectors
from zeroseg.encoders.published import encoder_of, load_encoder
from zeroseg.encoders.templates import templates_of
from zeroseg.errors import CalibrationError
from zeroseg.refinement.calibrating import calibrated
from zeroseg.refinement.presence_thresholds import ClassThreshold, PresenceThresholds, words_of
from zeroseg.refinement.verifier import Verifier
from zeroseg.values import DISTRACTOR, Selection, check_images
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.needs import Checkpoint, Need, OwnFile


class EncoderOptions(TypedDict, total=False):
    """What `EncoderVerifier` takes beside its network; see there."""

    templates: str | Sequence[str]
    drop_below: float
    batch_size: int
    kept_words: int


class EncoderVerifier(Verifier):
    """Says how likely a class is in a picture, by an image-text encoder (CLIP, SigLIP 2, TIPSv2).

    The whole picture, squashed to the encoder's input, is one vector; a word is one, too (the mean
    of its sentences'). A class scores the largest cosine with one of its words, those of the
    vocabulary, whichever of them are selected. How high the score of a class that is there is
    differs from class to class and from one kind of picture to the next; so the thresholds come
    from pictures of the user's own kind, without labels: `zeroseg calibrate`. The chance that a
    class is there is then sigmoid((score - threshold) / width). Without thresholds nothing can be
    verified.

    All prompts of a class have its presence; distractors, and what has no class, have 1.

    One vector for a picture says little of what is small in it: an encoder misses more of those
    than a detector does. A lower `drop_below` drops fewer of them.

    Args:
        model: The network: `CLIPModel`, `SiglipModel` (SigLIP 2 of a fixed resolution is one, too)
            or `Tipsv2Model`.
        processor: What prepares pictures and words for it.
        checkpoint: What the network is called, which thresholds are held against: the last part of
            its name, so that a copy in a folder is the same.
        thresholds: Where each class begins to be there; None before they are found.
        templates: A set of `zeroseg.encoders.TEMPLATES`, or sentences of one's own, "{}" being the
            word.
        drop_below: Classes that are less likely there are no longer looked for. 0.5 by default; 0
            drops none, and leaves it to whoever reads `Selection.presence`, such as
            `ThingsAndStuff(verifier=True)`.
        batch_size: Pictures to a pass of the network.
        kept_words: Words whose vectors are kept for the images that follow; 0 for none.

    Raises:
        TypeError: The network is no image-text encoder that is known.
        CalibrationError: The thresholds are for another encoder or other templates.
        ValueError: The templates are unknown, or a number is not in its range.
    """

    def __init__(
        self,
        model: CLIPModel | SiglipModel | Tipsv2Model,
        processor: Any,
        checkpoint: str = "",
        thresholds: PresenceThresholds | None = None,
        *,
        templates: str | Sequence[str] = "photo",
        drop_below: float = 0.5,
        batch_size: int = 16,
        kept_words: int = 4096,
    ) -> None:
        super().__init__()
        self.model: Any = model.eval()
        self.encoder = encoder_of(model, processor)
        if not 0 <= drop_below <= 1:
            raise ValueError(f"drop_below is {drop_below}, expected a number in [0, 1]")
        for name, number, least in (("batch_size", batch_size, 1), ("kept_words", kept_words, 0)):
            if number < least:
                raise ValueError(f"{name} is {number}, expected at least {least}")
        self.checkpoint = checkpoint
        self.drop_below = drop_below
        self.batch_size = batch_size
        self._words = WordVectors(templates_of(templates), kept_words)
        if thresholds is not None:
            _require_same("checkpoint", *map(_last, (thresholds.checkpoint, checkpoint)))
            _require_same("templates", thresholds.templates, self._words.templates)
        self.thresholds = thresholds

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "google/siglip2-base-patch16-224",
        thresholds: str | Path | None = None,
        **options: Unpack[EncoderOptions],
    ) -> Self:
        """Load the network, its processor, and its thresholds.

        Args:
            checkpoint: Hub name or folder, of CLIP, SigLIP, SigLIP 2 of a fixed resolution, or
                TIPSv2.
            thresholds: A file of `zeroseg calibrate`, which itself needs none.
            options: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
            CalibrationError: The thresholds cannot be read, or are for something else.
        """
        found = None if thresholds is None else PresenceThresholds.from_yaml(thresholds)
        model, processor = load_encoder(checkpoint, cls.__name__)
        return cls(model, processor, str(checkpoint), found, **options)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))
        if arguments["thresholds"] is not None:
            yield OwnFile(str(arguments["thresholds"]), "zeroseg calibrate", "thresholds")

    def require(self, vocabulary: Vocabulary) -> None:
        """See `Verifier.require`.

        Raises:
            CalibrationError: There are no thresholds for these classes.
        """
        self._thresholds_of(vocabulary)

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Judge the prompts of each image; see `Verifier.forward`.

        Raises:
            CalibrationError: There are no thresholds for these classes.
            ValueError: An image is not (3, H, W) uint8, the numbers of images and selections
                differ, or a word is too long to be read.
        """
        check_images(images)
        if len(images) != len(selections):
            raise ValueError(f"{len(images)} images but {len(selections)} selections")
        thresholds = self._thresholds_of(vocabulary)
        asked = [i for i, selection in enumerate(selections) if selection.prompts]
        judged = list(selections)
        scores = self.scores([images[i] for i in asked], vocabulary).tolist()
        for i, own in zip(asked, scores, strict=True):
            of_class = dict(zip(vocabulary.classes, own, strict=True))
            judged[i] = self._judged(selections[i], of_class, thresholds)
        return judged

    @torch.no_grad()
    def scores(self, images: Sequence[Tensor], vocabulary: Vocabulary) -> Tensor:
        """How near pictures are to classes.

        Args:
            images: B tensors (3, H, W) uint8, RGB.
            vocabulary: The classes.

        Returns:
            (B, C) float32 on the CPU, cosines with the best word of every class but the background,
            in order.

        Raises:
            ValueError: A word is too long to be read.
        """
        words = {index: words_of(vocabulary, index) for index in vocabulary.classes}
        if not images:
            return torch.zeros(0, len(words))
        asked = [word for own in words.values() for word in own]
        known = self._words.encode(self.encoder, asked, self._words.at_once)
        texts = torch.stack([known[word] for word in asked])
        parts = [
            self.encoder.whole(images[start : start + self.batch_size])
            for start in range(0, len(images), self.batch_size)
        ]
        cosines = (torch.cat(parts) @ texts.T).cpu()
        shares = cosines.split([len(own) for own in words.values()], 1)
        return torch.stack([share.amax(1) for share in shares], 1)

    def calibrate(self, scores: Tensor, vocabulary: Vocabulary) -> PresenceThresholds:
        """Take thresholds from the scores of many pictures, as `zeroseg calibrate` does.

        Args:
            scores: (N, C), see `scores`.
            vocabulary: The classes.

        Raises:
            CalibrationError: There are too few pictures, or no class falls into two groups.
        """
        found = calibrated(scores, vocabulary, self.checkpoint, self._words.templates)
        self.thresholds = found
        return found

    def _thresholds_of(self, vocabulary: Vocabulary) -> dict[int, ClassThreshold]:
        if self.thresholds is None:
            raise CalibrationError(
                "EncoderVerifier has no thresholds; run zeroseg calibrate on some pictures of your "
                "own, and name the file that it writes as `thresholds`"
            )
        return self.thresholds.of(vocabulary)

    def _judged(
        self,
        selection: Selection,
        scores: Mapping[int, float],
        thresholds: Mapping[int, ClassThreshold],
    ) -> Selection:
        """One selection with presence, and without what is not there."""
        chance = {
            index: _sigmoid((scores[index] - own.threshold) / own.width)
            for index, own in thresholds.items()
        }
        presence = tuple(chance.get(label, 1.0) for label in selection.labels)
        there = [i for i, own in enumerate(presence) if own >= self.drop_below]
        if all(selection.labels[i] == DISTRACTOR for i in there):
            there = []  # they claim what is none of the classes: alone they mean nothing
        return replace(selection, presence=presence).keep(there)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def _require_same(what: str, found: object, own: object) -> None:
    if found != own:
        raise CalibrationError(
            f"the thresholds are for the {what} {found!r}, but EncoderVerifier has {own!r}; run "
            f"zeroseg calibrate with this one"
        )

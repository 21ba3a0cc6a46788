"""Classes that are confused in a known way: sheep and cow score together, and which one it is
shows in how much the other scores."""

from __future__ import annotations

import torch

from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.signatures import Signatures, asked_words
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "cow", "sheep", "sky"], words={"sky": ["clouds"]})
BACKGROUND, COW, SHEEP, SKY = range(4)
SOURCE = {"detector": {"class": "Sam3"}, "dense_scorer": None, "fusion": {"presence": "twice"}}


def scored(*rows: list[float], labels: tuple[int, ...] = (COW, SHEEP, SKY)) -> ClassScores:
    """Scores of as many places as each row has, in one line."""
    maps = torch.tensor(rows)[:, None]
    return ClassScores(labels, maps, torch.ones(len(rows)))


def kept(scores: ClassScores) -> ClassScores:
    """The same as a pool keeps them."""
    held = (scores.maps * 255).round().to(torch.uint8)
    return ClassScores(scores.labels, held, scores.presence)


def known(background: float | None = 0.3, vocabulary: Vocabulary = CLASSES) -> Signatures:
    """Where a cow wins a sheep scores as well; where a sheep does a cow does not."""
    usual = torch.zeros(4, 4)
    usual[COW, COW], usual[COW, SHEEP] = 0.8, 0.7
    usual[SHEEP, SHEEP] = 0.8
    usual[SKY, SKY] = 0.9
    places = torch.tensor([0, 30_000, 30_000, 10_000])
    words = asked_words(vocabulary)
    return Signatures(SOURCE, 50, 100_000, background, words, places, usual, usual.clone())

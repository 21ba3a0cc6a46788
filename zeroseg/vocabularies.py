"""Built-in vocabularies: names, file ids, colours and ignore values as published."""

from __future__ import annotations

from dataclasses import replace

from zeroseg.class_lists.built_in import COMPILED, file_of
from zeroseg.vocabulary import Vocabulary, as_words


def compiled(vocabulary: Vocabulary) -> Vocabulary | None:
    """A list of the package, or a part of one, with the added words that come along for it.

    Returns:
        The same classes; None where there are no such words, or it is no such list.
    """
    name = f"{vocabulary.name}{COMPILED}"
    if file_of(name) is None:
        return None
    added = Vocabulary.parse(name)
    known = all(added.find(vocabulary.names[index]) is not None for index in vocabulary.classes)
    return vocabulary.asked_like(added) if known else None


def by_name(vocabulary: Vocabulary) -> Vocabulary:
    """The same classes asked for by their names alone, as words, and by nothing else."""
    prompts = tuple(map(as_words, vocabulary.names))
    return replace(vocabulary, prompts=prompts, words=(), distractors=(), look_alikes=())


VOC2012 = Vocabulary.parse("voc2012")
"""PASCAL VOC 2012: background and 20 classes; 255 is void."""

DRAM = Vocabulary.parse("dram")
"""DRAM (Cohen et al. 2022): background and 11 classes under their VOC ids; 255 is ignored."""

CITYSCAPES = Vocabulary.parse("cityscapes")
"""Cityscapes: the 19 evaluated classes under their raw label ids, and unlabeled."""

COCO81 = Vocabulary.parse("coco81")
"""COCO-81: the 80 things under their published ids (1..90 with gaps), and unlabeled."""

ADE20K = Vocabulary.parse("ade20k")
"""ADE20K: the 150 classes of the scene parsing challenge of 2016 under their ids 1..150, each by
the first of its published names, and "other" (id 0), which the challenge does not score."""

DRAWN = Vocabulary.parse("drawn")
"""All things of the drawn world."""

DRAWN_ALL = Vocabulary.parse("drawn-all")
"""All things and all stuff of the drawn world; every pixel of a drawn scene is one of them."""

CONTEXT60 = Vocabulary.parse("context60")
"""PASCAL Context: background and the 59 commonest classes."""

COCO_STUFF = Vocabulary.parse("coco-stuff")
"""COCO-Stuff: 80 things and 91 kinds of stuff, and unlabeled, which no map holds."""

"""The first commands that people type ask for what is in the pictures."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT
from zeroseg.cli.main import parser
from zeroseg.data import DrawnScenes
from zeroseg.vocabulary import Vocabulary


@pytest.mark.parametrize("file", ["README.md", "zeroseg/cli/draw.py", "zeroseg/cli/segment.py"])
def test_every_drawn_picture_holds_a_class_that_is_asked_for(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    [draw, *_] = re.findall(r"^ *zeroseg (draw .*)$", text, re.MULTILINE)
    [labels, *_] = re.findall(
        r'^ *zeroseg segment \w+/images .*--labels "(.*?)"', text, re.MULTILINE
    )
    drawn = parser().parse_args(draw.split())
    vocabulary = Vocabulary.parse(labels)
    scenes = DrawnScenes(vocabulary, count=drawn.count, size=drawn.size, seed=drawn.seed)
    for sample in scenes.dataset:
        there = (sample.target != vocabulary.background) & (sample.target < len(vocabulary))
        assert there.float().mean() > 0.02, f"{sample.name} has none of: {labels}"

"""A demo of two scenes: one that is done by two systems, and one that fails."""

from __future__ import annotations

from pathlib import Path

import torch

from zeroseg import Segmentation, Vocabulary, plotting
from zeroseg.evaluation.report.content import Page
from zeroseg.evaluation.report.demo_page import DemoScene, DemoSystem, demo_page
from zeroseg.testing import blank
from zeroseg.values import Description, Exchange, Failure, Selection, Tag, Trace

PETS = Vocabulary.from_names(["background", "dog <b>", "cat", "boat"])


def scene(name: str = "drawn-0-00000") -> DemoScene:
    """The truth is a dog and a cat; one system sees a dog and a boat, the other fails."""
    truth, seen = torch.ones(24, 32, dtype=torch.int64), torch.ones(24, 32, dtype=torch.int64)
    truth[:, 20:], seen[:, 20:] = 2, 3
    image = blank(24, 32)
    exchange = Exchange("pre-refinement", "which of dog <b>?", "dog, boat")
    result = Segmentation(
        seen,
        PETS,
        image,
        name=name,
        description=Description((Tag("puppy", 0.9),), "a puppy <i>"),
        selection=Selection(prompts=("dog", "boat"), labels=(1, 3)),
        trace=Trace({"tags": 0.25, "masks": 0.5}, (exchange,)),
    )
    failure = Failure(name, "detection", "no <b> memory")
    return DemoScene(name, plotting.picture(image), truth, {"paper": result, "other": failure})


def page_of_a_demo(count: int = 2) -> Page:
    """The page of two scenes, of which the first is shown."""
    systems = {
        "paper": DemoSystem("the paper's <b>", 0.5, {"tags": 0.5, "masks": 1.0}),
        "other": DemoSystem("", None, {}),
    }
    return demo_page([scene()], count, systems, PETS, Path("a demo/pictures"), 12.34)

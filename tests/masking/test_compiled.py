from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.fx import GraphModule

from zeroseg import Sam, ZeroShotSegmenter
from zeroseg.data.drawn_scenes import SceneDataset
from zeroseg.testing import boxed, noise
from zeroseg.vocabularies import DRAWN


@pytest.fixture(autouse=True)
def _forget_what_was_compiled() -> None:
    torch.compiler.reset()


def traced(graphs: list[GraphModule]) -> Callable[..., Any]:
    """What takes a compiler's place: it remembers graphs, and runs them as they are."""

    def backend(graph: GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    return backend


def test_an_encoder_compiled_in_place_gives_the_same_label_maps() -> None:
    scenes = SceneDataset(DRAWN, 3, (96, 128), seed=7)
    graphs: list[GraphModule] = []
    batches = [[scenes.image(0), scenes.image(1)], [scenes.image(2)]]
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=DRAWN)
    expected = [result for batch in batches for result in segmenter.segment(batch)]
    segmenter.mask_predictor.model.vision_encoder.compile(backend=traced(graphs))
    found = [result for batch in batches for result in segmenter.segment(batch)]
    assert graphs
    for plain, compiled in zip(expected, found, strict=True):
        assert plain.areas
        assert torch.equal(compiled.label_map, plain.label_map)


def test_a_compiled_encoder_keeps_its_weights_names_and_travels() -> None:
    part = Sam.from_pretrained("tiny:sam")
    graphs: list[GraphModule] = []
    names = list(part.state_dict())
    [expected] = part([noise()], [boxed((5, 5, 50, 50))])
    part.model.vision_encoder.compile(backend=traced(graphs))
    assert list(part.state_dict()) == names
    for again in (part, copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
        [found] = again([noise()], [boxed((5, 5, 50, 50))])
        torch.testing.assert_close(found.logits, expected.logits, atol=1e-4, rtol=1e-4)
    assert graphs

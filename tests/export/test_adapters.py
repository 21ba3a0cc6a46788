"""Results in memory for supervision and FiftyOne, neither of which is needed for anything else."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import supervision
import torch

from tests.export.labelled_scenes import CLASSES, empty, holes, image
from zeroseg.errors import ZerosegError
from zeroseg.export import to_fiftyone, to_supervision
from zeroseg.segmentation import Segmentation

RESULT = Segmentation(torch.from_numpy(holes()), CLASSES, image(), "a.png")
NOTHING = Segmentation(torch.from_numpy(empty()), CLASSES, image(), "a.png")


def test_supervision_has_boxes_and_masks() -> None:
    found = to_supervision(RESULT)
    assert found.class_id.tolist() == [1, 2, 3]
    assert found.xyxy.tolist()[:2] == [[3, 2, 20, 16], [10, 9, 12, 11]]
    assert (found.mask == [holes() == label for label in (1, 2, 3)]).all()
    assert found.area.tolist()[0] == (holes() == 1).sum()
    assert found.confidence.tolist() == [1, 1, 1]
    boxes = supervision.mask_to_xyxy(found.mask)
    assert np.abs(boxes - found.xyxy).max() == 1  # its own boxes end on their last pixel
    assert len(to_supervision(NOTHING)) == 0


def test_newer_supervision_has_names_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Newer(supervision.Detections):
        data: dict[str, Any] = field(default_factory=dict)

    monkeypatch.setattr(supervision, "Detections", Newer)
    names = to_supervision(RESULT, "classes").data["class_name"]
    assert names.tolist() == ["dog", "traffic-light", "sky"]


def test_fiftyone_has_boxes_in_shares_and_masks_within(monkeypatch: pytest.MonkeyPatch) -> None:
    library = SimpleNamespace(Detection=SimpleNamespace, Detections=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "fiftyone", library)
    first = to_fiftyone(RESULT).detections[0]
    assert first.label == "dog" and first.confidence is None
    assert first.bounding_box == [3 / 30, 2 / 24, 17 / 30, 14 / 24]
    assert (first.mask == (holes() == 1)[2:16, 3:20]).all()


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(ZerosegError, match="pip install fiftyone"):
        to_fiftyone(RESULT)

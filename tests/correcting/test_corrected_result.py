"""What comes of a prediction and the steps of a person."""

from __future__ import annotations

import numpy as np
import pytest

from tests.correcting.corrected_scene import BOAT, CLASSES, DOG, OTHER, SIZE, box, scene
from zeroseg import rle
from zeroseg.correcting import CorrectedResult, Step
from zeroseg.errors import ZerosegError


@pytest.fixture
def begun() -> CorrectedResult:
    return CorrectedResult.of(scene())


def test_every_class_has_a_region_and_all_are_the_models(begun: CorrectedResult) -> None:
    regions = begun.now.regions
    names = [(place, CLASSES.names[own.label], own.score) for place, own in regions.items()]
    assert names == [(0, "boat", 0.5), (1, "dog", 0.6), (2, "dog", 0.9), (3, "sky", None)]
    assert {own.made_by for own in regions.values()} == {"model"}
    assert np.array_equal(begun.now.labels, scene().labels) and begun.now.state == "open"
    alone = CorrectedResult.of(scene().with_regions([], "components"))
    assert [own.label for own in alone.now.regions.values()] == [1, 2, 3]


def test_a_relabelled_region_takes_its_pixels_along(begun: CorrectedResult) -> None:
    after = begun.after(Step("relabel", 2, "sky", by="Ada"))
    expected = scene().labels
    expected[OTHER] = 3
    assert np.array_equal(after.now.labels, expected)
    own = after.now.regions[2]
    assert (own.label, own.made_by, own.named_by) == (3, "model", "person Ada")
    assert begun.now.regions[2].label == 1


def test_what_lies_below_a_deleted_region_is_seen_again(begun: CorrectedResult) -> None:
    after = begun.after(Step("delete", 1))
    expected = scene().labels
    expected[DOG & ~OTHER] = 2
    assert np.array_equal(after.now.labels, expected)
    bare = after.after(Step("delete", 2)).after(Step("delete", 0))
    assert set(np.unique(bare.now.labels)) == {0, 3} and list(bare.now.regions) == [3]
    assert not bare.now.labels[BOAT].any()


def test_an_added_region_lies_on_top_and_tells_who_made_it(begun: CorrectedResult) -> None:
    by_person = begun.after(box())
    own = by_person.now.regions[4]
    assert (own.made_by, own.named_by, own.area) == ("person", "", 6)
    assert (by_person.now.labels[10:, :3] == 2).all()
    prompt = {"box": [0, 10, 3, 12], "points": []}
    by_model = by_person.after(box("dog", model="Sam", prompt=prompt, by="Ada"))
    own = by_model.now.regions[5]
    assert (own.made_by, own.named_by) == ("model Sam", "person Ada")
    assert (by_model.now.labels[10:, :3] == 1).all()
    assert by_model.after(Step("delete", 5)).now.labels[10, 0] == 2


def test_steps_are_undone_and_done_again(begun: CorrectedResult) -> None:
    steps = (Step("delete", 1), Step("accept"), box(), Step("reject"))
    found = [begun]
    for step in steps:
        found.append(found[-1].after(step))
    assert [own.now.state for own in found] == ["open", "open", *["accepted"] * 2, "rejected"]
    back = found[-1]
    for earlier in reversed(found[:-1]):
        back = back.undone()
        assert np.array_equal(back.now.labels, earlier.now.labels)
        assert back.now.state == earlier.now.state and list(back.now.regions) == list(
            earlier.now.regions
        )
    with pytest.raises(ZerosegError, match="nothing to undo"):
        back.undone()
    again = back.redone().redone()
    assert np.array_equal(again.now.labels, found[2].now.labels)
    other = again.after(Step("reopen"))
    assert other.now.state == "open" and len(other.steps) == 3
    with pytest.raises(ZerosegError, match="nothing to do again"):
        other.redone()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("delete", 9), "no region 9"),
        (Step("relabel", -1, "dog"), "no region -1"),
        (Step("relabel", 0, "cat"), "'cat' is none of the classes"),
        (Step("relabel", 0, "background"), "'background' is none"),
        (Step("add", class_name="dog", mask=rle.encode(np.zeros(SIZE, bool))), "no pixel"),
        (Step("add", class_name="dog", mask=rle.encode(np.ones((3, 3), bool))), "picture is"),
        (Step("add", class_name="dog", mask={"counts": ""}), "0 pixels"),
    ],
)
def test_what_cannot_be_done_changes_nothing(begun: CorrectedResult, step: Step, said: str) -> None:
    with pytest.raises(ZerosegError, match=said):
        begun.after(step)
    assert np.array_equal(begun.now.labels, scene().labels)


def test_a_step_has_what_its_kind_needs_and_comes_back_from_json() -> None:
    for step in (box(by="Ada", when="now"), Step("relabel", 3, "dog"), Step("accept")):
        assert Step.from_dict(step.to_dict()) == step
    for wrong in ({"what": "delete"}, {"what": "accept", "region": 1}, {"what": "fly"}):
        with pytest.raises(ValueError, match="step"):
            Step.from_dict(wrong)
    for odd in ({"what": "delete", "region": "1"}, {"what": "delete", "region": True}, {"x": "y"}):
        with pytest.raises(TypeError):
            Step.from_dict(odd)

"""Thresholds and their file: found without labels, written, read back, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from tests.refinement.presence_parts import thresholds
from zeroseg import Vocabulary
from zeroseg.errors import CalibrationError
from zeroseg.refinement.calibrating import calibrated
from zeroseg.refinement.presence_thresholds import PresenceThresholds

CLASSES = Vocabulary.from_names(
    ["background", "dog", "boat", "sky", "road"], words={"dog": ["hound"]}
)


def seen(count: int = 300, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Scores of four classes: of a third of the pictures, of 6 in 100, of all, of none.

    Each class has a level of its own, as words have with CLIP.
    """
    dice = torch.Generator().manual_seed(seed)
    there = torch.rand(count, 4, generator=dice) < torch.tensor([0.33, 0.06, 1.0, 0.0])
    level = torch.tensor([0.18, 0.2, 0.19, 0.21])
    noise = 0.01 * torch.randn(count, 4, generator=dice)
    return level + 0.08 * there + noise, there


def test_thresholds_lie_between_the_groups() -> None:
    scores, there = seen()
    found = calibrated(scores, CLASSES, "an encoder", ("{}",))
    limits = torch.tensor([own.threshold for own in found.classes.values()])
    assert float(((scores > limits) == there).float().mean()) > 0.995
    assert [own.basis for own in found.classes.values()] == [
        "two groups", "two groups", "always", "never",
    ]  # fmt: skip
    counts = [own.there for own in found.classes.values()]
    assert counts == pytest.approx(there.sum(0).tolist(), abs=2)
    assert found.classes["dog"].words == ("dog", "hound")
    assert (found.checkpoint, found.templates, found.pictures) == ("an encoder", ("{}",), 300)


def test_groups_in_another_place_than_those_of_the_others_do_not_count() -> None:
    dice = torch.Generator().manual_seed(0)
    there = torch.rand(300, 4, generator=dice) < 0.2
    scores = 0.4 * there + 0.05 * torch.randn(300, 4, generator=dice)
    outdoors = torch.rand(300, generator=dice) < 0.7
    scores[:, 3] -= 0.8 * (~outdoors & ~there[:, 3])  # absent in two ways, which are farther apart
    found = calibrated(scores, CLASSES, "", ("{}",))
    assert [own.basis for own in found.classes.values()] == [*["two groups"] * 3, "others"]
    limits = torch.tensor([own.threshold for own in found.classes.values()])
    assert float(((scores > limits) == there).float().mean()) > 0.99


def test_order_of_pictures_changes_nothing() -> None:
    scores, _ = seen(100)
    assert calibrated(scores, CLASSES, "", ("{}",)) == calibrated(
        scores.flip(0), CLASSES, "", ("{}",)
    )


def test_too_few_pictures_and_scores_without_groups_are_refused() -> None:
    scores, _ = seen()
    with pytest.raises(CalibrationError, match=r"19 pictures are too few .* at least 20"):
        calibrated(scores[:19], CLASSES, "", ("{}",))
    with pytest.raises(CalibrationError, match="no class fall into two groups over these 50"):
        calibrated(torch.randn(50, 4, generator=torch.Generator().manual_seed(1)), CLASSES, "", ())


def test_a_file_is_read_back(tmp_path: Path) -> None:
    scores, _ = seen()
    found = calibrated(scores, CLASSES, "an encoder", ("a photo of a {}.", "{}"))
    found.to_yaml(tmp_path / "presence.yaml")
    text = (tmp_path / "presence.yaml").read_text()
    assert text.startswith("# Written by zeroseg calibrate")
    assert PresenceThresholds.from_yaml(tmp_path / "presence.yaml") == found


def changed(**entries: object) -> str:
    """A file with another entry of the class dog."""
    content = yaml.safe_load(PLAIN)
    content["presence"]["classes"]["dog"].update(entries)
    return yaml.safe_dump(content)


PLAIN = """
presence:
  checkpoint: x
  templates: ["{}"]
  pictures: 30
  classes:
    dog: {words: [dog], threshold: 0.2, width: 0.01, there: 3, basis: two groups}
"""

WRONG = {
    "no YAML": ("presence: [", "this is no YAML"),
    "nothing": ("", "the file: None, expected a mapping of presence"),
    "a list": ("- dog", "expected a mapping of presence"),
    "more": (PLAIN + "signatures: {}\n", "expected a mapping of presence"),
    "a key twice": (PLAIN + PLAIN, "stands there twice"),
    "less": (PLAIN.replace("  pictures: 30\n", ""), "presence: .* mapping of checkpoint, "),
    "no classes": (PLAIN.split("  classes")[0] + "  classes: {}\n", "no mapping from classes"),
    "no count": (PLAIN.replace("30", "-1"), "presence.pictures: -1 is not a whole number"),
    "no templates": (PLAIN.replace('["{}"]', "[]"), "presence.templates: .* not a list of texts"),
    "a name that is a number": (PLAIN.replace("dog:", "7:"), "a name: 7 is not text"),
    "no width": (changed(width=0), "classes.dog.width: 0.0 is not positive"),
    "no number": (changed(threshold="high"), "classes.dog.threshold: 'high' is not a number"),
    "not finite": (changed(threshold=float("nan")), "classes.dog.threshold: nan is not a number"),
    "truth": (changed(there=True), "classes.dog.there: True is not a whole number"),
    "no basis": (changed(basis="guess"), "classes.dog.basis: 'guess', expected one of"),
    "no words": (changed(words="dog"), "classes.dog.words: 'dog' is not a list of texts"),
    "a stray key": (changed(thershold=1), "classes.dog: .*, expected a mapping of words, "),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_of_something_else_is_refused(case: str, tmp_path: Path) -> None:
    text, message = WRONG[case]
    file = tmp_path / "presence.yaml"
    file.write_text(text)
    with pytest.raises(CalibrationError, match=f"presence.yaml': .*{message}"):
        PresenceThresholds.from_yaml(file)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CalibrationError, match=r"'gone.yaml': No such file.*zeroseg calibrate"):
        PresenceThresholds.from_yaml("gone.yaml")


def test_some_of_the_classes_may_be_asked_for() -> None:
    known = thresholds(CLASSES)
    assert list(known.of(Vocabulary.parse("boat, sky"))) == [1, 2]

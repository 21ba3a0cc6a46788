"""The result: what it shows, what it equals, and what its files give back."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.errors import ImageError, ZerosegError
from zeroseg.segmentation import Segmentation
from zeroseg.testing import BoxMasks, boxed, noise
from zeroseg.values import (
    DISTRACTOR,
    UNRESOLVED,
    Confidence,
    Description,
    Exchange,
    Selection,
    Tag,
    Trace,
    Usage,
)
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "<b>boat</b>"])


def result(name: str = "picture.png") -> Segmentation:
    """A dog on a boat, one box of no class and one of a distractor, with all that can be kept."""
    found = boxed(
        (0, 0, 20, 16), (10, 8, 48, 32), (4, 4, 9, 9), (1, 1, 3, 3), labels=[1, 2, -1, -2]
    )
    image = noise()
    [masks] = BoxMasks()([image], [found])
    labels = torch.zeros(32, 48, dtype=torch.int64)
    labels[8:, 10:], labels[:16, :20] = 2, 1
    asked = Exchange("pre-refinement", "Which?", "</pre><script>", usage=Usage(1, 9, 2, 0.25))
    return Segmentation(
        label_map=labels,
        vocabulary=CLASSES,
        image=image,
        name=name,
        description=Description((Tag("puppy", 0.75),), "a dog & a boat"),
        selection=Selection(("dog", "boat"), (1, 2), presence=(0.5, 0.25)),
        detections=found,
        masks=masks,
        confidence=Confidence(torch.rand(32, 48), torch.rand(32, 48), 0.625),
        trace=Trace({"tags": 0.5, "fusion": 0.25}, (asked,)),
    )


class Balanced(HTMLParser):
    """Notes every element, and that each is closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def test_a_notebook_shows_it_whole_and_escaped() -> None:
    page = result("<i>x.png")._repr_html_()
    read = Balanced()
    read.feed(page)
    assert read.open == []
    assert set(read.seen) <= {
        "div", "p", "b", "img", "table", "tr", "td", "th", "span", "details", "summary", "pre",
    }  # fmt: skip
    assert read.seen.count("b") == 1  # the title's own
    for said in (
        "<i>x.png, 48 x 32", "<b>boat</b>", "54.2%", "puppy 0.75", "a dog & a boat", "dog, boat",
        "0.75 (tags 0.50, fusion 0.25)", "calls 1", "0.2500 US dollars", "</pre><script>", "0.62",
    ):  # fmt: skip
        assert said in read.text
    assert not re.search(r"(?:src|href)=\"(?!data:image/jpeg;base64,)", page)


def test_a_large_picture_is_shown_small() -> None:
    labels = torch.zeros(900, 1200, dtype=torch.int64)
    labels[:300] = 1
    large = Segmentation(labels, CLASSES, torch.zeros(3, 900, 1200, dtype=torch.uint8))
    page = large._repr_html_()
    assert 'width="480" height="360"' in page
    assert len(page) < 20_000
    assert "dog" in page and "33.3%" in page


def test_its_repr_is_a_line() -> None:
    assert repr(result()) == ("<Segmentation 'picture.png': 48 x 32, <b>boat</b> 54.2%, dog 20.8%>")
    empty = replace(result(""), label_map=torch.zeros(32, 48, dtype=torch.int64))
    assert repr(empty) == "<Segmentation 48 x 32, nothing found>"


def test_it_is_equal_by_content_whatever_time_it_took() -> None:
    torch.manual_seed(0)
    one = result()
    torch.manual_seed(0)
    other = replace(result(), trace=Trace({"tags": 9.0}))
    assert one == other and hash(one) == hash(other)
    assert {one, other} == {one}
    assert one == copy.deepcopy(one)
    assert one != replace(other, name="another.png")
    assert one != replace(other, masks=None)
    assert one != "picture.png"
    before = hash(other)
    other.label_map[0, 0] = 2
    assert one != other
    assert hash(other) == before


def test_instances_are_detections_with_a_class_and_their_masks() -> None:
    found = result().instances()
    assert len(found) == 2
    assert [(own.class_name, own.label, own.area, own.phrase) for own in found] == [
        ("dog", 1, 20 * 16, "thing 0"),
        ("<b>boat</b>", 2, 38 * 24, "thing 1"),
    ]
    dog = found[0]
    assert dog.mask.dtype == torch.bool and dog.mask.shape == (32, 48)
    assert bool(dog.mask[:16, :20].all())
    assert dog.box.tolist() == [0, 0, 20, 16]
    assert found[-1] == found[:][1]
    assert dog == found[0] and dog != found[1]
    with pytest.raises(IndexError):
        found[2]
    with pytest.raises(ZerosegError, match="instances=True"):
        replace(result(), masks=None).instances()


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    one = result()
    files = one.save(tmp_path / "out")
    assert sorted(own.name for own in files.values()) == [
        "out.confidence.png", "out.json", "out.mask.png", "out.overlay.png",
    ]  # fmt: skip
    loaded = Segmentation.load(tmp_path / "out", image=one.image)
    assert loaded.trace == one.trace
    for name in ("label_map", "image", "vocabulary", "name", "description", "selection"):
        same = getattr(loaded, name), getattr(one, name)
        assert torch.equal(*same) if isinstance(same[0], torch.Tensor) else same[0] == same[1]
    found = loaded.detections
    assert found.labels.tolist() == [1, 2, UNRESOLVED, DISTRACTOR]
    torch.testing.assert_close(found.boxes, one.detections.boxes)
    torch.testing.assert_close(found.scores, one.detections.scores, atol=1e-4, rtol=0)
    assert loaded.masks is not None and one.masks is not None
    assert torch.equal(loaded.masks.full() > 0, one.masks.full() > 0)
    assert loaded.confidence is not None and one.confidence is not None
    assert loaded.confidence.score == 0.625 and loaded.confidence.margin is None
    difference = loaded.confidence.probability - one.confidence.probability
    assert float(difference.abs().max()) <= 0.5 / 255 + 1e-6
    again = loaded.save(tmp_path / "again")
    for kind in ("mask", "confidence", "json", "overlay"):
        assert again[kind].read_bytes() == files[kind].read_bytes()


def test_what_was_not_asked_for_is_not_written(tmp_path: Path) -> None:
    plain = replace(result(), masks=None, confidence=None)
    files = plain.save(tmp_path / "out")
    content = json.loads(files["json"].read_text())
    assert "confidence" not in files and "confidence" not in content
    assert all("segmentation" not in own for own in content["detections"])
    loaded = Segmentation.load(tmp_path, image=plain.image)
    assert loaded.masks is None and loaded.confidence is None
    whole = replace(plain, detections=boxed(), masks=BoxMasks()([plain.image], [boxed()])[0])
    whole.save(tmp_path / "none" / "x")
    assert len(Segmentation.load(tmp_path / "none", image=plain.image).instances()) == 0


def test_a_folder_gets_files_by_the_pictures_own_name(tmp_path: Path) -> None:
    (tmp_path / "there.d").mkdir()
    for name, base, file in (
        ("in/a.b.jpg", f"{tmp_path}/new/", "new/a.b.json"),
        ("in/x.png", tmp_path / "there.d", "there.d/x.json"),
        ("7", tmp_path / "there.d", "there.d/7.json"),
        ("v1.5", tmp_path / "there.d", "there.d/v1.5.json"),
        ("", f"{tmp_path}/new/", "new/result.json"),
        ("in/x.png", tmp_path / "plain", "plain.json"),
    ):
        assert result(name).save(base)["json"] == tmp_path / file
    beside = result().save_as(tmp_path / "there.d")["json"]
    assert beside == tmp_path / "there.d.json"


def test_the_picture_is_read_from_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = result("picture.png")
    Image.fromarray(one.image.permute(1, 2, 0).numpy()).save("picture.png")
    one.save("out/")
    for place in ("out", "out/picture", "out/picture.json"):
        assert torch.equal(Segmentation.load(place).image, one.image)
    Path("picture.png").unlink()
    with pytest.raises(ImageError, match="give it"):
        Segmentation.load("out")


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    one = result()
    with pytest.raises(ZerosegError, match="no result"):
        Segmentation.load(tmp_path / "gone")
    with pytest.raises(ZerosegError, match="holds no result"):
        Segmentation.load(tmp_path)
    one.save(tmp_path / "a")
    one.save(tmp_path / "b")
    with pytest.raises(ZerosegError, match="2 results; name one"):
        Segmentation.load(tmp_path)
    with pytest.raises(ImageError, match="the picture is"):
        Segmentation.load(tmp_path / "a", image=noise(40, 40))
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "b.mask.png")
    with pytest.raises(ImageError, match="expected"):
        Segmentation.load(tmp_path / "b", image=one.image)
    for text, says in (("{", "no JSON"), ("[]", "is no result"), ("", "no JSON")):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ZerosegError, match=says):
            Segmentation.load(tmp_path / "a", image=one.image)
    content = json.loads((tmp_path / "b.json").read_text())
    for key in ("prompts", "detections", "exchanges", "tags"):
        (tmp_path / "b.json").write_text(json.dumps({**content, key: [7]}))
        with pytest.raises(ZerosegError, match="damaged"):
            Segmentation.load(tmp_path / "b", image=one.image)

"""What is in pictures, without a list of classes: with stand-ins, and on drawn scenes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.test_segmenter import BreaksOn, build
from zeroseg.described_image import DescribedImage
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.drawn.world import CATEGORY_OF
from zeroseg.errors import ChatError, ImageError, VocabularyError, ZerosegError
from zeroseg.images import read_image
from zeroseg.refinement.lexical import LexicalMatcher
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.seen_things import things
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import ScriptedChat, ScriptedTagger, blank, noise
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

SCENES: list[Scene] = [draw_scene(11, number, (144, 144)) for number in range(2)]


@pytest.fixture(scope="module")
def tiny() -> ZeroShotSegmenter:
    return ZeroShotSegmenter.from_preset("tiny", batch_size=2)


def same(one: DescribedImage, other: DescribedImage) -> bool:
    """Words agree, and boxes up to noise."""
    torch.testing.assert_close(one.detections.boxes, other.detections.boxes, atol=0.05, rtol=1e-3)
    words = [(own.description.caption, own.detections.phrases) for own in (one, other)]
    tags = [[tag.name for tag in own.description.tags] for own in (one, other)]
    return words[0] == words[1] and tags[0] == tags[1]


def test_tags_caption_and_boxes_of_what_the_tags_name() -> None:
    segmenter = build(tagger=ScriptedTagger("puppy", "boats", "boat", "other"))
    seen = segmenter.describe(noise(40, 60))
    assert [tag.name for tag in seen.description.tags] == ["puppy", "boats", "boat", "other"]
    assert seen.description.caption == "a boat on the sea"
    assert seen.found == {"puppy": 1, "boat": 1}
    assert seen.detections.boxes.tolist() == [[0, 0, 30, 20], [30, 0, 60, 40]]
    assert seen.detections.labels.tolist() == [-1, 2]  # of the classes boat alone, by its name
    assert list(seen.trace.seconds) == ["tags", "caption", "pre-refinement", "detection"]
    assert torch.equal(seen.image, noise(40, 60))


def test_no_language_model_is_asked_and_no_mask_is_made() -> None:
    chat = ScriptedChat("dog")
    seen = build(pre_refiner=LLMPreRefiner(chat)).describe(blank())
    assert seen.found == {"puppy": 1}
    assert chat.asked == []


def test_captions_and_boxes_are_left_out_where_nobody_wants_them() -> None:
    segmenter = build()
    for captions in (False, True):
        for boxes in (False, True):
            seen = segmenter.describe(blank(), captions=captions, boxes=boxes)
            assert (seen.description.caption is not None) is captions
            assert seen.found == ({"puppy": 1} if boxes else {})
            assert ("detection" in seen.trace.seconds) is boxes


def test_a_captioner_alone_has_nothing_looked_for() -> None:
    seen = build(tagger=None).describe(blank())
    assert (seen.description.caption, seen.description.tags) == ("a boat on the sea", ())
    assert seen.found == {}


def test_a_system_that_names_nothing_says_what_to_do() -> None:
    none = build(tagger=None, captioner=None)
    for call in (none.describe, none.describe_stream):
        with pytest.raises(ZerosegError, match="give it a tagger"):
            call([blank()])
    with pytest.raises(ZerosegError, match="no tagger"):
        build(tagger=None).of_what_is_seen([])
    with pytest.raises(VocabularyError, match="no tag names anything"):
        build().of_what_is_seen([])


def test_pictures_of_every_kind_are_called_as_they_are_by_segment(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    Image.fromarray(SCENES[0].image).save(file)
    segmenter = build()
    one = segmenter.describe(file)
    assert (one.name, tuple(one.image.shape)) == (str(file), (3, 144, 144))
    several = segmenter.describe([file, SCENES[0].image, file.read_bytes(), Image.open(file)])
    assert [own.name for own in several] == [str(file), "1", "2", "3"]
    assert all(same(one, own) for own in several)
    assert segmenter.describe([]) == []


def test_what_fails_is_raised_or_fails_alone(tmp_path: Path) -> None:
    segmenter = build(tagger=BreaksOn(40, RuntimeError("the tagger broke")), batch_size=2)
    pictures = [blank(), blank(32, 40), tmp_path / "gone.png", blank()]
    with pytest.raises(ImageError, match=r"picture 2 of the list .*gone\.png"):
        segmenter.describe([blank(), blank(), tmp_path / "gone.png"])
    with pytest.raises(RuntimeError, match="the tagger broke"):
        segmenter.describe(blank(32, 40))
    told = list(segmenter.describe_stream(pictures))
    assert [isinstance(own, Failure) for own in told] == [False, True, True, False]
    stages = [own.stage for own in told if isinstance(own, Failure)]
    assert stages == ["tags", "reading"]
    assert [own.name for own in told] == ["0", "1", str(tmp_path / "gone.png"), "3"]
    with pytest.raises(ZerosegError, match=r"give \[picture\]"):
        next(segmenter.describe_stream("picture.png"))
    gone = build(tagger=BreaksOn(40, ChatError("the service is gone")))
    with pytest.raises(ChatError):
        list(gone.describe_stream(pictures))


def test_files_hold_what_was_seen(tmp_path: Path) -> None:
    seen = build().describe(blank(120, 160))
    files = seen.save(tmp_path / "new" / "x.y")
    assert {kind: file.name for kind, file in files.items()} == {
        "overlay": "x.y.overlay.png",
        "json": "x.y.json",
    }
    written = json.loads(files["json"].read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(seen.to_dict()))
    assert written["size"] == {"height": 120, "width": 160}
    assert written["found"] == {"puppy": 1}
    assert written["detections"] == [{"box_xyxy": [0, 0, 80, 60], "score": 0.9, "phrase": "puppy"}]
    overlay = Image.open(files["overlay"])
    assert overlay.width == 320 and overlay.height > 240  # enlarged, with a legend
    nothing = build(tagger=ScriptedTagger()).describe(blank(120, 160))
    assert nothing.plot().size == overlay.size


def test_scenes_are_described_alone_as_together(tiny: ZeroShotSegmenter) -> None:
    images: list[Tensor] = [read_image(scene.image) for scene in SCENES]
    together = tiny.describe(images)
    backwards = tiny.describe(images[::-1])[::-1]
    for image, one, other in zip(images, together, backwards, strict=True):
        assert same(one, other) and same(one, tiny.describe(image))
        assert set(one.detections.phrases) <= set(things(t.name for t in one.description.tags))
    assert all(own.found for own in together)


def kinds(scene: Scene) -> list[str]:
    """The class of the drawn world of each region."""
    return [CATEGORY_OF.get(region.name, region.name) for region in scene.regions]


def test_classes_of_what_is_seen_label_scenes_as_they_are(tiny: ZeroShotSegmenter) -> None:
    pictures = [scene.image for scene in SCENES]
    seen = tiny.describe(pictures, boxes=False)
    own = tiny.of_what_is_seen(one.description for one in seen)
    assert own.batch_size == tiny.batch_size and own.detector is tiny.detector
    matcher = LexicalMatcher(Vocabulary.parse("drawn-all"))
    right = []
    for scene, result in zip(SCENES, own.segment(pictures), strict=True):
        names = [matcher.match(name) for name in own.vocabulary.names]
        said = np.array([-1 if m is None else m.label for m in names])[result.label_map.numpy()]
        truth = np.array([matcher.vocabulary.index(kind) for kind in kinds(scene)])
        right.append(float((said == truth[scene.segments]).mean()))
    assert min(right) > 0.6, right

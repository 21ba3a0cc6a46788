"""Videos through whole systems: what is asked when, what lasts, and whether it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.video.video_parts import PETS, Colours, Square, colour_segmenter, film, picture
from zeroseg import ZeroShotSegmenter
from zeroseg.data.drawn_scenes import label_map
from zeroseg.drawn.motion import draw_clip
from zeroseg.errors import ComponentError, VideoError
from zeroseg.metrics import SegmentationScores, TemporalConsistency
from zeroseg.testing import BoxMasks, PropagationContract, ScriptedScorer, noise
from zeroseg.values import UNRESOLVED, Masks, Selection
from zeroseg.video.frames import Pictures
from zeroseg.video.propagation import Propagation
from zeroseg.video.redetection import Redetection
from zeroseg.video.seen import Seen
from zeroseg.video.walk import joined
from zeroseg.vocabularies import DRAWN


class TestRedetection(PropagationContract):
    def part(self) -> Propagation:
        return Redetection(_Everywhere(), BoxMasks())


class _Everywhere(Colours):
    """Finds a dog in the left half, and something that is no prompt in the right."""

    def _find(self, image: Tensor, selection: Selection) -> Any:
        from zeroseg.testing import boxed

        width, height = image.shape[2], image.shape[1]
        found = boxed((0, 0, width / 2, height), (width / 2, 0, width, height), labels=[1, -1])
        return found


def test_phrases_have_the_class_of_the_keyframe() -> None:
    contract = TestRedetection()
    image, seen = contract.keyframe()
    found = seen.detections
    seen = Seen(found, seen.masks, seen.selection)  # phrases "thing 0" of 1 and "thing 1" of 4
    [own] = contract.part()(image, seen, contract.vocabulary)([noise(48, 64)])
    assert own.detections.labels.tolist() == [1, 4]
    nothing = seen.select(torch.tensor([0]))
    [own] = contract.part()(image, nothing, contract.vocabulary)([noise(48, 64)])
    assert own.detections.labels.tolist() == [1, UNRESOLVED]


def walking(count: int, cat_from: int = 0) -> list[Tensor]:
    return [
        picture(
            Square("dog", 2 + i, 4),
            *([Square("cat", 40 - i, 28)] if i >= cat_from else []),
        )
        for i in range(count)
    ]


def test_recognition_is_asked_on_keyframes_alone() -> None:
    segmenter: Any = colour_segmenter(batch_size=3)
    results = list(segmenter.segment_video(walking(11), every=5, rate=10))
    assert [own.index for own in results] == list(range(11))
    assert [own.time for own in results] == pytest.approx([i / 10 for i in range(11)])
    assert [own.index for own in results if own.key] == [0, 5, 10]
    assert segmenter.tagger.count == 3 and len(segmenter.detector.asked) == 11
    assert all(own.tracks == (0, 1) for own in results)
    for own, image in zip(results, walking(11), strict=True):
        expected = segmenter.segment(image).label_map
        assert torch.equal(own.segmentation.label_map, expected)
        assert "tags" in own.segmentation.trace.seconds or not own.key


def test_what_appears_is_looked_for_from_the_next_keyframe_on() -> None:
    segmenter: Any = colour_segmenter()
    results = list(segmenter.segment_video(walking(8, cat_from=2), every=4))
    assert [len(own.tracks) for own in results] == [1] * 4 + [2] * 4
    assert segmenter.detector.asked[3:5] == [("dog",), ("dog", "cat")]


def test_what_recognition_overlooks_is_looked_for_on_while_it_lasts() -> None:
    segmenter: Any = colour_segmenter()
    tags = segmenter.tagger._names
    calls: list[int] = []

    def forgetful(image: Tensor) -> list[str]:
        calls.append(0)
        return [name for name in tags(image) if name == "dog" or len(calls) != 2]

    segmenter.tagger._names = forgetful
    results = list(segmenter.segment_video(walking(9), every=3))
    assert all(set(own.tracks) == {0, 1} for own in results)  # frame 3 stands between 2 and 4
    assert segmenter.detector.asked[3] == ("dog",)
    assert segmenter.detector.asked[4] == ("dog", "cat")


def test_after_a_cut_everybody_is_new() -> None:
    segmenter = colour_segmenter()
    light = [picture(Square("dog", 2, 4), ground=230) for _ in range(3)]
    results = list(segmenter.segment_video(walking(3) + light, every=9))
    assert [own.shot for own in results] == [0] * 3 + [1] * 3
    assert [own.tracks for own in results] == [(0, 1)] * 3 + [(2,)] * 3
    assert [own.key for own in results] == [True, False, False] * 2


def test_batches_and_sources_change_nothing(tmp_path: Path) -> None:
    frames = walking(7)
    maps = [
        torch.stack([own.segmentation.label_map for own in part.segment_video(frames, every=5)])
        for part in (colour_segmenter(1), colour_segmenter(4))
    ]
    assert torch.equal(*maps)
    [one] = colour_segmenter().segment_video(frames[:1])
    assert one.tracks == (0, 1)
    times = [own.time for own in colour_segmenter().segment_video(film(tmp_path / "a.mp4", frames))]
    assert times == pytest.approx([i / 10 for i in range(7)])


def test_dense_scores_are_carried_too() -> None:
    segmenter = ZeroShotSegmenter(
        PETS,
        colour_segmenter().pre_refiner,
        Colours(),
        BoxMasks(),
        tagger=colour_segmenter().tagger,
        dense_scorer=ScriptedScorer({"dog": (0, 0, 1, 1)}),
    )
    walk = segmenter.video_walk(every=4)
    seen = []
    fuse = segmenter.fusion.forward
    segmenter.fusion.forward = lambda *given: seen.append(len(given)) or fuse(*given)  # type: ignore[method-assign]
    assert len(list(walk.run(Pictures(walking(6))))) == 6
    assert seen == [4] * 6


def test_what_fails_is_raised_after_what_was_done() -> None:
    class Breaking(BoxMasks):
        def _fill(self, image: Tensor, found: Any) -> Masks:
            masks = super()._fill(image, found)
            return masks if int(image[0, 0, 0]) < 200 else masks.select(torch.tensor([0, 0, 0]))

    segmenter = colour_segmenter()
    segmenter.mask_predictor = Breaking()
    frames = [*walking(4), picture(Square("dog", 2, 4), ground=230)]
    came: list[int] = []
    with pytest.raises(ComponentError, match="Breaking"):
        came.extend(own.index for own in segmenter.segment_video(frames))
    assert came == [0, 1, 2]
    frames[-1] = picture(size=(40, 40))
    with pytest.raises(VideoError, match="frame 4"):
        came.extend(own.index for own in segmenter.segment_video(frames))
    assert came == [0, 1, 2, 0, 1, 2, 3]


@pytest.mark.parametrize("options", [{"every": 0}, {"scene_change": 0}])
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1 or more frames"):
        colour_segmenter().segment_video([], **options)


def test_what_either_looks_for_is_joined() -> None:
    one, other = Selection(("a", "b"), (1, 2)), Selection(("b", "c"), (2, 3))
    assert joined(one, other) == Selection(("a", "b", "c"), (1, 2, 3))
    known = [Selection(own.prompts, own.labels, presence=(0.5, 0.25)) for own in (one, other)]
    assert joined(*known).presence == (0.5, 0.25, 0.25)
    assert joined(known[0], other).presence is None


def test_a_scene_that_moves_is_steadier_than_frame_by_frame_and_no_worse() -> None:
    """By the tiny models, against the truth of every frame and the true motion."""
    clip = list(draw_clip(7, 1, 8, (96, 96)))
    images = [own.scene.image for own in clip]
    segmenter: Any = ZeroShotSegmenter.from_preset("tiny", captioner=None)
    segmenter.mask_predictor = segmenter.mask_predictor.with_points(None)
    ways: dict[str, list[Tensor]] = {
        "single": [own.label_map for own in segmenter.segment(images)],
        "video": [own.segmentation.label_map for own in segmenter.segment_video(images, every=4)],
    }
    miou, agreement = {}, {}
    for way, maps in ways.items():
        scores, steady = SegmentationScores(DRAWN), TemporalConsistency(len(DRAWN))
        for own, labels in zip(clip, maps, strict=True):
            scores.update(labels, label_map(own.scene, DRAWN))
        for own, before, now in zip(clip[1:], maps, maps[1:], strict=False):
            steady.update(before, now, torch.from_numpy(own.source), torch.from_numpy(own.seen))
        miou[way], agreement[way] = float(scores.compute()["miou"]), steady.agreement
    assert agreement["video"] >= agreement["single"] > 0.9
    assert miou["video"] >= miou["single"] > 0.3

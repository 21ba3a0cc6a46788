"""Components that look through windows: their contracts, and what windows see put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.fusion import Fusion, HighestScore, ThingsAndStuff
from zeroseg.masking import DetectorMasks, MaskPredictor, QueryCentres, Sam
from zeroseg.recognition import Tagger
from zeroseg.refinement.verifier import Verifier
from zeroseg.testing import (
    BoxMasks,
    DenseScorerContract,
    DetectorContract,
    FusionContract,
    MaskPredictorContract,
    TaggerContract,
    VerifierContract,
    blank,
    boxed,
    filled,
)
from zeroseg.tiling import (
    TiledDetector,
    TiledFusion,
    TiledMasks,
    TiledPredictor,
    TiledScorer,
    TiledTagger,
    TiledVerifier,
    Tiling,
    tiled,
    tiling_of,
)
from zeroseg.tiling.dense_canvas import DenseCanvas
from zeroseg.values import DenseScores, Detections, Geometry, Masks, Queries, Selection, Tag
from zeroseg.vocabulary import Vocabulary

TILING = Tiling(32, batch_size=3)
"""Cuts the pictures of the contracts, which have sides of 40 and 56 pixels."""
WORDS = Vocabulary.from_names(["background", "red", "green", "grey"])
COLORS = ((255, 0, 0), (0, 255, 0))


class Colors(Detector):
    """Finds everything red or green in one box and mask, and says of every place which it is."""

    gives_dense = True

    @property
    def side(self) -> int:
        return 64

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        return [self._find(image, own) for image, own in zip(images, selections, strict=True)]

    def _find(self, image: Tensor, selection: Selection) -> Detections:
        size = (image.shape[1], image.shape[2])
        frame = Geometry.squashed(size, 64)
        colors = [torch.tensor(COLORS[i % 2])[:, None, None] for i in range(len(selection.prompts))]
        maps = [(image == color).all(0) for color in colors]
        small = [_shrunk(own) for own in maps]
        found = [i for i, own in enumerate(maps) if own.any()]
        dense = torch.stack(small) if small else torch.zeros(0, 1, 1)
        presence = torch.tensor([float(own.any()) for own in maps])
        logits = [20 * small[i] - 10 for i in found]
        return Detections(
            boxes=torch.tensor([_box(maps[i]) for i in found]).view(-1, 4),
            scores=torch.full((len(found),), 0.75),
            labels=torch.tensor([selection.labels[i] for i in found], dtype=torch.int64),
            phrases=tuple(selection.prompts[i] for i in found),
            prompt_index=torch.tensor(found, dtype=torch.int64),
            masks=Masks(torch.stack(logits) if logits else torch.zeros(0, 1, 1), frame),
            dense=DenseScores(dense, selection.labels, frame, presence),
        )


def _shrunk(mask: Tensor) -> Tensor:
    mode = {"mode": "bilinear", "antialias": True, "align_corners": False}
    return torch.nn.functional.interpolate(mask[None, None].float(), (64, 64), **mode)[0, 0]  # type: ignore[arg-type]


def _box(mask: Tensor) -> list[float]:
    y, x = mask.nonzero().T
    return [float(v) for v in (x.min(), y.min(), x.max() + 1, y.max() + 1)]


class Greys(DenseScorer):
    """How bright every pixel is, whatever is asked."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        found = []
        for image, own in zip(images, selections, strict=True):
            maps = (image.float().mean(0) / 255).expand(len(own.prompts), -1, -1)
            frame = Geometry.itself((image.shape[1], image.shape[2]))
            found.append(DenseScores(maps, own.labels, frame))
        return found


class Brightest(Tagger):
    """The brightest value as a tag, and as its score."""

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        brightest = [int(image.max()) for image in images]
        return [(Tag("light", own / 255), Tag(f"up to {own}", 0.5)) for own in brightest]


class Reds(Verifier):
    """Keeps the first prompt where there is red."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection], vocabulary: Vocabulary
    ) -> list[Selection]:
        kept = []
        for image, own in zip(images, selections, strict=True):
            red = float((image[0] > 250).float().mean())
            one = own.keep([0] if own.prompts and red else [])
            kept.append(replace(one, presence=(red,) * len(one.prompts)))
        return kept


class TestDetector(DetectorContract):
    def part(self) -> Detector:
        return TiledDetector(Colors(), TILING)


class TestPredictor(MaskPredictorContract):
    def part(self) -> MaskPredictor:
        return TiledPredictor(BoxMasks(), TILING)


class TestScorer(DenseScorerContract):
    def part(self) -> DenseScorer:
        return TiledScorer(Greys(), TILING)


class TestTagger(TaggerContract):
    def part(self) -> Tagger:
        return TiledTagger(Brightest(), TILING)


class TestVerifier(VerifierContract):
    def part(self) -> Verifier:
        return TiledVerifier(Reds(), TILING)


class TestFusion(FusionContract):
    def part(self) -> Fusion:
        return TiledFusion(HighestScore())


class TestFusionOfBoth(FusionContract):
    def part(self) -> Fusion:
        return TiledFusion(ThingsAndStuff(threshold=0.3))


def painted(*boxes: tuple[int, int, int, int, int], size: tuple[int, int] = (300, 420)) -> Tensor:
    """A grey picture with boxes (x1, y1, x2, y2, colour)."""
    image = blank(*size)
    for x1, y1, x2, y2, color in boxes:
        image[:, y1:y2, x1:x2] = torch.tensor(COLORS[color], dtype=torch.uint8)[:, None, None]
    return image


ASKED = Selection(("red", "green"), (1, 2))


def test_what_borders_cut_is_one_and_what_is_seen_twice_is_found_once() -> None:
    # Across the borders of windows of 64 pixels; a bar longer than any; one all over the picture.
    image = painted((40, 30, 70, 60, 0), (10, 200, 400, 230, 1))
    [found] = TiledDetector(Colors(), Tiling(64))([image], [ASKED])
    assert found.labels.tolist() == [1, 2] or found.labels.tolist() == [2, 1]
    boxes = {int(label): box for label, box in zip(found.labels, found.boxes, strict=True)}
    assert torch.allclose(boxes[1], torch.tensor([40.0, 30, 70, 60]), atol=2)
    assert torch.allclose(boxes[2], torch.tensor([10.0, 200, 400, 230]), atol=2)


def test_masks_lie_where_they_were_seen_at_the_resolution_of_their_windows() -> None:
    image = painted((40, 30, 70, 60, 0), (10, 200, 400, 230, 1))
    [found] = TiledDetector(Colors(), Tiling(64))([image], [ASKED])
    assert isinstance(found.masks, TiledMasks)
    for label, full in zip(found.labels.tolist(), found.masks.full() > 0, strict=True):
        truth = (image == torch.tensor(COLORS[label - 1])[:, None, None]).all(0)
        assert float((full & truth).sum() / (full | truth).sum()) > 0.9
    one = found.select(torch.tensor([1]))
    assert one.masks is not None
    assert one.masks.full().equal(found.masks.full(slice(1, 2)))
    assert one.masks.size == (300, 420)


def test_a_picture_that_is_not_cut_is_left_to_the_component() -> None:
    image, inner = painted((5, 5, 20, 20, 0), size=(50, 60)), Colors()
    [plain], [own] = inner([image], [ASKED]), TiledDetector(inner, Tiling(64))([image], [ASKED])
    assert type(own.masks) is Masks
    assert own.boxes.equal(plain.boxes)
    assert own.masks.logits.equal(plain.masks.logits)  # type: ignore[union-attr]


def test_dense_scores_have_no_seams() -> None:
    ramp = torch.linspace(0, 255, 420).round().to(torch.uint8).expand(3, 300, 420).contiguous()
    [plain], [own] = (part([ramp], [ASKED]) for part in (Greys(), TiledScorer(Greys(), Tiling(64))))
    torch.testing.assert_close(own.full(), plain.full(), atol=0.01, rtol=0)
    steps = own.full()[0, 150].diff()
    assert float(steps.max()) < 0.02


def test_a_prompt_weighs_where_it_is_present() -> None:
    image = painted((40, 30, 70, 60, 0))
    [found] = TiledDetector(Colors(), Tiling(64))([image], [ASKED])
    dense = found.dense
    assert dense is not None
    assert dense.presence is not None
    assert dense.presence.tolist() == [1, 0]
    assert bool((dense.full()[1] == 0).all())
    assert float(dense.full()[0, 45, 55]) > 0.6


def test_parts_are_decided_as_the_whole_is(monkeypatch: pytest.MonkeyPatch) -> None:
    image = painted((40, 30, 70, 60, 0), (10, 200, 400, 230, 1), (60, 50, 100, 120, 1))
    [found] = TiledDetector(Colors(), Tiling(64))([image], [ASKED])
    monkeypatch.setattr("zeroseg.tiling.tiled_fusion.PART", 96)
    for fusion in (HighestScore(), ThingsAndStuff(background="threshold", threshold=0.3)):
        whole = fusion(found.masks, found, WORDS, found.dense)
        parts = TiledFusion(fusion)(found.masks, found, WORDS, found.dense)
        assert float((whole != parts).float().mean()) < 1e-4
        assert set(parts.unique().tolist()) == {0, 1, 2}


def test_boxes_are_segmented_in_the_smallest_window_that_holds_them() -> None:
    class Sizes(BoxMasks):
        seen: list[tuple[int, int]] = []  # noqa: RUF012

        def forward(self, images: Any, detections: Any, encodings: Any = None) -> list[Masks]:
            self.seen += [(image.shape[1], image.shape[2]) for image in images]
            return super().forward(images, detections, encodings)

    inner, boxes = Sizes(), ((50, 30, 62, 42), (300, 246, 320, 282), (10, 10, 400, 290))
    found = boxed(*boxes)
    [masks] = TiledPredictor(inner, Tiling(64))([blank(300, 420)], [found])
    assert inner.seen == [(64, 64), (64, 64), (300, 420)]
    truth = filled(torch.tensor(boxes).float(), (300, 420))
    assert float(((masks.full() > 0) == truth).float().mean()) > 0.999


def test_points_are_told_in_pixels_of_the_picture() -> None:
    sam = Sam.from_pretrained("tiny:sam")
    boxes = ((130, 130, 190, 190), (300, 250, 340, 290))
    [masks] = TiledPredictor(sam, Tiling(128))([blank(300, 420)], [boxed(*boxes)])
    assert masks.points is not None
    for box, xy in zip(boxes, masks.points.xy, strict=True):
        corners = torch.tensor(box).float()
        assert bool((xy >= corners[:2] - 1).all() and (xy <= corners[2:] + 1).all())
    kept = masks.select(torch.tensor([1]))
    assert kept.points is not None
    assert kept.points.xy.equal(masks.points.xy[1:])


def test_candidates_are_kept_for_points_where_something_was_found() -> None:
    class Considering(Colors):
        """Has a candidate in the middle of all it finds, and one in the corner of its picture."""

        def _find(self, image: Tensor, selection: Selection) -> Detections:
            found = super()._find(image, selection)
            boxes = torch.cat([found.boxes, torch.tensor([[0.0, 0, 2, 2]])])
            scores = torch.eye(3)[[*found.prompt_index.tolist(), 2]][:, : len(selection.prompts)]
            return replace(found, queries=Queries(boxes, scores), masks=None)

    image = painted((200, 150, 260, 190, 0), (300, 30, 340, 70, 1))
    [found] = TiledDetector(Considering(), Tiling(128))([image], [ASKED])
    assert found.queries is not None
    middles = found.queries.boxes.view(-1, 2, 2).mean(1)
    inside = [((middles >= box[:2]) & (middles < box[2:])).all(1) for box in found.boxes]
    assert bool((inside[0] | inside[1]).all())
    sam = Sam.from_pretrained("tiny:sam", point_sampler=QueryCentres(4))
    [masks] = TiledPredictor(sam, Tiling(128))([image], [found])
    assert masks.points is not None
    for box, xy, labels in zip(found.boxes, masks.points.xy, masks.points.labels, strict=True):
        shown = xy[labels == 1]
        assert len(shown) > 0
        assert bool(((shown >= box[:2] - 1) & (shown <= box[2:] + 1)).all())


def test_a_box_that_all_windows_cut_has_one_of_its_own() -> None:
    sizes: list[tuple[int, int]] = []

    class Sizes(BoxMasks):
        def forward(self, images: Any, detections: Any, encodings: Any = None) -> list[Masks]:
            sizes.extend((image.shape[1], image.shape[2]) for image in images)
            return super().forward(images, detections, encodings)

    box = (40, 40, 80, 80)
    [masks] = TiledPredictor(Sizes(), Tiling(64))([blank(300, 420)], [boxed(box)])
    assert sizes == [(64, 64)]
    assert (masks.full() > 0).equal(filled(torch.tensor([box]).float(), (300, 420)))


def test_tags_and_presence_are_those_of_the_window_where_they_are_surest() -> None:
    image = painted((300, 250, 310, 260, 0))
    [tags] = TiledTagger(Brightest(), Tiling(64))([image])
    assert tags[0] == Tag("light", 1.0)
    assert [tag.name for tag in tags[1:]] == ["up to 127", "up to 255"]
    [kept] = TiledVerifier(Reds(), Tiling(64))([image], [ASKED], WORDS)
    assert kept.prompts == ("red",)
    assert kept.presence is not None
    assert kept.presence[0] > 0.02  # 100 of 64 x 64 pixels, not of 300 x 420


def test_batches_may_hold_pictures_of_both_kinds() -> None:
    part = TiledDetector(Colors(), Tiling(64))
    images = [painted((5, 5, 20, 20, 0), size=(50, 60)), painted((40, 30, 70, 60, 0))]
    together = part(images, [ASKED, ASKED])
    for image, own in zip(images, together, strict=True):
        [alone] = part([image], [ASKED])
        assert alone.boxes.equal(own.boxes)
    mixed = DenseCanvas((300, 420), Tiling(64))
    assert mixed.size == (300, 420)


def test_how_pictures_are_cut_is_said_in_several_ways() -> None:
    assert tiling_of(None, Colors()) is None
    assert tiling_of(512, Colors()) == Tiling(512)
    assert tiling_of("auto", Colors()) == Tiling(64, above=128)
    assert tiling_of(Tiling(64), Colors()) == Tiling(64)
    with pytest.raises(ValueError, match="expected 'auto', a number of pixels, or None"):
        tiling_of("on", Colors())  # type: ignore[arg-type]


def test_auto_needs_a_detector_that_knows_what_it_sees() -> None:
    class Blind(Colors):
        side = None  # type: ignore[assignment]

    with pytest.raises(ValueError, match="Blind does not say how large a picture"):
        tiling_of("auto", Blind())


def test_what_sees_no_windows_stays_as_it_is() -> None:
    masks = DetectorMasks()
    assert tiled(masks, TILING) is masks
    assert tiled(None, TILING) is None
    assert isinstance(tiled(HighestScore(), TILING), TiledFusion)

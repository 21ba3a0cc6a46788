from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import NO_POINT, QueryCentres, SpreadPoints, TopLogits
from zeroseg.testing import PointSamplerContract, boxed
from zeroseg.values import Detections, Geometry, Masks, Queries


def at_full_size(logits: Tensor) -> Masks:
    size = (logits.shape[1], logits.shape[2])
    return Masks(logits, Geometry.itself(size))


def ramp(height: int = 6, width: int = 8) -> Tensor:
    """Logits that grow in raster order, from -20."""
    return torch.arange(height * width).view(1, height, width).float() - 20


class TestTopLogits(PointSamplerContract):
    def part(self) -> PointSampler:
        return TopLogits(5)

    def test_best_pixels_of_the_box_best_first(self) -> None:
        points = TopLogits(3)(boxed((1, 1, 4, 4)), at_full_size(ramp()))
        assert points.xy.tolist() == [[[3, 3], [2, 3], [1, 3]]]
        assert points.labels.tolist() == [[1, 1, 1]]

    def test_small_boxes_are_padded(self) -> None:
        points = TopLogits(4)(boxed((2, 2, 4, 3)), at_full_size(ramp()))
        assert points.labels.tolist() == [[1, 1, NO_POINT, NO_POINT]]
        assert points.xy[0, :2].tolist() == [[3, 2], [2, 2]]

    def test_ties_go_in_raster_order(self) -> None:
        logits = torch.zeros(1, 6, 8)
        logits[0, 4, 2] = 1
        points = TopLogits(4)(boxed((1, 1, 7, 6)), at_full_size(logits))
        assert points.xy.tolist() == [[[2, 4], [1, 1], [2, 1], [3, 1]]]

    def test_coordinates_are_those_of_the_image(self) -> None:
        logits = torch.full((1, 8, 8), -1.0)
        logits[0, 1, 6] = (
            5.0  # the frame is 32 x 32, the image 16 x 32 at the top of it, from 32 x 64
        )
        masks = Masks(logits, Geometry((32, 64), (16, 32), (32, 32)))
        [[xy]] = TopLogits(1)(boxed((0, 0, 64, 32)), masks).xy.tolist()
        assert abs(xy[0] - 52) <= 2
        assert abs(xy[1] - 12) <= 2

    def test_finds_the_top_of_the_full_size_logits(self) -> None:
        logits = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1))
        masks = Masks(logits, Geometry((203, 131), (64, 41), (64, 64)))
        found = boxed((10.5, 20, 90, 150), (0, 0, 131, 203), (100, 3.2, 130.9, 9))
        points = TopLogits(12)(found, masks)
        full = masks.full()
        y, x = torch.arange(203)[:, None] + 0.5, torch.arange(131)[None] + 0.5
        for i, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            inside = (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
            best = full[i].masked_fill(~inside, float("-inf")).flatten().topk(12).values
            px, py = points.xy[i].long().unbind(1)
            torch.testing.assert_close(full[i, py, px], best, atol=1e-5, rtol=1e-5)

    def test_many_boxes_equal_single_ones(self) -> None:
        logits = torch.randn(7, 96, 128, generator=torch.Generator().manual_seed(0))
        corners = [(3.0 * i, 5.0 * i, 3.0 * i + 40, 5.0 * i + 50) for i in range(7)]
        sampler = TopLogits(20)
        together = sampler(boxed(*corners), at_full_size(logits))
        for i, corner in enumerate(corners):
            alone = sampler(boxed(corner), at_full_size(logits[i : i + 1]))
            assert torch.equal(alone.xy[0], together.xy[i])
            x, y = together.xy[i].unbind(1)
            assert bool(((x + 0.5 > corner[0]) & (x + 0.5 < corner[2])).all())
            assert bool(((y + 0.5 > corner[1]) & (y + 0.5 < corner[3])).all())

    @pytest.mark.parametrize("pixels", [1, 5000, 2**30])
    def test_how_many_windows_go_together_changes_nothing(
        self, pixels: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Windows of all sizes, an empty one and one of a row among them, whatever the order."""
        generator = torch.Generator().manual_seed(4)
        logits = (torch.randn(6, 16, 16, generator=generator) * 4).round()  # ties
        masks = Masks(logits, Geometry((203, 131), (64, 41), (64, 64)))
        corners = [(0, 0, 131, 203), (5, 5, 5.2, 5.2), (9, 3, 80, 4.1), (100, 150, 131, 203)]
        found = boxed(*corners, (0, 0, 3, 3), (30, 40, 90, 190))
        full = masks.full()
        monkeypatch.setattr("zeroseg.masking.points.PIXELS", pixels)
        points = TopLogits(12)(found, masks)
        assert (points.labels == 1).sum(1).tolist() == [12, 0, 12, 12, 9, 12]
        for i, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            inside = torch.full((203, 131), float("-inf"))
            part = (slice(int(y1 + 0.5), int(y2 + 0.5)), slice(int(x1 + 0.5), int(x2 + 0.5)))
            inside[part] = full[i][part]
            real = points.labels[i] == 1
            x, y = points.xy[i, real].long().unbind(1)
            best = inside.flatten().topk(int(real.sum())).values
            torch.testing.assert_close(inside[y, x], best, atol=1e-5, rtol=1e-5)
            assert len(set(zip(x.tolist(), y.tolist(), strict=True))) == int(real.sum())

    def test_zero_points_are_refused(self) -> None:
        with pytest.raises(ValueError, match="use no sampler"):
            TopLogits(0)


class TestSpreadPoints(PointSamplerContract):
    def part(self) -> PointSampler:
        return SpreadPoints(5)

    def test_starts_at_the_top_and_goes_far(self) -> None:
        logits = torch.full((1, 9, 9), 4.0)
        logits[0, 4, 4] = 5.0
        points = SpreadPoints(5)(boxed((1, 1, 8, 8)), at_full_size(logits))
        assert points.xy[0, 0].tolist() == [4, 4]
        assert sorted(points.xy[0, 1:].tolist()) == [[1, 1], [1, 7], [7, 1], [7, 7]]

    def test_stays_where_the_mask_is_sure(self) -> None:
        logits = torch.full((1, 9, 9), 0.5)
        logits[0, 2:4, 2:4] = 3.0
        points = SpreadPoints(6)(boxed((0, 0, 9, 9)), at_full_size(logits))
        assert points.labels[0].tolist() == [1, 1, 1, 1, NO_POINT, NO_POINT]
        assert bool(((points.xy[0, :4] >= 2) & (points.xy[0, :4] < 4)).all())

    def test_a_mask_without_positive_logits_gives_one_point(self) -> None:
        points = SpreadPoints(3)(boxed((0, 0, 8, 6)), at_full_size(ramp() - 100))
        assert points.xy[0, 0].tolist() == [7, 5]
        assert points.labels[0].tolist() == [1, NO_POINT, NO_POINT]


def with_queries(found: Detections) -> Detections:
    centres = torch.tensor([[5.0, 5.0], [30.0, 20.0], [8.0, 9.0], [12.0, 6.0], [33.0, 25.0]])
    scores = torch.tensor([[0.2, 0.9], [0.8, 0.7], [0.6, 0.1], [0.4, 0.3], [0.1, 0.8]])
    boxes = torch.cat([centres - 3, centres + 3], 1)
    return Detections(
        found.boxes,
        found.scores,
        found.labels,
        found.phrases,
        found.prompt_index,
        Queries(boxes, scores),
    )


class TestQueryCentres(PointSamplerContract):
    def part(self) -> PointSampler:
        return QueryCentres(3)

    def scene(self) -> tuple[Detections, Masks]:
        found, masks = super().scene()
        return with_queries(found), masks

    def test_best_centres_for_the_prompt_in_the_box(self) -> None:
        found, masks = self.scene()
        points = QueryCentres(3)(found, masks)
        first, second = found.prompt_index.tolist()
        assert (first, second) == (0, 1)
        assert points.labels.tolist() == [[1, 1, 1], [1, 1, NO_POINT]]
        assert (points.xy[0] + 0.5).tolist() == [[8, 9], [12, 6], [5, 5]]
        assert (points.xy[1, :2] + 0.5).tolist() == [[33, 25], [30, 20]]

    def test_a_detector_without_queries_is_refused(self) -> None:
        found, masks = super().scene()
        with pytest.raises(ValueError, match="keeps its queries"):
            QueryCentres()(found, masks)

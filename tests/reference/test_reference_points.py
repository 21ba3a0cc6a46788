from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.masking.test_points import at_full_size, ramp
from zeroseg.masking import PointSampler
from zeroseg.reference import ReferencePoints
from zeroseg.testing import PointSamplerContract, boxed


def published_points(logits: Tensor, count: int) -> list[list[list[int]]]:
    """Grey levels over all boxes and the whole image, then the best pixel again and again."""
    values = logits.numpy()
    grey = ((values - values.min()) / (values.max() - values.min()) * 255).astype(np.uint8)
    found = []
    for image in grey:
        image, chosen = image.copy(), []
        for _ in range(count):
            row, column = divmod(int(image.argmax()), image.shape[1])
            chosen.append([column, row])
            image[row, column] = 0
        found.append(chosen)
    return found


class TestReferencePoints(PointSamplerContract):
    def part(self) -> PointSampler:
        return ReferencePoints(5)

    def test_whole_image_ignores_the_box(self) -> None:
        points = ReferencePoints(2)(boxed((1, 1, 4, 4)), at_full_size(ramp()))
        assert points.xy.tolist() == [[[7, 5], [6, 5]]]

    def test_quantised_levels_are_those_of_all_boxes_together(self) -> None:
        logits = torch.zeros(2, 6, 8)
        logits[0, 5, 7], logits[1] = 255.0, 1.0
        logits[1, 3, 3], logits[1, 2, 2] = 7.9, 7.1  # one level after truncation
        reference = ReferencePoints(3)
        points = reference(boxed((0, 0, 8, 6), (0, 0, 8, 6)), at_full_size(logits))
        assert points.xy[1].tolist() == [[2, 2], [3, 3], [0, 0]]
        assert points.xy[0].tolist() == [[7, 5], [0, 0], [0, 0]]  # nothing but level 0 is left
        assert points.labels.tolist() == [[1, 1, 1]] * 2

    @pytest.mark.parametrize("seed", range(4))
    def test_quantised_points_are_those_of_the_published_loop(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        logits = (
            torch.randn(3, 9, 14, generator=generator) * torch.tensor([9.0, 2, 1])[:, None, None]
        )
        reference = ReferencePoints(20)
        found = boxed((0, 0, 3, 3), (5, 5, 9, 9), (2, 1, 13, 8))
        points = reference(found, at_full_size(logits))
        assert points.xy.tolist() == published_points(logits, 20)
        assert bool((points.labels == 1).all())

    def test_the_one_best_pixel_has_the_highest_level(self) -> None:
        """However the division rounds: 255 is reached, and by no other pixel."""
        for seed in range(200):
            generator = torch.Generator().manual_seed(seed)
            low, high = (torch.rand(2, generator=generator) * 40 - 20).sort().values.tolist()
            logits = torch.full((1, 2, 3), low)
            logits[0, 1, 2], logits[0, 0, 1] = high, low + (high - low) * 0.999
            points = ReferencePoints(2)(boxed((0, 0, 3, 2)), at_full_size(logits))
            assert points.xy.tolist() == [[[2, 1], [1, 0]]]

    def test_equal_logits_quantise_to_the_corner(self) -> None:
        reference = ReferencePoints(2)
        points = reference(boxed((2, 2, 6, 6)), at_full_size(torch.full((1, 6, 8), 3.0)))
        assert points.xy.tolist() == [[[0, 0], [0, 0]]]

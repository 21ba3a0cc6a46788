from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zeroseg.batches import by_size, upload
from zeroseg.testing import blank, noise


def test_images_that_are_there_are_passed_on() -> None:
    images = [noise(8, 9), blank(4, 4)]
    assert all(a is b for a, b in zip(upload(images, torch.device("cpu")), images, strict=True))


def test_images_reach_other_devices() -> None:
    assert [image.device.type for image in upload([noise(8, 9)], torch.device("meta"))] == ["meta"]


def test_a_cuda_device_is_reached_from_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, object]] = []

    def pin(image: Tensor) -> Tensor:
        steps.append(("pin", tuple(image.shape)))
        return image

    def move(image: Tensor, device: torch.device, non_blocking: bool = False) -> Tensor:
        steps.append((device.type, non_blocking))
        return image

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    monkeypatch.setattr(Tensor, "to", move)
    upload([blank(4, 5)], torch.device("cuda"))
    assert steps == [("pin", (3, 4, 5)), ("cuda", True)]


def test_sizes_are_told_apart_in_order() -> None:
    images = [blank(4, 6), blank(6, 4), blank(4, 6), blank(2, 2), blank(6, 4)]
    assert by_size(images) == [[0, 2], [1, 4], [3]]
    assert by_size([]) == []

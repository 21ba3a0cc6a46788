from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zeroseg.running.transfer import by_size, download, sent, upload, wait_for
from zeroseg.testing import blank, noise

CPU = torch.device("cpu")


def test_images_that_are_there_are_passed_on() -> None:
    images = [noise(8, 9), blank(4, 4)]
    assert all(a is b for a, b in zip(upload(images, CPU), images, strict=True))
    assert all(a is b for a, b in zip(download(images), images, strict=True))
    assert sent(images[0], CPU) is images[0]
    assert download([]) == []


def test_images_reach_other_devices() -> None:
    assert [image.device.type for image in upload([noise(8, 9)], torch.device("meta"))] == ["meta"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("cuda", [("pin", (3, 4, 5)), ("cuda", True), ("cuda", True)]),
        ("xpu", [("pin", (3, 4, 5)), ("xpu", True), ("xpu", True)]),
        ("mps", [("mps", False), ("mps", False)]),
    ],
)
def test_copies_are_not_waited_for_where_that_is_safe(
    kind: str, expected: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, object]] = []

    def pin(image: Tensor) -> Tensor:
        steps.append(("pin", tuple(image.shape)))
        return image

    def move(image: Tensor, device: torch.device, non_blocking: bool = False) -> Tensor:
        steps.append((device.type, non_blocking))
        return image

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    monkeypatch.setattr(Tensor, "to", move)
    upload([blank(4, 5)], torch.device(kind))
    sent(torch.arange(3), torch.device(kind))
    assert steps == expected


def test_only_devices_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int | None] = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    for name in ("cpu", "cuda", "cuda:1", "xpu:0"):
        wait_for(torch.device(name))
    assert waited == [None, 1, 0]


def test_sizes_are_told_apart_in_order() -> None:
    images = [blank(4, 6), blank(6, 4), blank(4, 6), blank(2, 2), blank(6, 4)]
    assert by_size(images) == [[0, 2], [1, 4], [3]]
    assert by_size([]) == []

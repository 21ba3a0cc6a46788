"""Pictures on their way, and how they are sent."""

from __future__ import annotations

import torch

from zeroseg.scale.work import Part, Work, pack, parts_of, printable, unpack
from zeroseg.values import Detections, Failure, Queries


def test_a_part_survives_being_sent() -> None:
    found = Detections(
        torch.tensor([[0.1, 0.2, 3.0, 4.0]]),
        torch.tensor([0.3]),
        torch.tensor([1]),
        ("dog",),
        torch.tensor([0]),
        Queries(torch.rand(5, 4), torch.rand(5, 2)),
    )
    works = (
        Work("a", "file:///a", b"picture", {"found": found}),
        Work("b", "b").failed("reading", "gone"),
    )
    [first, second] = unpack(pack(Part(works))).works
    assert first.data == b"picture"
    assert torch.equal(first.values["found"].boxes, found.boxes)
    assert torch.equal(first.values["found"].queries.scores, found.queries.scores)
    assert first.values["found"].labels.dtype == torch.int64
    assert first.values["found"].phrases == ("dog",)
    assert second.failure == Failure("b", "reading", "gone")


def test_a_tensor_is_sent_without_what_it_is_a_view_of() -> None:
    big = torch.zeros(1000, 1000)
    packed = pack(Part((Work("a", "a", values={"label_map": big[3, :10]}),)))
    assert len(packed) < 2000
    assert torch.equal(unpack(packed).works[0].label_map, torch.zeros(10))
    assert torch.equal(
        unpack(pack(Part((Work("a", "a", values={"label_map": torch.arange(6).view(2, 3).T}),))))
        .works[0]
        .label_map,
        torch.tensor([[0, 3], [1, 4], [2, 5]]),
    )


def test_parts_are_known_by_their_pictures_alone() -> None:
    works = [Work(str(i), "") for i in range(5)]
    sizes = [len(part.works) for part in parts_of(works, 2)]
    assert sizes == [2, 2, 1]
    keys = [part.key for part in parts_of(works, 2)]
    assert len(set(keys)) == 3
    assert keys == [part.key for part in parts_of([w.failed("x", "y") for w in works], 2)]


def test_a_failed_picture_carries_nothing_on() -> None:
    failed = Work("a", "s", b"data", "value").failed("tags", "broke")
    assert (failed.data, failed.values) == (None, {})
    assert failed.failure == Failure("a", "tags", "broke")


def test_names_that_are_no_text_become_text() -> None:
    assert printable("\udcff.png") == "\\udcff.png"
    assert printable("löwe.png") == "löwe.png"

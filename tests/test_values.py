"""Values refuse to be wrong, and stay in step when they are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from zeroseg.testing import boxed
from zeroseg.values import (
    Confidence,
    DenseScores,
    Description,
    Detections,
    Exchange,
    Geometry,
    Masks,
    Points,
    Queries,
    Resolution,
    Selection,
    Tag,
    Trace,
    Usage,
    check_images,
)


def test_usage_adds_up_and_an_unknown_price_stays_unknown() -> None:
    one, two = Usage(1, 10, 2, 0.5, 1.0, 4, 1), Usage(2, 20, 3, 0.25, 2.0, 5, 2)
    assert one + two == Usage(3, 30, 5, 0.75, 3.0, 9, 3)
    assert (one + two).cached_share == 0.75
    assert Usage().cached_share == 0.0
    assert (one + replace(two, cost=None)).cost is None
    exchanges = tuple(Exchange("pre-refinement", "p", "r", usage=u) for u in (one, two))
    assert Trace(exchanges=exchanges).usage == one + two
    assert Trace().usage == Usage()


def test_descriptions_and_selections_name_nothing_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Description((Tag("dog", 0.5), Tag("dog", 0.6)))
    with pytest.raises(ValueError, match="repeat"):
        Selection(("dog", "dog"), (1, 1))
    with pytest.raises(ValueError, match="2 prompts but 1 labels"):
        Selection(("dog", "cat"), (1,))
    with pytest.raises(ValueError, match="empty"):
        Selection((" ",), (1,))
    with pytest.raises(ValueError, match="bad labels"):
        Selection(("dog",), (-3,))
    for name, score in (("", 0.5), ("dog", 1.5), ("dog", float("nan"))):
        with pytest.raises(ValueError, match="tag"):
            Tag(name, score)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("boxes", torch.zeros(2, 3), "boxes"),
        ("boxes", torch.zeros(3, 4), "boxes"),
        ("scores", torch.tensor([0.5]), "length N"),
        ("scores", torch.tensor([0.1, 0.5]), "sorted"),
        ("labels", torch.tensor([1.0, 2.0]), "int64"),
        ("labels", torch.tensor([1]), "length N"),
        ("prompt_index", torch.tensor([1]), "length N"),
        ("phrases", ("dog",), "boxes"),
    ],
)
def test_detections_of_different_lengths(field: str, value: object, says: str) -> None:
    whole = boxed((0, 0, 4, 4), (1, 1, 5, 5))
    with pytest.raises(ValueError, match=says):
        replace(whole, **{field: value})  # type: ignore[arg-type]


def test_detections_are_cut_in_step() -> None:
    whole = boxed((0, 0, 4, 4), (1, 1, 5, 5), (2, 2, 6, 6))
    for keep in (torch.tensor([False, True, True]), torch.tensor([1, 2])):
        part = whole.select(keep)
        assert len(part) == 2
        assert part.phrases == ("thing 1", "thing 2")
        assert part.boxes.tolist() == [[1, 1, 5, 5], [2, 2, 6, 6]]
        assert part.labels.tolist() == part.prompt_index.tolist() == [1, 2]
        assert torch.equal(part.scores, whole.scores[1:])
    assert len(whole.select(torch.zeros(3, dtype=torch.bool))) == 0
    assert whole.relabel(torch.tensor([7, 7, -1])).labels.tolist() == [7, 7, -1]
    empty = Detections.empty()
    assert len(empty) == len(empty.to("cpu")) == 0


def test_queries_and_points_have_their_shapes() -> None:
    Queries(torch.zeros(5, 4), torch.zeros(5, 2))
    with pytest.raises(ValueError, match=r"\(Q, 4\)"):
        Queries(torch.zeros(5, 3), torch.zeros(5, 2))
    with pytest.raises(ValueError, match="same Q"):
        Queries(torch.zeros(5, 4), torch.zeros(4, 2))
    assert len(Points(torch.zeros(2, 3, 2), torch.zeros(2, 3, dtype=torch.int64))) == 2
    with pytest.raises(ValueError, match=r"\(N, K, 2\)"):
        Points(torch.zeros(2, 3, 2), torch.zeros(2, 4, dtype=torch.int64))


def test_masks_come_to_the_size_of_the_image_without_the_padding() -> None:
    logits = torch.full((1, 8, 8), -1.0)
    logits[:, :5, :4] = 1  # the image is the top half of the frame; its left half is the mask
    masks = Masks(logits, Geometry((10, 20), (16, 32), (32, 32)))
    full = masks.full() > 0
    assert full.shape == (1, 10, 20)
    expected = torch.zeros(10, 20, dtype=torch.bool)
    expected[:, :10] = True
    assert torch.equal(full[0], expected)


def test_some_masks_are_those_of_all() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 8, 8, generator=generator)
    masks = Masks(logits, Geometry((30, 40), (24, 32), (32, 32)))
    whole = masks.full()
    torch.testing.assert_close(masks.full(torch.tensor([3, 1])), whole[[3, 1]])
    torch.testing.assert_close(masks.full(slice(1, 3)), whole[1:3])
    assert masks.full(slice(0, 0)).shape == (0, 30, 40)
    assert replace(masks, logits=logits.half()).full().dtype == torch.float32


def test_masks_refuse_a_frame_that_is_too_small() -> None:
    with pytest.raises(ValueError, match="larger than its frame"):
        Masks(torch.zeros(1, 8, 8), Geometry((10, 10), (17, 16), (16, 16)))
    with pytest.raises(ValueError, match=r"\(N, h, w\)"):
        Masks(torch.zeros(8, 8), Geometry((10, 10), (16, 16), (16, 16)))
    points = Points(torch.zeros(2, 1, 2), torch.ones(2, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match="points of 2"):
        Masks(torch.zeros(1, 8, 8), Geometry((10, 10), (16, 16), (16, 16)), points)


def test_images_are_checked_by_position() -> None:
    good = torch.zeros(3, 8, 8, dtype=torch.uint8)
    check_images([good, good])
    for bad in (good.float(), good[0], good[:, :0], good[:2]):
        with pytest.raises(ValueError, match="image 1"):
            check_images([good, bad])


def test_coordinates_go_to_the_frame_and_back_padded_or_squashed() -> None:
    xy = torch.tensor([[0.0, 0.0], [30.0, 10.0], [60.0, 40.0]])
    padded, squashed = Geometry.padded((40, 60), 120), Geometry.squashed((40, 60), 120)
    assert padded.resized == (80, 120)
    assert padded.to_frame(xy).tolist() == [[0, 0], [60, 20], [120, 80]]
    assert squashed.to_frame(xy).tolist() == [[0, 0], [60, 30], [120, 120]]
    for geometry in (padded, squashed, Geometry.itself((40, 60))):
        torch.testing.assert_close(geometry.to_image(geometry.to_frame(xy)), xy)


def test_a_squashed_map_comes_back_in_one_step() -> None:
    maps = torch.rand(2, 8, 8)
    direct = torch.nn.functional.interpolate(maps[None], (40, 60), mode="bilinear")[0]
    assert torch.equal(Geometry.squashed((40, 60), 64).restore(maps), direct)


def test_a_squashed_map_comes_back_at_the_images_size() -> None:
    maps = torch.zeros(1, 8, 8)
    maps[:, :, :4] = 1
    full = Geometry.squashed((40, 60), 64).restore(maps)
    assert full.shape == (1, 40, 60)
    assert bool((full[0, :, :26] > 0.5).all()) and bool((full[0, :, 34:] < 0.5).all())


GEOMETRY = Geometry.itself((4, 4))
ONE = torch.zeros(1, dtype=torch.int64)
BOX, SCORE = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([0.5])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Detections(BOX, SCORE.numpy(), ONE, ("a",), ONE), "scores are not a tensor"),
        (lambda: Detections(BOX.tolist(), SCORE, ONE, ("a",), ONE), "boxes are not a tensor but"),
        (lambda: Detections(BOX.long(), SCORE, ONE, ("a",), ONE), "int64, not float"),
        (lambda: Detections(BOX, SCORE, SCORE, ("a",), ONE), "labels are torch.float32, not a"),
        (lambda: Detections(BOX, SCORE, ONE, ("a",), SCORE), "prompt_index are torch.float32"),
        (lambda: Detections(BOX, SCORE, ONE, (["a"],), ONE), "phrases are not a tuple of texts"),
        (lambda: Detections(BOX, SCORE, ONE, "a", ONE), "phrases are not a tuple of texts"),
        (lambda: Detections(BOX, SCORE, ONE, ("a",), ONE, masks=BOX), "masks is a Tensor, not a M"),
        (lambda: Masks(BOX[None].numpy(), GEOMETRY), "logits are not a tensor but a ndarray"),
        (lambda: Masks(BOX[None], None), "geometry is a NoneType, not a Geometry"),
        (lambda: Masks(BOX[None], GEOMETRY, (BOX,)), "points is a tuple, not a Points"),
        (lambda: Masks(BOX[None].to(torch.complex64), GEOMETRY), "complex64, not float"),
        (lambda: Points(BOX[None, :, :2], BOX), "labels are torch.float32"),
        (lambda: DenseScores([BOX], (1,), GEOMETRY), "maps are not a tensor but a list"),
        (lambda: Queries(BOX, None), "scores are not a tensor but a NoneType"),
        (lambda: Selection("a", (1,)), "prompts are not a tuple of texts: 'a'"),
        (lambda: Selection(("a",), (1,), None), "exchanges are not a tuple of Exchange"),
        (lambda: Resolution((1,), ("asked",)), "exchanges are not a tuple of Exchange"),
    ],
)
def test_values_of_other_kinds_are_refused_where_they_are_made(
    build: Callable[[], object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        build()


def test_values_are_equal_by_what_they_hold() -> None:
    one, other = boxed((0, 0, 4, 4), labels=[1]), boxed((0, 0, 4, 4), labels=[1])
    assert one == other and hash(one) == hash(other)
    assert one != other.relabel(torch.tensor([2]))
    assert one != boxed((0, 0, 4, 4), (0, 0, 2, 2), labels=[1, 1])
    masks = Masks(torch.ones(1, 4, 4), Geometry.itself((4, 4)))
    assert replace(one, masks=masks) != one
    assert replace(one, masks=masks) == replace(
        other, masks=replace(masks, logits=torch.ones(1, 4, 4))
    )
    assert masks != replace(masks, logits=masks.logits.double())
    assert masks != "masks"
    assert len({one, other, replace(one, masks=masks)}) == 2


def test_a_mask_of_a_part_lies_in_the_whole_picture() -> None:
    geometry = Geometry.itself((2, 3)).within((6, 7), (4, 1))
    masks = Masks(torch.ones(1, 2, 3), geometry)
    assert masks.size == (6, 7)
    inside = masks.full()[0] > 0
    assert inside.shape == (6, 7) and int(inside.sum()) == 6
    assert bool(inside[1:3, 4:7].all())
    dense = DenseScores(torch.full((1, 2, 3), 0.5), (1,), geometry).full()[0]
    assert float(dense.sum()) == 3.0 and float(dense[0, 0]) == 0
    assert geometry.restore(torch.zeros(0, 2, 3)).shape == (0, 6, 7)


def test_confidence_holds_shares_of_one_shape() -> None:
    values = torch.rand(4, 5)
    assert Confidence(values, None, 0.5).margin is None
    for wrong, says in (
        ((values, values[:2], 0.5), "margin"),
        ((values[0], None, 0.5), "map"),
        ((values, None, 1.5), "score is 1.5"),
        ((values.long(), None, 0.5), "not float"),
    ):
        with pytest.raises(ValueError, match=says):
            Confidence(*wrong)  # type: ignore[arg-type]

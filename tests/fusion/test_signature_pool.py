"""Scores of many pictures: what is kept of them, and what signatures change on them."""

from __future__ import annotations

import pytest
import torch

from tests.fusion.signature_parts import CLASSES, COW, SHEEP, SKY, SOURCE
from zeroseg.errors import CalibrationError
from zeroseg.fusion import signature_pool
from zeroseg.fusion.signature_pool import SignaturePool
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.values import DenseScores, Detections, Geometry, Masks

SIZE = (96, 120)


def look(pool: SignaturePool, cow: float, sheep: float) -> torch.Tensor:
    """A picture that is sky above, and a cow or a sheep below."""
    maps = torch.zeros(3, 4, 5)
    maps[2, :2] = 0.9
    maps[0, 2:], maps[1, 2:] = cow, sheep
    dense = DenseScores(maps, (COW, SHEEP, SKY), Geometry.itself(SIZE))
    nothing = Masks(torch.zeros(0, 4, 5), dense.geometry)
    return pool(nothing, Detections.empty(), CLASSES, dense)


def filled(count: int = 24) -> SignaturePool:
    """Cows after which sheep score nearly as much, sheep that are themselves alone."""
    pool = SignaturePool(ThingsAndStuff(threshold=0.3))
    for number in range(count):
        cow, sheep = ((0.8, 0.72), (0.78, 0.8), (0.0, 0.8))[number % 3]
        look(pool, cow, sheep)
    return pool


def test_it_decides_as_the_other_one_does() -> None:
    pool = SignaturePool(ThingsAndStuff(threshold=0.3))
    labels = look(pool, 0.8, 0.72)
    assert labels[:40].unique().tolist() == [SKY]
    assert labels[60:].unique().tolist() == [COW]
    assert pool.evidence == "both"


def test_places_are_averages_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = SignaturePool(ThingsAndStuff())
    look(pool, 0.8, 0.72)
    [own] = pool.seen
    assert own.labels == (SKY, COW, SHEEP)
    assert own.maps.dtype == torch.uint8
    assert own.maps.shape == (3, 1, 24 * 30)
    monkeypatch.setattr(signature_pool, "_PLACES", 50)
    look(pool, 0.8, 0.72)
    assert pool.seen[1].maps.shape == (3, 1, 50)


def test_signatures_and_what_they_change() -> None:
    pool = filled()
    signatures = pool.signatures(CLASSES, SOURCE)
    assert signatures.pictures == 24
    assert signatures.total == 24 * 720
    assert signatures.known.tolist() == [False, True, True, True]
    assert signatures.background is not None
    effect = pool.effect(signatures, CLASSES)
    assert effect.places == signatures.total
    assert sum(effect.before.values()) == sum(effect.after.values()) == effect.places
    # In a third of the pictures the sheep is ahead by a hair, and all else is as with a cow.
    assert effect.changes[SHEEP, COW] > 0.1 * effect.places
    assert effect.changed == sum(effect.changes.values()) / effect.places
    assert effect.unsteady < 0.02 * effect.places


def test_too_little_is_said() -> None:
    with pytest.raises(CalibrationError, match="19 pictures are too few"):
        filled(19).signatures(CLASSES, SOURCE)
    empty = SignaturePool(ThingsAndStuff())
    for _ in range(20):
        look(empty, 0.0, 0.0)
    empty.seen = [type(own)((), own.maps[:0], own.presence[:0]) for own in empty.seen]
    with pytest.raises(CalibrationError, match="no class scores highest at 2000 places of"):
        empty.signatures(CLASSES, SOURCE)

"""Places settled by signatures: a slow restatement, and what it means."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.fusion.signature_parts import (
    BACKGROUND,
    CLASSES,
    COW,
    SHEEP,
    SKY,
    known,
    scored,
)
from zeroseg.fusion import settling
from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.settling import UNSETTLED, Settler, settle
from zeroseg.fusion.signatures import Signatures
from zeroseg.fusion.things_and_stuff import ThingsAndStuff


def slow(scores: ClassScores, known: Signatures, background: int | None, spread: float) -> Tensor:
    """Every place by itself, as ActiveSAM's rule is written."""
    asked = list(scores.labels)
    share = known.places.double() / known.total
    labels = []
    for s in scores.maps.flatten(1).T.double():
        picked = []
        for signatures in (known.usual, known.clear):
            own = signatures[asked][:, asked].double()
            fit = [
                math.log(float(scores.presence[i] * share[k]) + 1e-3)
                + float(own[i] @ s - own[i] @ own[i] / 2) / spread**2
                if s[i] > 0
                else -math.inf
                for i, k in enumerate(asked)
            ]
            picked.append(fit.index(max(fit)))
        highest = int(s.argmax())
        best = picked[0] if picked[0] == picked[1] else highest
        label = asked[best]
        if background is not None:
            row = known.usual[label][asked].double()
            own = math.log(max(float(scores.presence[best]), 1e-3) * float(share[label]))
            null = math.log(float(known.background or 0)) + 1 - float(s @ s) / (2 * spread**2)
            if null > own - float((s - row) @ (s - row)) / (2 * spread**2):
                label = background
        few = {k for k in asked if known.places[k] < known.fewest}
        labels.append(UNSETTLED if few & {asked[highest], asked[best]} else label)
    return torch.tensor(labels).view(scores.maps.shape[1:])


@pytest.mark.parametrize("background", [None, BACKGROUND])
@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_equals_the_slow_restatement(
    background: int | None, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = torch.Generator().manual_seed(0)
    maps = torch.rand(3, 5, 7, generator=dice).square()
    maps[:, 0] = 0.04 * maps[:, 0]
    maps[0, 1] = 0
    scores = ClassScores((SKY, COW, SHEEP), maps, torch.tensor([0.2, 0.9, 0.6]))
    signatures = known()
    signatures.clear[COW, SHEEP] = 0.2
    few = replace(signatures, places=torch.tensor([0, 30_000, 30_000, 1_999]))
    monkeypatch.setattr(settling, "_AT_ONCE", 8)
    found = set[int]()
    for own in (signatures, few):
        labels = Settler(scores, own, background, spread)()
        assert torch.equal(labels, slow(scores, own, background, spread))
        found |= set(labels.unique().tolist())
    assert found >= {UNSETTLED, COW, SHEEP, SKY}
    assert (BACKGROUND in found) is (background is not None)


def test_a_class_is_told_by_what_scores_beside_it() -> None:
    # The sheep scores higher at both places, but only a cow is so much like the other.
    scores = scored([0.78, 0.1], [0.8, 0.8], [0.0, 0.0])
    assert scores.maps.argmax(0).tolist() == [[1, 1]]
    assert Settler(scores, known(), None)().tolist() == [[COW, SHEEP]]


def test_the_highest_wins_where_both_signatures_disagree() -> None:
    scores = scored([0.78], [0.8], [0.0])
    signatures = known()
    signatures.clear[COW, SHEEP] = 0.0
    signatures.clear[SHEEP, COW] = 0.7
    assert Settler(scores, signatures, None)().tolist() == [[SHEEP]]


def test_what_is_settled_by_nothing_is_decided_as_without() -> None:
    fusion = ThingsAndStuff(threshold=0.5)
    scores = scored([0.78, 0.0, 0.0], [0.8, 0.0, 0.0], [0.0, 0.6, 0.4])
    seldom = replace(known(), places=torch.tensor([0, 30_000, 30_000, 5]))
    labels = settle(scores, seldom, fusion, CLASSES)
    assert labels.tolist() == [[COW, SKY, BACKGROUND]]


def test_no_threshold_leaves_places_to_the_background() -> None:
    scores = scored([0.0, 0.0], [0.5, 0.2], [0.1, 0.1])
    for threshold in (0.0, 1.0):
        fusion = ThingsAndStuff(threshold=threshold)
        assert settle(scores, known(), fusion, CLASSES).tolist() == [[SHEEP, BACKGROUND]]
    exhaustive = replace(CLASSES, exhaustive=True)
    assert settle(scores, known(), fusion, exhaustive).tolist() == [[SHEEP, SHEEP]]


def test_an_image_without_any_class_is_unsettled() -> None:
    nothing = ClassScores((), torch.zeros(0, 2, 3), torch.zeros(0))
    assert Settler(nothing, known(), BACKGROUND)().tolist() == [[UNSETTLED] * 3] * 2
    assert settle(nothing, known(), ThingsAndStuff(), CLASSES).tolist() == [[BACKGROUND] * 3] * 2

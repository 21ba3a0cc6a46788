"""Instances, dense maps and presence: the contract, and a slow restatement of the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.stages import Fusing
from zeroseg.testing import FusionContract, boxed
from zeroseg.values import (
    DISTRACTOR,
    UNRESOLVED,
    DenseScores,
    Detections,
    Geometry,
    Masks,
    Selection,
)
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(
    ["dog", "other", "sky", "cat", "grass"],
    background="other",
    stuff=["sky", "grass"],
    words={"dog": ["hound"], "sky": ["clouds"]},
    distractors=["tree"],
)
DOG, OTHER, SKY, CAT, GRASS = range(5)
WORDS = (DOG, DOG, SKY, SKY, CAT, GRASS, DISTRACTOR, UNRESOLVED)
SIZE = (11, 17)
VARIANTS: dict[str, tuple[str, ...]] = {
    "evidence": ("both", "instances", "dense"),
    "presence": ("twice", "once", "never"),
    "background": ("threshold", "margin", "distractors", "never"),
    "stuff": ("beside things", "under things"),
}
ALL = [
    {"evidence": e, "presence": p, "background": b, "stuff": s}
    for e in VARIANTS["evidence"]
    for p in VARIANTS["presence"]
    for b in VARIANTS["background"]
    for s in VARIANTS["stuff"]
]


class TestThingsAndStuff(FusionContract):
    def part(self) -> ThingsAndStuff:
        return ThingsAndStuff(threshold=0.3)


class TestThingsOverStuff(FusionContract):
    def part(self) -> ThingsAndStuff:
        return ThingsAndStuff(threshold=0.3, stuff="under things", chunk=1)


def scene(seed: int, count: int = 14, presence: bool = True) -> tuple[Masks, Detections]:
    """Instances and maps of noise, at resolutions of their own."""
    dice = torch.Generator().manual_seed(seed)
    prompts = torch.randint(len(WORDS), (count,), generator=dice)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(count, 1)
    maps = torch.rand(len(WORDS), 5, 7, generator=dice)
    own = 0.2 + 0.8 * torch.rand(len(WORDS), generator=dice)
    scores = (torch.rand(count, generator=dice) * own[prompts]).sort(descending=True)
    prompts = prompts[scores.indices]
    dense = DenseScores(maps, WORDS, Geometry.squashed(SIZE, 7), own if presence else None)
    dense = replace(dense, geometry=Geometry(SIZE, (5, 7), (5, 7)))
    found = Detections(
        boxes, scores.values, torch.tensor(WORDS)[prompts], ("x",) * count, prompts, dense=dense
    )
    logits = 3 * torch.randn(count, 6, 8, generator=dice)
    return Masks(logits, Geometry(SIZE, (20, 32), (24, 32))), found


def slow(masks: Masks, found: Detections, dense: DenseScores | None, **rule: Any) -> Tensor:
    """Every word by itself, every pixel by itself, as the rule is written."""
    times = {"twice": 2, "once": 1, "never": 0}[rule["presence"]]
    judge = found.dense if found.dense is not None else dense
    heard = None if judge is None else judge.presence
    if rule["background"] == "never" and heard is not None and float(heard.max()) < 0.1:
        times = 0
    shares, things = masks.full().sigmoid(), masks.full() > 0
    scores = torch.full((len(CLASSES), *SIZE), -1.0)
    cover = torch.zeros(len(CLASSES), *SIZE, dtype=torch.bool)
    apart = rule["stuff"] == "under things"
    for i, label in enumerate(found.labels.tolist()):
        stuff = label in CLASSES.stuff
        if label in (UNRESOLVED, OTHER) or rule["evidence"] == "dense" or (apart and stuff):
            continue
        if label == DISTRACTOR and rule["background"] == "never":
            continue
        weight = float(found.scores[i])
        if heard is not None:
            held = 1 if found.dense is not None else 0
            weight *= float(heard[found.prompt_index[i]]) ** (times - held)
        row = OTHER if label == DISTRACTOR else label
        scores[row] = torch.maximum(scores[row], shares[i] * min(weight, 1))
        if label != DISTRACTOR:
            cover[row] |= things[i]
    if dense is not None and rule["evidence"] != "instances":
        for q, label in enumerate(dense.labels):
            if label == UNRESOLVED or (label == DISTRACTOR and rule["background"] == "never"):
                continue
            weight = float(dense.presence[q]) if dense.presence is not None and times else 1.0
            row = OTHER if label == DISTRACTOR else label
            scores[row] = torch.maximum(scores[row], dense.full()[q] * weight)
    labels = torch.full(SIZE, OTHER)
    least = rule["threshold"] if rule["background"] == "threshold" else 0.0
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            own = {c: float(scores[c, y, x]) for c in range(len(CLASSES)) if scores[c, y, x] > 0}
            if apart:
                over = {c: v for c, v in own.items() if cover[c, y, x] and v >= least}
                own = over or own
            ranked = sorted(own, key=lambda c: -own[c])
            if not ranked:
                continue
            first, next_ = own[ranked[0]], own[ranked[1]] if len(ranked) > 1 else 0.0
            enough = {
                "threshold": first >= rule["threshold"],
                "margin": first * (first - next_) ** 0.5 >= rule["threshold"] ** 1.25,
            }
            if enough.get(rule["background"], True):
                labels[y, x] = ranked[0]
    return labels


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: "-".join(rule.values()))
@pytest.mark.parametrize("chunk", [1, 5])
def test_equals_the_slow_restatement(rule: dict[str, str], chunk: int) -> None:
    part = ThingsAndStuff(**rule, threshold=0.3, chunk=chunk)  # type: ignore[arg-type]
    kinds = set()
    for seed in range(2):
        masks, found = scene(seed)
        painted = part(masks, found, CLASSES, found.dense)
        assert torch.equal(painted, slow(masks, found, found.dense, **rule, threshold=0.3))
        kinds |= set(painted.unique().tolist())
    assert len(kinds) > 1


def test_nothing_is_left_to_the_background_of_an_exhaustive_list() -> None:
    masks, detections = scene(3)
    for exhaustive, settled in ((True, "never"), (False, "threshold")):
        vocabulary = replace(CLASSES, exhaustive=exhaustive)
        auto, plain = (
            ThingsAndStuff(background=rule, threshold=0.9)(masks, detections, vocabulary)  # type: ignore[arg-type]
            for rule in ("auto", settled)
        )
        assert torch.equal(auto, plain)
        assert bool((auto == CLASSES.background).any()) is not exhaustive


@pytest.mark.parametrize("background", VARIANTS["background"])
def test_a_detector_and_a_scorer_of_their_own(background: Any) -> None:
    rule = {"evidence": "both", "presence": "once", "background": background, "threshold": 0.3}
    rule["stuff"] = "under things"
    masks, found = scene(3)
    dense, other = found.dense, scene(4, presence=False)[1].dense
    alone = replace(found, dense=None)
    for detections, scores in ((alone, dense), (found, other), (alone, other), (alone, None)):
        painted = ThingsAndStuff(**rule)(masks, detections, CLASSES, scores)
        assert torch.equal(painted, slow(masks, detections, scores, **rule))


def everything(*rows: float, labels: tuple[int, ...], presence: list[float]) -> DenseScores:
    """Even maps: one number each."""
    maps = torch.tensor(rows).view(-1, 1, 1).expand(-1, 2, 3)
    return DenseScores(maps, labels, Geometry.itself((2, 3)), torch.tensor(presence))


def painted(part: ThingsAndStuff, dense: DenseScores) -> set[int]:
    nothing = Masks(torch.zeros(0, 2, 3), Geometry.itself((2, 3)))
    return set(part(nothing, Detections.empty(), CLASSES, dense).unique().tolist())


def test_the_best_word_of_a_class_counts() -> None:
    dense = everything(0.2, 0.9, 0.8, labels=(DOG, DOG, SKY), presence=[1.0, 1.0, 1.0])
    assert painted(ThingsAndStuff(), dense) == {DOG}
    assert painted(ThingsAndStuff(), replace(dense, presence=torch.tensor([1, 0.5, 1]))) == {SKY}


def test_what_leaves_pixels_to_the_background() -> None:
    close = everything(0.8, 0.75, labels=(DOG, SKY), presence=[1.0, 1.0])
    clear = everything(0.8, 0.1, labels=(DOG, SKY), presence=[1.0, 1.0])
    tree = everything(0.8, 0.9, labels=(DOG, DISTRACTOR), presence=[1.0, 1.0])
    weak = everything(0.2, 0.1, labels=(DOG, SKY), presence=[1.0, 1.0])
    expected = {
        "threshold": (DOG, DOG, OTHER, OTHER),
        "margin": (OTHER, DOG, OTHER, OTHER),
        "distractors": (DOG, DOG, OTHER, DOG),
        "never": (DOG, DOG, DOG, DOG),
    }
    for background, labels in expected.items():
        part = ThingsAndStuff(background=background)  # type: ignore[arg-type]
        for dense, label in zip((close, clear, tree, weak), labels, strict=True):
            assert painted(part, dense) == {label}, (background, label)


def test_presence_is_bypassed_where_it_suppresses_all_of_an_exhaustive_list() -> None:
    # A tile of which presence says 0.08 for everything, and the dense head is sure.
    dense = everything(0.99, 0.5, labels=(GRASS, SKY), presence=[0.03, 0.08])
    assert painted(ThingsAndStuff(background="never"), dense) == {GRASS}
    assert painted(ThingsAndStuff(background="distractors"), dense) == {SKY}
    trusted = replace(dense, presence=torch.tensor([0.1, 0.9]))
    assert painted(ThingsAndStuff(background="never"), trusted) == {SKY}
    assert painted(ThingsAndStuff(background="never", presence="never"), trusted) == {GRASS}


def test_presence_of_nothing_is_no_division_by_zero() -> None:
    masks = Masks(torch.full((1, 2, 3), 5.0), Geometry.itself((2, 3)))
    dense = everything(0.0, 0.6, labels=(DOG, SKY), presence=[0.0, 1.0])
    found = replace(boxed((0, 0, 3, 2), labels=[DOG]), dense=dense)
    labels = ThingsAndStuff(presence="never")(masks, found, CLASSES, dense)
    assert set(labels.unique().tolist()) == {DOG}


def test_stuff_stays_under_things() -> None:
    logits = torch.full((1, 2, 3), -5.0)
    logits[0, 0] = 1.0  # a share of 0.73
    masks = Masks(logits, Geometry.itself((2, 3)))
    dense = everything(0.0, 0.95, labels=(DOG, SKY), presence=[1.0, 1.0])
    found = replace(boxed((0, 0, 3, 1), labels=[DOG]), dense=dense)
    beside = ThingsAndStuff()(masks, found, CLASSES, dense)
    under = ThingsAndStuff(stuff="under things")(masks, found, CLASSES, dense)
    assert beside.tolist() == [[SKY] * 3] * 2
    assert under.tolist() == [[DOG] * 3, [SKY] * 3]


@pytest.mark.parametrize("background", VARIANTS["background"])
@pytest.mark.parametrize("presence", VARIANTS["presence"])
def test_scores_of_classes_decide_what_is_decided_at_once(background: Any, presence: Any) -> None:
    part = ThingsAndStuff(presence=presence, background=background, threshold=0.3)
    masks, found = scene(1)
    scores = part.class_scores(masks, found, CLASSES, found.dense, least=0.0)
    whole = part(masks, found, CLASSES, found.dense)
    assert torch.equal(part.decided(scores, CLASSES), whole)
    assert len(set(scores.labels)) == len(scores) == (4 if background == "never" else 5)
    assert found.dense is not None and found.dense.presence is not None
    own = found.dense.presence[[0, 1]].max() if presence != "never" else torch.tensor(1.0)
    assert scores.presence[scores.labels.index(DOG)] == own


def test_classes_that_score_next_to_nothing_are_left_out_of_scores() -> None:
    dense = everything(0.9, 0.05, 0.2, labels=(DOG, SKY, DISTRACTOR), presence=[1.0, 1.0, 1.0])
    nothing = Masks(torch.zeros(0, 2, 3), Geometry.itself((2, 3)))
    scores = ThingsAndStuff().class_scores(nothing, Detections.empty(), CLASSES, dense)
    assert scores.labels == (DOG, OTHER)
    empty = ThingsAndStuff().class_scores(nothing, Detections.empty(), CLASSES)
    assert scores.maps.shape == (2, 2, 3)
    assert empty.maps.shape == (0, 2, 3)
    assert ThingsAndStuff().decided(empty, CLASSES).unique().tolist() == [OTHER]


@pytest.mark.parametrize("weighs", [False, True])
def test_what_a_verifier_says_weighs_where_it_is_to(weighs: bool) -> None:
    nothing = Masks(torch.zeros(0, 2, 3), Geometry.itself((2, 3)))
    dense = everything(0.8, 0.7, labels=(DOG, SKY), presence=[0.9, 0.9])
    judged = Selection(("dog", "sky"), (DOG, SKY), presence=(0.6, 1.0))
    for own in (dense, replace(dense, presence=None)):
        for detector, scorer in ((None, own), (own, None)):
            found = replace(Detections.empty(), dense=detector)
            stage = Fusing(ThingsAndStuff(verifier=weighs), CLASSES)
            [[labels]] = stage([nothing], [found], [scorer], [judged])
            assert labels.unique().tolist() == [SKY if weighs else DOG]
    deaf = Fusing(ThingsAndStuff(verifier=True, presence="never"), CLASSES)
    [[labels]] = deaf([nothing], [Detections.empty()], [dense], [judged])
    assert labels.unique().tolist() == [DOG]


@pytest.mark.parametrize("background", VARIANTS["background"])
def test_classes_that_cannot_win_are_not_enlarged(
    background: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"class {i}" for i in range(200)]
    vocabulary = Vocabulary.from_names(["background", *names])
    dice = torch.Generator().manual_seed(0)
    maps = torch.rand(200, 4, 6, generator=dice)
    presence = torch.where(torch.rand(200, generator=dice) > 0.9, 0.9, 0.01)
    presence[:3] = 1.0
    maps[:3] = torch.tensor([0.9, 0.8, 0.7]).view(3, 1, 1) + 0.1 * maps[:3]
    dense = DenseScores(maps, tuple(range(1, 201)), Geometry.itself((4, 6)), presence)
    nothing = Masks(torch.zeros(0, 4, 6), dense.geometry)
    scores = maps * presence[:, None, None]
    s1, s2 = scores.sort(0, descending=True).values[:2]
    left = {
        "threshold": s1 < 0.4,
        "margin": s1 * (s1 - s2).sqrt() < 0.4**1.25,
    }.get(background, torch.zeros(4, 6, dtype=torch.bool))
    read = []
    full = DenseScores.full
    monkeypatch.setattr(DenseScores, "full", lambda own, part: read.append(part) or full(own, part))
    labels = ThingsAndStuff(background=background)(nothing, Detections.empty(), vocabulary, dense)
    assert torch.equal(labels, (scores.argmax(0) + 1).masked_fill(left, 0))
    assert len(read) < 60


def test_variants_that_do_not_exist_are_refused() -> None:
    for name in VARIANTS:
        with pytest.raises(ValueError, match=f"{name} is 'no', expected one of"):
            ThingsAndStuff(**{name: "no"})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threshold is 2"):
        ThingsAndStuff(threshold=2)
    with pytest.raises(ValueError, match="at least one map"):
        ThingsAndStuff(chunk=0)


def test_dense_maps_alone_have_to_be_there() -> None:
    masks, found = scene(0)
    with pytest.raises(ValueError, match="take a detector that gives them"):
        ThingsAndStuff("dense")(masks, found, CLASSES)
    with pytest.raises(ValueError, match="take a detector that gives them"):
        ThingsAndStuff("dense").class_scores(masks, found, CLASSES)

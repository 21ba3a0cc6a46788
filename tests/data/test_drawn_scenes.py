"""Drawn scenes as a data set: the truth in any vocabulary's words."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

from zeroseg.data import drawn_scenes
from zeroseg.data.drawn_scenes import DrawnScenes, class_of, label_map
from zeroseg.data.sample import Sample
from zeroseg.drawn.scene import Region, Scene, draw_scene
from zeroseg.errors import VocabularyError
from zeroseg.vocabularies import DRAM, DRAWN
from zeroseg.vocabulary import Vocabulary


def region(category: str, name: str) -> Region:
    return Region(category, name, True, (0, 0, 1, 1), 1, 1.0)


@pytest.mark.parametrize(
    ("names", "category", "name", "expected"),
    [
        (["dog", "cat"], "dog", "puppy", "dog"),
        (["puppy", "dog"], "dog", "puppy", "puppy"),
        (["puppy", "dog"], "dog", "hound", "dog"),
        (["puppy"], "dog", "hound", "background"),
        (["canine"], "dog", "hound", "canine"),
        (["animal", "boat"], "dog", "puppy", "animal"),
        (["dog", "animal"], "dog", "puppy", "dog"),
        (["vehicle"], "car", "taxi", "vehicle"),
        (["potted-plant"], "potted plant", "cactus", "potted-plant"),
        (["boat"], "car", "taxi", "background"),
        (["dog", "other"], "cat", "kitten", "other"),
    ],
)
def test_the_nearest_word_of_the_vocabulary(
    names: list[str], category: str, name: str, expected: str
) -> None:
    vocabulary = Vocabulary.from_names(names)
    assert vocabulary.names[class_of(region(category, name), vocabulary)] == expected


def test_the_truth_is_that_of_the_scene() -> None:
    data = DrawnScenes("dram", count=3, size=(48, 64), seed=4, first=2)
    assert len(data.dataset) == 3
    for position in range(3):
        sample, scene = data.dataset[position], draw_scene(4, 2 + position, (48, 64))
        assert sample.name == f"drawn-4-{2 + position:05d}"
        assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), scene.image)
        assert sample.target is not None
        for number, part in enumerate(scene.regions):
            inside = torch.from_numpy(scene.segments == number)
            assert set(sample.target[inside].tolist()) == {class_of(part, DRAM)}
        assert torch.equal(sample.target, label_map(scene, DRAM))
    with pytest.raises(IndexError):
        data.dataset[3]


def test_things_are_told_apart_unless_they_are_background() -> None:
    vocabulary = Vocabulary.from_names(["sky", "animal", "person"])
    data = DrawnScenes(vocabulary, count=8, size=(64, 64), seed=3)
    seen = 0
    for position in range(8):
        sample, scene = data.dataset[position], draw_scene(3, position, (64, 64))
        assert sample.regions is not None
        expected = {
            (class_of(part, vocabulary), part.box, int((scene.segments == number).sum()))
            for number, part in enumerate(scene.regions)
            if part.thing and class_of(part, vocabulary) != vocabulary.background
        }
        boxes = [tuple(int(side) for side in box) for box in sample.regions.boxes()]
        areas = sample.regions.masks().sum((1, 2)).tolist()
        labels = sample.regions.labels.tolist()
        assert set(zip(labels, boxes, areas, strict=True)) == expected
        assert len(labels) == len(expected)
        assert vocabulary.index("sky") not in labels
        seen += len(labels)
    assert seen > 4


def test_a_scene_is_drawn_once_for_picture_and_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def count(*arguments: object) -> Scene:
        drawn.append(arguments)
        return draw_scene(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(drawn_scenes, "_drawn", lru_cache(maxsize=1)(count))
    data = DrawnScenes("dram", count=4, size=(32, 32), seed=9)
    data.sample(3, seed=1)
    first = [data.dataset[i] for i in range(3)]
    assert len(drawn) == 3
    first[0].image.zero_()
    assert data.dataset[2].image.any()


def test_what_identifies_the_scenes() -> None:
    data = DrawnScenes("dram", count=4, size=(32, 48), seed=9, first=2)
    described = {"name": "drawn", "count": 4, "seed": 9, "first": 2, "size": [32, 48]}
    assert data.describe() == described
    data.sample(2)
    assert data.describe() == described | {"count": 2}


def test_everything_that_is_drawn_has_its_class() -> None:
    for index in range(12):
        scene = draw_scene(4, index, (40, 40))
        for part in scene.regions:
            found = DRAWN.names[class_of(part, DRAWN)]
            assert found == (part.category.replace(" ", "-") if part.thing else "background")


def test_in_everything_drawn_every_pixel_has_its_class() -> None:
    data = DrawnScenes("drawn-all", count=12, size=(40, 40), seed=4)
    stuff = [data.vocabulary.names[index] for index in data.vocabulary.stuff]
    for position in range(12):
        sample, scene = data.dataset[position], draw_scene(4, position, (40, 40))
        assert sample.target is not None
        assert sample.regions is not None
        found = [data.vocabulary.names[label] for label in sample.target.flatten().tolist()]
        drawn = [scene.regions[slot].category for slot in scene.segments.flatten().tolist()]
        assert found == [category.replace(" ", "-") for category in drawn]
        things = [part for part in scene.regions if part.thing]
        assert len(sample.regions.labels) == len(things)
        assert {part.category for part in scene.regions if not part.thing} <= set(stuff)


def test_batches_are_lists_of_samples_in_order() -> None:
    data = DrawnScenes(count=5, size=(32, 40), seed=4, batch_size=2)
    for loader in (data.test_dataloader(), data.predict_dataloader()):
        batches = list(loader)
        assert [len(batch) for batch in batches] == [2, 2, 1]
        names = [sample.name for batch in batches for sample in batch]
        assert names == [f"drawn-4-{index:05d}" for index in range(5)]
    ahead = DrawnScenes(count=5, size=(32, 40), seed=4, batch_size=2, num_workers=1)
    for one, other in zip(batches, ahead.test_dataloader(), strict=True):
        for a, b in zip(one, other, strict=True):
            assert torch.equal(a.image, b.image)


@pytest.mark.parametrize(
    "options", [{"count": 0}, {"seed": -1}, {"first": -1}, {"size": (31, 64)}, {"size": (64, 8)}]
)
def test_impossible_scenes_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="at least 32 x 32"):
        DrawnScenes(**options)  # type: ignore[arg-type]


def test_a_vocabulary_of_things_never_drawn_is_refused() -> None:
    with pytest.raises(VocabularyError, match="ever drawn"):
        DrawnScenes(["spaceship", "unicorn"])
    assert DrawnScenes(["spaceship", "kitten"]).vocabulary.names[-1] == "kitten"


def test_a_sample_fits_its_truth() -> None:
    image = torch.zeros(3, 4, 5, dtype=torch.uint8)
    with pytest.raises(ValueError, match="x: the target"):
        Sample(image, torch.zeros(5, 4, dtype=torch.int64), "x")
    moved = Sample(image, None, "x").to("cpu")
    assert moved.target is None
    assert moved.name == "x"

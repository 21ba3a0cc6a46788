"""A folder belongs to one run: what ran, down to the last attribute, and on which pictures."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.evaluation.conftest import CLASSES, QUIET, build, scenes
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.cli.main import main
from zeroseg.data.image_mask_folder import ImageMaskFolder
from zeroseg.data.sample import Truth
from zeroseg.data.sample_data import SampleData, Samples
from zeroseg.errors import PresetError, ZerosegError
from zeroseg.evaluation.evaluate import Run, evaluate
from zeroseg.evaluation.identity import identity
from zeroseg.evaluation.prediction_files import PredictionFiles
from zeroseg.masking.points import QueryCentres, TopLogits
from zeroseg.recognition.tagger import Tagger
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import ScriptedCaptioner, ScriptedChat, ScriptedTagger
from zeroseg.values import Tag
from zeroseg.vocabulary import Vocabulary


class Mine(Tagger):
    """A tagger of somebody's own, who keeps all kinds of things in it."""

    def __init__(self, held: Any = None) -> None:
        super().__init__()
        self._held = held

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        return [(Tag("puppy", 0.9),) for _ in images]


class Other(Mine):
    """Another one."""


def run(folder: Path, system: BaseSegmenter, data: SampleData | None = None) -> Run:
    return evaluate({"it": system}, data or scenes(2), {"it": folder}, **QUIET)["it"]


def tiny() -> ZeroShotSegmenter:
    return ZeroShotSegmenter.from_preset("tiny", vocabulary=CLASSES)


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(system: Any) -> None:
        *outer, last = path.split(".")
        for name in outer:
            system = getattr(system, name)
        setattr(system, last, value)

    return change


CHANGES = [
    _set("captioner", None),
    _set("captioner", ScriptedCaptioner("a boat")),
    _set("detector.box_threshold", 0.9),
    _set("detector.processor.image_processor.image_mean", [0.1, 0.1, 0.1]),
    _set("mask_predictor.point_sampler", QueryCentres(20)),
    _set("mask_predictor.point_sampler.count", 3),
    _set("mask_predictor.point_sampler", None),
    _set("mask_predictor.side", 40),
    _set("tagger.thresholds", torch.zeros(40)),
    _set("tagger.tags", ("dog",) * 40),
    _set("fusion.chunk", 2),
    _set("batch_size", 3),
    _set("vocabulary", Vocabulary.from_names(CLASSES.names, aliases={"dog": ["hound"]})),
    _set("vocabulary", Vocabulary.from_names(CLASSES.names, words={"dog": ["hound"]})),
    _set("pre_refiner.prompts", "canonical"),
]


@pytest.fixture(scope="module")
def built() -> tuple[ZeroShotSegmenter, dict[str, Any]]:
    """`tiny`, and what it is known by, also when it is built again."""
    system = tiny()
    known = identity(system)
    assert identity(tiny()) == known
    return system, known


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_after_it_was_built_is_another_run(
    change: Callable[[Any], None], built: tuple[ZeroShotSegmenter, dict[str, Any]]
) -> None:
    system, known = deepcopy(built[0]), built[1]
    assert identity(system) == known
    change(system)
    assert identity(system) != known


def test_a_changed_weight_is_another_run(tmp_path: Path) -> None:
    run(tmp_path, tiny())
    changed = tiny()
    with torch.no_grad():
        next(changed.detector.parameters()).add_(1)
    with pytest.raises(ZerosegError, match=r"differs in checkpoints\)"):
        run(tmp_path, changed)


def test_use_changes_nothing() -> None:
    system = ZeroShotSegmenter.from_preset("tiny-llm", vocabulary=CLASSES)
    before, config = identity(system), system.config
    system.segment([sample.image for sample in scenes(2).dataset])  # type: ignore[attr-defined]
    assert (identity(system), system.config) == (before, config)


def _partly(number: int) -> Callable[[], int]:
    return lambda: number


HELD: list[tuple[Any, Any]] = [
    (1, 2),
    (0.25, 0.5),
    ("a", "b"),
    (b"a", b"b"),
    ({"dog": 1}, {"dog": 2}),
    ({1, 2}, {1, 3}),
    (torch.zeros(3), torch.ones(3)),
    ([nn.Linear(2, 2)], [nn.Linear(2, 2)]),
    (TopLogits(1), TopLogits(2)),
    (lambda: 1, lambda: 2),
    (_partly(1), _partly(2)),
    (ScriptedTagger("a"), ScriptedTagger("b")),
    (ScriptedChat(["a"]), ScriptedChat(["b"])),
    (int, float),
    (torch.float16, torch.float32),
]


@pytest.mark.parametrize(("one", "other"), HELD)
def test_a_component_given_by_hand_is_known_by_its_class_and_what_it_holds(
    one: Any, other: Any
) -> None:
    known = identity(build(tagger=Mine(one)))
    assert identity(build(tagger=Mine(one))) == known
    assert identity(build(tagger=Mine(other))) != known
    assert identity(build(tagger=Other(one))) != known
    assert "untold" not in known


def test_a_component_of_another_source_is_another_one(tmp_path: Path) -> None:
    made = []
    for answer in ("puppy", "kitten"):
        space: dict[str, Any] = {"Tagger": Tagger, "Tag": Tag}
        lines = f"return [(Tag('{answer}', 1.0),) for _ in images]"
        exec(f"class Mine(Tagger):\n    def forward(self, images):\n        {lines}", space)
        made.append(identity(build(tagger=space["Mine"]())))
    assert made[0] != made[1]


def test_a_folder_of_what_cannot_be_told_is_refused_rather_than_reused(tmp_path: Path) -> None:
    run(tmp_path, build(tagger=Mine(threading.Lock())))
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["untold"] == ["tagger._held (_thread.lock)"]
    with pytest.raises(ZerosegError, match=r"cannot be told .*: tagger\._held .*another folder"):
        run(tmp_path, build(tagger=Mine(threading.Lock())))


def test_nothing_secret_of_a_component_is_written_down(tmp_path: Path) -> None:
    run(tmp_path, build(tagger=Mine({"Authorization": "Bearer hunter2"})))
    assert not any(b"hunter2" in file.read_bytes() for file in tmp_path.rglob("*.*"))


def test_results_and_files_tell_what_runs_now(tmp_path: Path) -> None:
    system = tiny()
    system.captioner = None
    system.detector.box_threshold = 0.5
    system.fusion.chunk = 2
    config = run(tmp_path / "run", system).results["config"]
    assert config["captioner"] is None
    assert config["detector"]["init_args"]["box_threshold"] == 0.5
    system.to_yaml(tmp_path / "it.yaml")
    again = ZeroShotSegmenter.from_yaml(tmp_path / "it.yaml")
    assert identity(again) == identity(system) and again.captioner is None
    kept = system.detector
    system.detector = tiny().detector
    with pytest.raises(PresetError, match="put in place as an object"):
        system.to_yaml(tmp_path / "no.yaml")
    system.detector = kept
    system.mask_predictor.point_sampler = TopLogits(20)
    assert system.config is None


def drawn(folder: Path, count: int = 3) -> Path:
    arguments = ["--count", str(count), "--size", "48x48", "--output", str(folder)]
    assert main(["draw", "--vocabulary", "drawn", *arguments]) == 0
    return folder


def _copy(folder: Path, kind: str) -> None:
    one, other = (folder / kind / f"drawn-0-0000{number}.png" for number in (0, 1))
    shutil.copy2(one, other)


def _damage(folder: Path) -> None:
    file = folder / "images" / "drawn-0-00001.png"
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize(
    "change",
    [lambda root: _copy(root, "images"), lambda root: _copy(root, "masks"), _damage],
)
def test_a_picture_that_changed_is_scored_again(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    root = drawn(tmp_path / "set")
    system = ZeroShotSegmenter.from_preset("tiny", vocabulary="drawn")
    first = run(tmp_path / "run", system, ImageMaskFolder(root))
    change(root)
    second = run(tmp_path / "run", system, ImageMaskFolder(root))
    fresh = run(tmp_path / "fresh", system, ImageMaskFolder(root))
    assert second.results["data"] == fresh.results["data"] != first.results["data"]
    assert second.results["confusion_matrix"] == fresh.results["confusion_matrix"]


def test_what_has_other_times_but_the_same_pixels_is_not_done_again(tmp_path: Path) -> None:
    root = drawn(tmp_path / "set")
    system = ZeroShotSegmenter.from_preset("tiny", vocabulary="drawn")
    run(tmp_path / "run", system, ImageMaskFolder(root))
    records = {file: file.stat().st_mtime_ns for file in (tmp_path / "run/images").iterdir()}
    for file in root.rglob("*.png"):
        os.utime(file, (1, 1))
    run(tmp_path / "run", system, ImageMaskFolder(root))
    assert records == {
        file: file.stat().st_mtime_ns for file in (tmp_path / "run/images").iterdir()
    }


def test_a_picture_that_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    root = drawn(tmp_path / "set")
    picture = root / "images" / "drawn-0-00001.png"
    content = picture.read_bytes()
    _damage(root)
    system = ZeroShotSegmenter.from_preset("tiny", vocabulary="drawn")
    assert run(tmp_path / "run", system, ImageMaskFolder(root)).results["images"]["failed"] == 1
    picture.write_bytes(content)
    assert run(tmp_path / "run", system, ImageMaskFolder(root)).results["images"]["failed"] == 0


class Grey(Samples):
    """Samples of nobody knows which files."""

    def __init__(self, value: int) -> None:
        self.value = value

    @property
    def names(self) -> Sequence[str]:
        return ("a", "b")

    def image(self, position: int) -> Tensor:
        return torch.full((3, 32, 32), self.value, dtype=torch.uint8)

    def truth(self, position: int) -> Truth:
        return Truth(torch.zeros(32, 32, dtype=torch.int64))


def test_samples_of_no_known_files_are_looked_at(tmp_path: Path) -> None:
    found = [
        run(tmp_path, build(), SampleData(CLASSES, Grey(value), 2, 0)).results["data"][
            "fingerprint"
        ]
        for value in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_predictions_that_changed_are_scored_again(tmp_path: Path) -> None:
    root = drawn(tmp_path / "set")
    shutil.copytree(root / "masks", tmp_path / "masks")
    data = ImageMaskFolder(root)
    files = PredictionFiles(tmp_path / "masks", data.vocabulary)
    assert run(tmp_path / "run", files, data).results["miou"] == 1
    _copy(tmp_path, "masks")
    files = PredictionFiles(tmp_path / "masks", data.vocabulary)
    assert run(tmp_path / "run", files, data).results["miou"] < 1

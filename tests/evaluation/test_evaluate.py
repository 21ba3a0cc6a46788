"""A scored run: what is written, that it is right, and that nothing done is lost or repeated."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.damage import DAMAGES, damage
from tests.evaluation.conftest import CLASSES, QUIET, build, scenes
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.errors import ChatError, OutputError, ZerosegError
from zeroseg.evaluation.evaluate import Run, evaluate
from zeroseg.metrics.protocol import PAPER
from zeroseg.recognition.tagger import Tagger
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.values import Tag
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import alone_in

HURDLES = {"breaks_after": 1000.0, "sleeps": 0.0}
"""What keeps a tagger from going on, and is none of its own."""


class Counts(Tagger):
    """Names a puppy, counts the images it saw, and can lose its language model on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        time.sleep(HURDLES["sleeps"])
        if self.seen >= HURDLES["breaks_after"]:
            raise ChatError("gone")
        self.seen += len(images)
        return [(Tag("puppy", 0.9),) for _ in images]


def run(folder: Path, segmenter: ZeroShotSegmenter | None = None, **options: Any) -> Run:
    data = options.pop("data", None) or scenes()
    system = segmenter or build()
    return evaluate({"it": system}, data, {"it": folder}, **QUIET, **options)["it"]


def miou_of_files(folder: Path, data: DrawnScenes) -> float:
    """From the written predictions and the drawn truth, by sets of pixels."""
    hits, unions = np.zeros(4), np.zeros(4)
    for i, name in enumerate(data.dataset.names):
        predicted = np.asarray(Image.open(folder / "predictions" / f"{name}.png"))
        true = data.dataset[i].target.numpy()  # type: ignore[union-attr]
        for k in range(4):
            hits[k] += np.sum((predicted == k) & (true == k))
            unions[k] += np.sum((predicted == k) | (true == k))
    present = unions > 0
    return float((hits[present] / unions[present]).mean())


def test_a_run_writes_everything_and_the_figures_are_those_of_the_predictions(
    tmp_path: Path,
) -> None:
    made = run(tmp_path / "run", seeds={"subset": 4})
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results == json.loads(json.dumps(made.results))
    assert results["miou"] == pytest.approx(miou_of_files(tmp_path / "run", scenes()), abs=1e-12)
    matrix = torch.tensor(results["confusion_matrix"])
    assert int(matrix.sum()) == 5 * 48 * 64
    assert results["pixel_accuracy"] == pytest.approx(float(matrix.diagonal().sum() / matrix.sum()))
    assert results["system"] == "it"
    assert results["seeds"] == {"subset": 4}
    assert results["protocol"]["name"] == "standard"
    assert results["data"]["name"] == "drawn"
    assert len(results["data"]["fingerprint"]) == 16
    assert results["images"] == {"scored": 5, "failed": 0, "unscored": 0}
    assert results["vocabulary"]["classes"] == list(CLASSES.names)
    assert {"tags", "detection", "masks", "fusion"} <= set(results["seconds"])
    for page in ("report.md", "report.html"):
        assert f"{100 * results['miou']:.2f}" in (tmp_path / "run" / page).read_text()


def test_refinement_is_measured_before_and_after(tmp_path: Path) -> None:
    presence = run(tmp_path).results["presence"]
    truth = [
        set(sample.target.unique().tolist()) - {0}
        for sample in map(scenes().dataset.__getitem__, range(5))
    ]  # type: ignore[union-attr]
    dog = [1 in present for present in truth]
    boat = [2 in present for present in truth]
    # The tag "puppy" is no class as it stands; pre-refinement makes it a dog, the caption a boat.
    assert presence["tags"]["recall"] == 0
    selected = presence["selected"]
    assert selected["precision"] == pytest.approx((sum(dog) + sum(boat)) / 10)
    assert selected["per_class"]["dog"]["precision"] == pytest.approx(sum(dog) / 5)
    assert presence["resolved"] == selected
    assert presence["label_map"] == selected


def test_the_paper_protocol_counts_absent_classes_as_zero(tmp_path: Path) -> None:
    standard = run(tmp_path / "a").results
    data = scenes()
    data.protocol = PAPER
    paper = run(tmp_path / "b", data=data).results
    per_class = [value or 0.0 for value in standard["iou"].values()]
    assert paper["miou"] == pytest.approx(sum(per_class) / 4)
    assert paper["protocol"]["name"] == "paper"


def test_a_stopped_run_goes_on_and_comes_to_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole").results
    monkeypatch.setitem(HURDLES, "breaks_after", 2)
    with pytest.raises(ChatError):
        run(tmp_path / "parts", build(tagger=Counts()))
    monkeypatch.undo()
    assert len(list((tmp_path / "parts" / "images").glob("*.json"))) == 2
    rest = Counts()
    resumed = run(tmp_path / "parts", build(tagger=rest)).results
    assert rest.seen == 3
    for figure in ("miou", "iou", "confusion_matrix", "boundary_iou", "presence", "boxes"):
        assert resumed[figure] == whole[figure]
    assert resumed["data"]["fingerprint"] == whole["data"]["fingerprint"]
    again = Counts()
    run(tmp_path / "parts", build(tagger=again))
    assert again.seen == 0


def test_another_run_may_not_use_the_folder(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(ZerosegError, match=r"another run \(it differs in data\)"):
        run(tmp_path, data=scenes(seed=4))
    other = ZeroShotSegmenter(
        Vocabulary.from_names(["dog", "cat"]),
        build().pre_refiner,
        build().detector,
        build().mask_predictor,
    )
    with pytest.raises(ZerosegError, match="give both the same vocabulary"):
        run(tmp_path / "new", other)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("file", ["images/drawn-3-00001.json", "predictions/drawn-3-00001.png"])
def test_what_is_damaged_is_done_again(file: str, name: str, tmp_path: Path) -> None:
    whole = run(tmp_path).results
    others = {f: f.stat().st_mtime_ns for f in tmp_path.glob("images/*") if "00001" not in f.name}
    (tmp_path / "images/drawn-3-00000.json.7.partial").write_text("{")  # of a run that was killed
    damage(tmp_path / file, name)
    with pytest.warns(UserWarning, match="of 1 images are damaged"):
        again = run(tmp_path).results
    assert again["confusion_matrix"] == whole["confusion_matrix"]
    assert all(f.stat().st_mtime_ns == time for f, time in others.items())
    assert not list(tmp_path.rglob("*.partial"))


def test_a_digit_that_has_changed_is_damage(tmp_path: Path) -> None:
    whole = run(tmp_path).results
    record = tmp_path / "images/drawn-3-00001.json"
    text = record.read_text()
    record.write_text(text.replace('"present": [', '"present": [7, '))
    with pytest.warns(UserWarning, match="damaged"):
        assert run(tmp_path).results["presence"] == whole["presence"]


@pytest.mark.parametrize("name", [*DAMAGES, "gone"])
def test_a_damaged_run_is_refused(name: str, tmp_path: Path) -> None:
    run(tmp_path)
    damage(tmp_path / "run.json", name)
    with pytest.raises(ZerosegError, match="choose another folder, or delete it"):
        run(tmp_path)


def test_one_run_at_a_time_writes_to_a_folder(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(OutputError, match="another run writes to"):
        run(tmp_path)
    assert run(tmp_path).results["images"]["scored"] == 5


def test_a_folder_that_fills_up_keeps_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, left = os.replace, iter(range(5))

    def full(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(OutputError, match="No space left on device") as caught:
            run(tmp_path)
    assert caught.value.begun
    assert not list(tmp_path.rglob("*.partial"))
    assert len(list(tmp_path.glob("images/*"))) == 2
    assert run(tmp_path).results["images"]["scored"] == 5


def test_systems_in_step_score_as_alone_and_share_their_parts(tmp_path: Path) -> None:
    tagger = Counts()
    full, without = build(tagger=tagger), build(tagger=tagger, captioner=None)
    folders = {"full": tmp_path / "full", "without": tmp_path / "without"}
    runs = evaluate({"full": full, "without": without}, scenes(), folders, **QUIET)
    assert tagger.seen == 5
    alone = run(tmp_path / "alone", build(captioner=None))
    assert runs["without"].results["confusion_matrix"] == alone.results["confusion_matrix"]
    assert runs["full"].results["miou"] != alone.results["miou"]
    assert runs["without"].results["seconds"]["tags"] > 0


_SCRIPT = """
import sys
sys.path.insert(0, "tests/evaluation")
from test_evaluate import HURDLES, Counts
from tests.evaluation.conftest import build, scenes, QUIET
from zeroseg.evaluation.evaluate import evaluate

HURDLES["sleeps"] = 0.5
evaluate({"it": build(tagger=Counts())}, scenes(9), {"it": sys.argv[1]}, **QUIET)
"""


def test_a_killed_process_loses_at_most_what_it_was_at(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT, str(folder)], cwd=root)
    deadline = time.monotonic() + 120
    while len(list(folder.glob("images/*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(folder.glob("images/*.json")))
    assert 2 <= done < 9
    rest = Counts()
    resumed = run(folder, build(tagger=rest), data=scenes(9)).results
    assert rest.seen == 9 - done
    whole = run(tmp_path / "whole", build(tagger=Counts()), data=scenes(9)).results
    assert resumed["confusion_matrix"] == whole["confusion_matrix"]
    assert resumed["miou"] == whole["miou"]

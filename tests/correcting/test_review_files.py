"""Reviews beside results: nothing of a prediction is touched, nothing of a review is lost."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.correcting.corrected_scene import begun, box, reviewed, write_scene
from zeroseg import rle
from zeroseg.correcting import CorrectedResult, StaleReview, Step
from zeroseg.errors import ImageError, OutputError, ZerosegError
from zeroseg.export.results import Results
from zeroseg.segmentation import Segmentation


def files(folder: Path) -> dict[str, bytes]:
    return {own.name: own.read_bytes() for own in folder.iterdir()}


def test_a_review_is_saved_beside_its_prediction_and_comes_back(tmp_path: Path) -> None:
    before = files(Path(write_scene(tmp_path, "a")))
    saved = reviewed(
        str(tmp_path), Step("relabel", 1, "boat"), box(by="Ada"), Step("delete", 0)
    ).undone()
    now = files(tmp_path)
    assert {name: now[name] for name in before} == before
    assert set(now) - set(before) == {"a.review.json", "a.reviewed.png"}
    store, result, picture = begun(str(tmp_path))
    back = store.open(result, picture)
    assert back.steps == saved.steps and (back.revision, back.done) == (3, 3)
    assert np.array_equal(back.undone().now.labels, saved.now.labels)
    shown = np.asarray(Image.open(tmp_path / "a.reviewed.png"))
    assert np.array_equal(shown, back.now.labels)
    told = json.loads(now["a.review.json"])
    assert [own["what"] for own in told["steps"]] == ["relabel", "add", "delete"]
    assert [own["made_by"] for own in told["regions"]] == ["model"] * 3 + ["person Ada"]
    assert rle.decode(told["regions"][-1]["segmentation"]).sum() == 6


def test_reviews_are_no_results(tmp_path: Path) -> None:
    write_scene(tmp_path, "a")
    reviewed(str(tmp_path), Step("accept"))
    assert [own.name for own in Results(str(tmp_path))] == ["a"]
    assert "exchanges" not in json.loads((tmp_path / "a.json").read_text())
    with pytest.raises(ZerosegError, match=r"a\.json' is damaged"):
        Segmentation.load(tmp_path)  # it finds the one result that there is


def test_a_review_that_somebody_else_went_on_with_is_not_overwritten(tmp_path: Path) -> None:
    store, result, picture = begun(write_scene(tmp_path, "a"))
    store.change(result, picture, 0, lambda own: own.after(Step("delete", 0)))
    now = files(tmp_path)
    with pytest.raises(StaleReview, match="at revision 1, not 0"):
        store.change(result, picture, 0, lambda own: own.after(Step("accept")))
    with pytest.raises(ZerosegError, match="no region 0"):
        store.change(result, picture, 1, lambda own: own.after(Step("delete", 0)))
    assert files(tmp_path) == now


def test_of_many_that_write_at_once_one_comes_first(tmp_path: Path) -> None:
    store, result, picture = begun(write_scene(tmp_path, "a"))
    outcomes: list[str] = []

    def go() -> None:
        try:
            store.change(result, picture, 0, lambda own: own.after(box()))
            outcomes.append("saved")
        except StaleReview:
            outcomes.append("stale")

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved"] + ["stale"] * 7
    assert len(store.open(result, picture).steps) == 1


def test_a_corrected_map_that_was_lost_is_written_anew(tmp_path: Path) -> None:
    write_scene(tmp_path, "a")
    saved = reviewed(str(tmp_path), box())
    for damage in (lambda file: file.unlink(), lambda file: file.write_bytes(b"x")):
        damage(tmp_path / "a.reviewed.png")
        store, result, picture = begun(str(tmp_path))
        store.open(result, picture)
        shown = np.asarray(Image.open(tmp_path / "a.reviewed.png"))
        assert np.array_equal(shown, saved.now.labels)


def damaged(told: dict[str, object], **changes: object) -> str:
    return json.dumps({**told, **changes})


def test_damaged_and_foreign_files_are_named_and_kept(tmp_path: Path) -> None:
    write_scene(tmp_path, "a")
    reviewed(str(tmp_path), box(), Step("accept"))
    file = tmp_path / "a.review.json"
    told, whole = json.loads(file.read_text()), file.read_text()
    for content, said in (
        ("", "'a.review.json' is damaged"),
        (whole[:100], "'a.review.json' is damaged"),
        ("[" * 9999, "'a.review.json' is damaged"),
        ('{"name": "a picture of somebody"}', "is no review of zeroseg"),
        ("[1]", "is no review of zeroseg"),
        (damaged(told, version=2), "of version 2; update zeroseg"),
        (damaged(told, state="fine"), "'fine' is no state"),
        (damaged(told, done=3), "3 of 2 steps"),
        (damaged(told, steps=[{"what": "fly"}]), "'fly' is no step"),
        (damaged(told, steps=[{"what": "delete", "region": 77}], done=0), "no region 77"),
        (damaged(told, prediction={**told["prediction"], "labels": "x"}), "has changed since"),
        (damaged(told, prediction={**told["prediction"], "regions": "x"}), "have changed since"),
    ):
        file.write_text(content)
        store, result, picture = begun(str(tmp_path))
        with pytest.raises(ImageError, match=said):
            store.open(result, picture)
        with pytest.raises(ImageError, match=said):
            store.change(result, picture, 2, CorrectedResult.undone)
        assert file.read_text() == content


def test_nothing_is_written_where_nothing_can_be(tmp_path: Path) -> None:
    store, result, picture = begun(write_scene(tmp_path, "a"))
    (tmp_path / "a.reviewed.png").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*a\.reviewed\.png"):
        store.change(result, picture, 0, lambda own: own.after(box()))
    assert not (tmp_path / "a.review.json").exists()

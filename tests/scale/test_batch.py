"""A run over an archive in one process."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zeroseg.errors import ZerosegError
from zeroseg.presets.origins import origins
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.manifest import ERROR, OK, Summary
from zeroseg.scale.recipe import Recipe

Standins = Callable[..., dict[str, Any]]


def go(run: BatchRun) -> Summary:
    return sum(run.here(), Summary())


def status(target: Path) -> dict[str, str]:
    table = pq.read_table(target / "manifest")
    names = table.column("name").to_pylist()
    assert len(set(names)) == len(names)
    return dict(zip(names, table.column("status").to_pylist(), strict=True))


def test_masks_are_those_of_a_stream(archive: Path, tmp_path: Path, standins: Standins) -> None:
    recipe = Recipe.of(standins())
    total = go(BatchRun(str(archive), str(tmp_path / "out"), recipe, part_size=4))
    assert total.done == 10
    files = sorted(archive.rglob("*.png"))
    for file, result in zip(files, recipe.segmenter("cpu").stream(files), strict=True):
        name = file.relative_to(archive)
        expected = result.save(tmp_path / "expected")["mask"].read_bytes()  # type: ignore[union-attr]
        assert (tmp_path / f"out/masks/{name}.png").read_bytes() == expected
    assert len(list((tmp_path / "out/manifest").iterdir())) == 3
    assert set(total.seconds) >= {"tags", "detection", "masks", "fusion"}


def test_a_rerun_does_only_what_is_missing(
    archive: Path, tmp_path: Path, standins: Standins
) -> None:
    target = tmp_path / "out"
    recipe = Recipe.of(standins())

    def rerun(**options: Any) -> BatchRun:
        return BatchRun(str(archive), str(target), recipe, part_size=4, **options)

    assert go(rerun(limit=3)).done == 3
    assert list(status(target)) == ["0/0.png", "0/1.png", "0/2.png"]
    before = {file: file.stat().st_mtime_ns for file in (target / "masks").rglob("*.png")}
    assert rerun().left == 7
    assert go(rerun()).done == 7
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())
    assert rerun().parts == []
    (target / "masks/1/7.png.png").unlink()
    assert go(rerun()).done == 1
    assert set(status(target).values()) == {OK}
    assert len(status(target)) == 10
    (archive / "late.png").write_bytes((archive / "0/0.png").read_bytes())
    assert go(rerun()).done == 1


def test_a_picture_that_changed_is_done_again(
    archive: Path, tmp_path: Path, standins: Standins
) -> None:
    target, recipe = tmp_path / "out", Recipe.of(standins())

    def rerun() -> BatchRun:
        return BatchRun(str(archive), str(target), recipe, part_size=4)

    go(rerun())
    one, other, third = (archive / name for name in ("0/0.png", "0/1.png", "1/7.png"))
    shutil.copy2(other, one)  # which keeps the time of the other
    os.utime(third, (1, 1))
    third.write_bytes(third.read_bytes())
    assert rerun().left == 1
    assert go(rerun()).done == 1
    masks = [(target / f"masks/0/{number}.png.png").read_bytes() for number in (0, 1)]
    assert masks[0] == masks[1]
    assert rerun().left == 0 and len(status(target)) == 10


def test_a_picture_of_a_store_that_changed_is_done_again(
    archive: Path, tmp_path: Path, standins: Standins
) -> None:
    store = fsspec.filesystem("memory")
    for file in sorted(archive.rglob("*.png"))[:3]:
        store.pipe_file(f"/changing/{file.name}", file.read_bytes())

    def rerun() -> BatchRun:
        return BatchRun("memory://changing", str(tmp_path / "out"), Recipe.of(standins()))

    assert go(rerun()).done == 3
    assert rerun().left == 0
    store.pipe_file("/changing/0.png", store.cat_file("/changing/1.png"))
    assert go(rerun()).done == 1
    store.rm("/changing", recursive=True)


def test_other_weights_and_another_source_are_another_run(
    archive: Path, tmp_path: Path, standins: Standins, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("from tests.scale.scale_parts import Tags")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "tags.txt").write_text("dog")
    mine = {"class_path": "mine.Tags", "init_args": {"breaks_at_width": 0}}
    config = {**standins(), "tagger": mine}

    def rerun() -> BatchRun:
        return BatchRun(str(archive), str(tmp_path / "out"), Recipe.of(config))

    rerun(), rerun()
    (tmp_path / "mine.py").write_text("from tests.scale.scale_parts import Tags  # changed")
    with pytest.raises(ZerosegError, match=r"differs in files\)"):
        rerun()
    named = {
        **config,
        "captioner": {"class_path": "a.B", "init_args": {"x": f"{tmp_path}/tags.txt"}},
    }
    told = origins(named)
    assert told == origins(named)
    (tmp_path / "tags.txt").write_text("cat")
    assert told != origins(named)


def test_answers_that_are_kept_make_no_other_run(tmp_path: Path) -> None:
    cache = {"class_path": "zeroseg.chat.answer_cache.AnswerCache"}
    cache["init_args"] = {"folder": str(tmp_path)}
    refiner = {"class_path": "a.B", "init_args": {"cache": cache, "words": f"{tmp_path}/words.txt"}}
    (tmp_path / "words.txt").write_text("dog")
    told = origins({"pre_refiner": refiner})
    assert list(told) == [f"{tmp_path}/words.txt"]
    (tmp_path / "answers").write_text("more")
    assert told == origins({"pre_refiner": refiner})


def test_one_broken_picture_of_a_hundred_is_a_row(tmp_path: Path, standins: Standins) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(100):
        Image.new("RGB", (16, 12), (index, 200, 0)).save(folder / f"{index:03}.png")
    whole = (folder / "042.png").read_bytes()
    (folder / "042.png").write_bytes(whole[:50])
    recipe = Recipe.of(standins())
    total = go(BatchRun(str(folder), str(tmp_path / "out"), recipe))
    assert total.done == 99
    assert [failure.name for failure in total.failures] == ["042.png"]
    assert [name for name, state in status(tmp_path / "out").items() if state == ERROR] == [
        "042.png"
    ]
    again = BatchRun(str(folder), str(tmp_path / "out"), recipe)
    assert (again.left, again.failed_before) == (0, 1)
    (folder / "042.png").write_bytes(whole)
    retry = BatchRun(str(folder), str(tmp_path / "out"), recipe, again=True)
    assert (retry.left, retry.failed_before) == (1, 0)
    assert go(retry).done == 1
    assert set(status(tmp_path / "out").values()) == {OK}


def test_what_is_done_before_a_service_goes_is_saved(
    archive: Path, tmp_path: Path, standins: Standins
) -> None:
    gone = {"class_path": "scale_parts.Leaving", "init_args": {"width": 40}}
    run = BatchRun(str(archive), str(tmp_path / "out"), Recipe.of(standins(captioner=gone)))
    total = go(run)
    assert total.stop is not None and total.stop.begun
    assert total.done == 4  # the batch of pictures 4 and 5 is not
    assert len(status(tmp_path / "out")) == 4
    assert BatchRun(str(archive), str(tmp_path / "out"), run.recipe).left == 6


def test_any_file_system_in_and_out(standins: Standins) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/source/a.png", b"no picture")
    with memory.open("/source/sub/b.png", "wb") as file:
        Image.new("RGB", (32, 24)).save(file, "PNG")
    recipe = Recipe.of(standins())
    total = go(BatchRun("memory://source", "memory://target", recipe))
    assert (total.done, len(total.failures)) == (1, 1)
    with memory.open("/target/masks/sub/b.png.png") as file:
        ids = np.asarray(Image.open(file))
    assert ids[0, 0] == 1 and ids[-1, 0] == 0
    assert BatchRun("memory://source", "memory://target", recipe).left == 0


def test_a_folder_of_another_run_is_refused(
    archive: Path, tmp_path: Path, standins: Standins
) -> None:
    target = str(tmp_path / "out")
    secret = standins()
    secret["detector"]["init_args"]["api_key"] = "sk-secret"
    BatchRun(str(archive), target, Recipe.of(secret))
    written = (tmp_path / "out/run.json").read_text()
    assert "sk-secret" not in written
    assert json.loads(written)["source"] == str(archive)
    with pytest.raises(ZerosegError, match=r"another run.*config"):
        BatchRun(str(archive), target, Recipe.of(standins(tagger=None)))
    with pytest.raises(ZerosegError, match=r"another run.*differs in precision"):
        BatchRun(str(archive), target, Recipe.of(secret, precision="bf16-true"))
    with pytest.raises(ZerosegError, match=r"another run.*source"):
        BatchRun(str(archive / "0"), target, Recipe.of(secret))

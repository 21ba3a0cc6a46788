"""Instances and confidence of an archive: those of `segment`, resumable, and exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.scale.test_stages import plain, walk
from zeroseg.errors import ZerosegError
from zeroseg.export.results import Results
from zeroseg.images import read_image
from zeroseg.result_details import DETAILS, details_of
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.manifest import Manifest, Summary, table_with_files
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.work import Part

Standins = Callable[..., dict[str, Any]]
ALL = tuple(DETAILS)


@pytest.fixture
def run(archive: Path, tmp_path: Path, standins: Standins) -> Callable[..., BatchRun]:
    """Begin or go on with a run that keeps details."""

    def begin(details: tuple[str, ...] = ALL, **changes: Any) -> BatchRun:
        recipe = Recipe.of(standins(**changes), details=details)
        return BatchRun(str(archive), str(tmp_path / "out"), recipe, part_size=4)

    return begin


def test_files_are_those_of_segment(
    run: Callable[..., BatchRun], archive: Path, tmp_path: Path
) -> None:
    began = run()
    assert sum(began.here(), Summary()).done == 10
    files = sorted(archive.rglob("*.png"))
    rows = {row["name"]: row for row in pq.read_table(tmp_path / "out/manifest").to_pylist()}
    for file, result in zip(files, began.recipe.segmenter("cpu").stream(files), strict=True):
        name = str(file.relative_to(archive))
        saved = result.save(tmp_path / "saved")  # type: ignore[union-attr]
        told = json.loads(saved["json"].read_text())
        own = json.loads((tmp_path / f"out/instances/{name}.json").read_text())
        assert own == {key: told[key] for key in ("size", "prompts", "detections")}
        assert "segmentation" in own["detections"][0]
        sure = (tmp_path / f"out/confidence/{name}.png").read_bytes()
        assert sure == saved["confidence"].read_bytes()
        assert rows[name]["confidence"] == told["confidence"]["score"]


@pytest.mark.parametrize("details", [("instances",), ("confidence",)])
def test_pools_keep_what_one_process_keeps(standins: Standins, details: tuple[str, ...]) -> None:
    recipe = Recipe.of(standins(), details=details)
    pictures = [plain(value=value) for value in (20, 200, 90)]
    part = walk(recipe, pictures)
    results = recipe.segmenter("cpu").segment([read_image(own) for own in pictures])
    for work, result in zip(part.works, results, strict=True):
        assert {k: v for k, v in work.values.items() if k != "label_map"} == details_of(result)
        assert set(details) == set(work.values) & set(DETAILS)
    table = table_with_files(part.works, recipe.vocabulary, details)
    column = {"instances": "instances", "confidence": "confidence_map"}[details[0]]
    assert table.column(column).to_pylist() == [w.values[details[0]] for w in part.works]


def test_a_rerun_mends_what_is_gone_or_damaged(
    run: Callable[..., BatchRun], tmp_path: Path
) -> None:
    sum(run().here(), Summary())
    kept = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*.[jp][sn]*")}
    assert run().parts == []
    (tmp_path / "out/instances/0/0.png.json").unlink()
    (tmp_path / "out/instances/0/3.png.json").write_text("{")
    (tmp_path / "out/instances/0/4.png.json").write_text('{"size": {"height": 1, "width": 1}}')
    sure = tmp_path / "out/confidence/1/7.png.png"
    sure.write_bytes(sure.read_bytes()[:60])
    assert sum(run().here(), Summary()).done == 4
    assert {file: file.read_bytes() for file in kept} == kept


def test_with_other_details_it_is_another_run(run: Callable[..., BatchRun]) -> None:
    run(("instances",))
    for other, said in (
        ((), "instances"),
        (ALL, "confidence"),
        (("confidence",), "instances, con"),
    ):
        with pytest.raises(ZerosegError, match=f"another run .it differs in {said}"):
            run(other)


def test_a_system_without_detections_says_so(archive: Path, tmp_path: Path) -> None:
    bright = {"class_path": "scale_parts.Bright", "vocabulary": ["background", "light"]}
    recipe = Recipe.of(bright, details=("instances",))
    with pytest.raises(ZerosegError, match="a Bright cannot give instances"):
        list(BatchRun(str(archive), str(tmp_path / "out"), recipe).here())


def test_a_detail_that_cannot_be_written_fails_its_picture(
    standins: Standins, tmp_path: Path
) -> None:
    recipe = Recipe.of(standins(), details=ALL)
    (tmp_path / "instances").write_text("in the way")
    part: Part = walk(recipe, [plain()])
    summary = Manifest(str(tmp_path), recipe.vocabulary, ALL).add(part)
    assert "cannot save the instances" in summary.failures[0].message


def test_an_export_takes_the_masks(run: Callable[..., BatchRun], tmp_path: Path) -> None:
    overlap = {"dog": [0.0, 0.0, 1.0, 1.0], "boat": [0.5, 0.0, 1.0, 1.0]}
    detector = {"class_path": "zeroseg.testing.ScriptedDetector", "init_args": {"boxes": overlap}}
    sum(run(detector=detector).here(), Summary())
    results = Results(str(tmp_path / "out"))
    bright = next(result for result in results if result.name == "0/1")
    picture = results.read(bright)
    assert picture is not None and picture.origin == "detections"
    assert {picture.class_name(one): one.area for one in picture.regions} == {
        "dog": 24 * 32,
        "boat": 24 * 16,
    }
    assert all(one.score is not None for one in picture.regions)
    damaged = tmp_path / "out/instances/0/1.png.json"
    damaged.write_text(damaged.read_text().replace('"size": [24', '"size": [25'))
    with pytest.raises(ZerosegError, match="damaged"):
        results.read(bright)

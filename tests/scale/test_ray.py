"""The stages as pools of Ray actors, on a Ray of two cores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.bad_pictures import BAD, CASES, GOOD, lay_out
from tests.scale.test_object_stores import files as files_at
from tests.scale.test_object_stores import rows as rows_at
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import ZerosegError
from zeroseg.presets import load_preset
from zeroseg.result_details import DETAILS
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.dataset import Pool, segment_dataset
from zeroseg.scale.manifest import ERROR, Summary
from zeroseg.scale.recipe import Recipe
from zeroseg.vocabularies import DRAM

pytestmark = pytest.mark.usefixtures("ray_here")

DAMAGED = CASES / "damaged_avif_inside.jpg"

Standins = Callable[..., dict[str, Any]]


def masks(folder: Path) -> dict[str, bytes]:
    return files(folder / "masks")


def files(folder: Path) -> dict[str, bytes]:
    every = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in every}


def rows(folder: Path) -> list[dict[str, Any]]:
    """The manifest without its times, by name."""
    found = pq.read_table(folder / "manifest").drop_columns("seconds").to_pylist()
    return sorted(found, key=lambda row: row["name"])


def bright(**arguments: Any) -> dict[str, Any]:
    """A system without stages."""
    return {
        "class_path": "scale_parts.Bright",
        "vocabulary": ["background", "light"],
        **arguments,
    }


def test_pools_equal_one_process_byte_for_byte_though_a_worker_is_killed(tmp_path: Path) -> None:
    folder, marker = tmp_path / "in", tmp_path / "killed.once"
    folder.mkdir()
    for index in range(8):
        width = 104 if index == 4 else 96  # where the worker dies
        Image.fromarray(draw_scene(7, index, (72, width)).image).save(folder / f"{index}.png")
    (folder / "5.png").write_bytes(b"this is no picture")
    config = load_preset("tiny")
    config["captioner"] = {
        "class_path": "scale_parts.Mortal",
        "init_args": {"checkpoint": "tiny:blip2", "width": 104, "marker": str(tmp_path / "killed")},
    }
    recipe = Recipe.of(config, DRAM, 2, precision="bf16-mixed", details=tuple(DETAILS))
    there = BatchRun(str(folder), str(tmp_path / "there"), recipe, part_size=2)
    many = sum(there.with_ray(), Summary())
    assert marker.exists()  # a worker was killed at work, with pictures before and after it
    here = BatchRun(str(folder), str(tmp_path / "here"), recipe, part_size=2)
    one = sum(here.here(), Summary())
    assert (one.done, many.done) == (7, 7)
    assert one.failures == many.failures
    for place in ("masks", *DETAILS):
        assert files(tmp_path / "there" / place) == files(tmp_path / "here" / place)
        assert len(files(tmp_path / "here" / place)) == 7
    found = rows(tmp_path / "there")
    assert [row["name"] for row in found] == [f"{index}.png" for index in range(8)]
    assert found == rows(tmp_path / "here")
    assert [row["name"] for row in found if row["status"] == ERROR] == ["5.png"]
    assert all(0 < row["confidence"] < 1 for row in found if row["status"] != ERROR)
    assert list(many.seconds) == list(one.seconds)
    assert BatchRun(str(folder), str(tmp_path / "there"), recipe).parts == []


def test_workers_read_from_one_store_and_write_to_another(archive: Path, tmp_path: Path) -> None:
    source, here, there = "s3://archive/scenes", str(tmp_path / "here"), "gs://archive/from-s3"
    for file in sorted(archive.rglob("*.png"))[:3]:
        fsspec.filesystem("s3").pipe_file(f"{source}/{file.name}", file.read_bytes())
    recipe = Recipe.of(bright(), batch_size=2)
    sum(BatchRun(source, here, recipe, part_size=2).here(), Summary())
    run = BatchRun(source, there, recipe, part_size=2)
    assert sum(run.with_ray(), Summary()).done == 3
    assert files_at(there) == files_at(here)
    assert rows_at(there) == rows_at(here)
    assert BatchRun(source, there, recipe).parts == []


def test_a_service_that_is_gone_stops_the_run_with_what_is_done_saved(
    archive: Path, tmp_path: Path
) -> None:
    recipe = Recipe.of(bright(leaves_at_width=40), batch_size=2)
    run = BatchRun(str(archive), str(tmp_path / "out"), recipe, part_size=4)
    total = sum(run.with_ray(), Summary())
    assert total.stop is not None and "unreachable" in total.stop.message
    done = {row["name"] for row in rows(tmp_path / "out")}
    assert done >= {"1/6.png", "1/7.png"}  # of the part in which it went
    assert not done & {"0/4.png", "1/5.png"}
    assert {f"{name}.png" for name in done} == set(masks(tmp_path / "out"))
    assert BatchRun(str(archive), str(tmp_path / "out"), recipe).left == 10 - len(done)


def test_a_system_that_cannot_be_built_is_one_message(archive: Path, tmp_path: Path) -> None:
    run = BatchRun(str(archive), str(tmp_path / "out"), Recipe.of(bright(leaves_at=3)), limit=2)
    with pytest.raises(ZerosegError, match="leaves_at"):
        list(run.with_ray())
    assert run.output.finished() == {}


def test_any_bad_file_costs_itself_alone(tmp_path: Path) -> None:
    lay_out(tmp_path / "in")
    recipe = Recipe.of(bright(), batch_size=2)
    source = str(tmp_path / "in")
    many = sum(BatchRun(source, str(tmp_path / "there"), recipe).with_ray(), Summary())
    one = sum(BatchRun(source, str(tmp_path / "here"), recipe).here(), Summary())
    assert many.done == one.done == len(GOOD)
    assert tuple(failure.name for failure in many.failures) == BAD
    assert many.failures == one.failures
    assert masks(tmp_path / "there") == masks(tmp_path / "here")


def test_a_data_set_of_paths_and_of_bytes(archive: Path, tmp_path: Path) -> None:
    import ray

    config = bright()
    first, second = archive / "0/0.png", archive / "0/1.png"
    given = ray.data.from_items(
        [
            {"name": "dark", "path": "unused", "bytes": first.read_bytes()},
            {"name": "light", "path": str(second), "bytes": None},
            {"name": "gone", "path": str(archive / "gone.png"), "bytes": None},
            {"name": "neither", "path": None, "bytes": None},
            {"name": "damaged", "path": None, "bytes": DAMAGED.read_bytes()},
        ]
    )
    found = {row["name"]: row for row in segment_dataset(given, config, part_size=2).take_all()}
    assert set(found) == {"dark", "light", "gone", "neither", "damaged"}
    assert "neither bytes nor a path" in found["neither"]["error"]
    assert "cannot be read" in found["damaged"]["error"]
    assert found["dark"]["status"] == "ok" and list(found["dark"]["classes"]) == []
    assert list(found["light"]["classes"]) == ["light"] and list(found["light"]["areas"]) == [1.0]
    assert found["gone"]["mask"] is None and "there is no file" in found["gone"]["error"]
    run = BatchRun(str(archive / "0"), str(tmp_path / "out"), Recipe.of(config), limit=2)
    sum(run.here(), Summary())
    assert found["light"]["mask"] == (tmp_path / "out/masks/1.png.png").read_bytes()


def test_what_cannot_run_is_said_before_it_runs(
    archive: Path, tmp_path: Path, standins: Standins
) -> None:
    import ray

    rows = ray.data.from_items([{"file": "x"}])
    with pytest.raises(ZerosegError, match=r"need a column 'path'.*these have file"):
        segment_dataset(rows, standins())
    run = BatchRun(str(archive), str(tmp_path / "out"), Recipe.of(standins()))
    with pytest.raises(ZerosegError, match=r"no stage 'tag'.*recognise, refine"):
        list(run.with_ray({"tag": Pool(2)}))
    with pytest.raises(ZerosegError, match=r"want 1\.5 GPUs, but there are 0"):
        list(run.with_ray({"masks": Pool(3, num_gpus=0.5)}))
    with pytest.raises(ZerosegError, match=r"want \d+ workers, more than"):
        list(run.with_ray({"masks": Pool(99999)}))

"""Results in an object store are exported as those of a folder are, and to a store as well."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from tests.export.labelled_scenes import SCENES, batched
from zeroseg.export import export_results
from zeroseg.scale.archive import Folder

pytestmark = pytest.mark.usefixtures("stores")


def test_a_store_is_read_and_written(tmp_path: Path) -> None:
    url = "s3://archive/exports"
    results = batched(tmp_path)
    fs = fsspec.filesystem("s3")
    for file in Path(results).rglob("*.p*"):
        fs.pipe_file(f"{url}/results/{file.relative_to(results)}", file.read_bytes())
    fs.pipe_file(f"{url}/results/run.json", Path(results, "run.json").read_bytes())
    here = export_results(results, str(tmp_path / "out"), "coco", copy=True)
    there = export_results(f"{url}/results", f"{url}/out", "coco", copy=True)
    assert (there.written, there.failures, there.lost) == (len(SCENES), [], 1)
    assert there.round_trip == here.round_trip
    folder = Folder(f"{url}/out")
    for name in ("annotations.json", "images/holes.png", "vocabulary.yaml"):
        assert folder.read(name) == (tmp_path / "out" / name).read_bytes()

"""Corrected results in other formats, and their scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.correcting.corrected_scene import CLASSES, box, reviewed, scene, write_scene
from tests.export.labelled_scenes import LAYOUTS
from zeroseg import rle
from zeroseg.correcting import Step
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.evaluation.prediction_files import PredictionFiles
from zeroseg.export import export_results
from zeroseg.export.report import ExportReport
from zeroseg.reviewed import review_files


@pytest.fixture
def results(tmp_path: Path) -> str:
    """A result that was corrected, one that was rejected, one that was accepted, and another."""
    for name, steps in (
        ("a", (Step("relabel", 2, "boat", by="Ada"), box("dog", by="Ada"))),
        ("b", (Step("reject"),)),
        ("c", (Step("delete", 0), Step("accept"))),
    ):
        write_scene(tmp_path / "out" / name, name)
        reviewed(str(tmp_path / "out" / name), *steps, name=name)
    return write_scene(tmp_path / "out", "d")


def exported(results: str, tmp_path: Path, kind: str, **options: str) -> ExportReport:
    return export_results(results, str(tmp_path / "to"), kind, **options)  # type: ignore[arg-type]


def ids(tmp_path: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(tmp_path / "to/masks" / f"{name}.png"))


def test_corrected_results_are_preferred_and_rejected_ones_left_out(
    results: str, tmp_path: Path
) -> None:
    report = exported(results, tmp_path, "png")
    assert (report.written, report.corrected, report.left_out) == (3, 2, {"rejected": 1})
    assert report.failures == []
    assert not (tmp_path / "to/masks/b/b.png").exists()
    assert (ids(tmp_path, "a/a")[10:, :3] == CLASSES.names.index("dog")).all()
    assert np.array_equal(ids(tmp_path, "d"), scene().labels)
    assert json.loads((tmp_path / "to/export.json").read_text())["left_out"] == {"rejected": 1}


def test_accepted_ones_alone_or_all_as_they_were_predicted(results: str, tmp_path: Path) -> None:
    report = exported(results, tmp_path, "png", reviewed="only-accepted")
    assert (report.written, report.corrected) == (1, 1)
    assert report.left_out == {"rejected": 1, "not accepted": 2}
    report = exported(results, tmp_path, "png", reviewed="ignore")
    assert (report.written, report.corrected, report.left_out) == (4, 0, {})
    assert np.array_equal(ids(tmp_path, "a/a"), scene().labels)
    with pytest.raises(ZerosegError, match="choose one of prefer, only-accepted, ignore"):
        exported(results, tmp_path, "png", reviewed="all")


def test_regions_tell_who_made_them(results: str, tmp_path: Path) -> None:
    report = exported(results, tmp_path, "coco")
    assert report.regions["review"] == 5 + 3 and report.round_trip.mean == 1
    told = json.loads((tmp_path / "to/annotations.json").read_text())
    [image] = [own["id"] for own in told["images"] if own["file_name"].startswith("a/a")]
    regions = [own for own in told["annotations"] if own["image_id"] == image]
    makers = [(own["category_id"], own["made_by"], own.get("named_by")) for own in regions]
    assert makers == [
        *((2, "model", None), (1, "model", None), (2, "model", "person Ada")),
        *((3, "model", None), (1, "person Ada", None)),
    ]
    assert rle.decode(regions[-1]["segmentation"])[10:, :3].all()
    exported(results, tmp_path, "cvat")
    text = (tmp_path / "to/annotations.xml").read_text()
    assert [text.count(f'source="{how}"') for how in ("semi-auto", "manual")] == [1, 1]
    for kind, file, said in (
        ("labelme", "a/a.json", '"score 0.9000, made by model, named by person Ada"'),
        ("geojson", "a/a.geojson", '"named_by": "person Ada"'),
        ("label-studio", "tasks.json", '"made_by": "person Ada"'),
        ("coco-panoptic", "panoptic.json", '"made_by": "person Ada"'),
    ):
        exported(results, tmp_path, kind)
        assert said in (tmp_path / "to" / file).read_text(), kind


def test_other_regions_can_be_had_of_a_corrected_result(results: str, tmp_path: Path) -> None:
    report = exported(results, tmp_path, "coco", instances="components")
    assert set(report.regions) == {"components"} and report.failures == []


def test_a_corrected_map_that_is_none_fails_alone(results: str, tmp_path: Path) -> None:
    corrected = Path(results, "a/a.reviewed.png")
    Image.new("L", (16, 12)).save(corrected)
    report = exported(results, tmp_path, "png")
    [failure] = report.failures
    assert failure.name == "a/a" and "which writes it anew" in failure.message
    corrected.unlink()
    [failure] = exported(results, tmp_path, "png").failures
    assert "is missing" in failure.message
    Image.new("L", (16, 12)).save(Path(results, "c/c.mask.png"))
    failures = exported(results, tmp_path, "png").failures
    assert "its prediction has changed since" in failures[1].message


@pytest.mark.parametrize("layout", LAYOUTS)
def test_results_of_every_command_can_be_reviewed(layout: str, tmp_path: Path) -> None:
    folder = LAYOUTS[layout](tmp_path / "out")
    reviewed(folder, Step("delete", 0), Step("accept"), name="touching")
    report = export_results(folder, str(tmp_path / "to"), "png", reviewed="only-accepted")
    assert (report.written, report.corrected, report.failures) == (1, 1, [])


def test_corrected_maps_are_scored_where_that_is_asked_for(results: str) -> None:
    for name in ("a", "b", "d"):
        folder = Path(results, "" if name == "d" else name)
        for corrected in (False, True):
            files = PredictionFiles(folder, CLASSES, corrected=corrected)
            labels = files._read(files._find(name)).numpy()
            changed = corrected and name == "a"
            assert np.array_equal(labels, scene().labels) != changed
    files = PredictionFiles(Path(results, "a"), CLASSES, corrected=True)
    assert len(files.files("a")) == 4 and files.config["corrected"]
    Path(results, "a/a.reviewed.png").unlink()
    with pytest.raises(ImageError):
        files._read(files._find("a"))


def test_names_of_a_review_follow_its_label_map() -> None:
    assert review_files("predictions/x.png") == (
        "predictions/x.review.json",
        "predictions/x.reviewed.png",
    )

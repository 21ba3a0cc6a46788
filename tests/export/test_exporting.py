"""An export as a whole: all sources alike, copies of pictures, coordinates, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from tests.export.labelled_scenes import LAYOUTS, SCENES, holes, image, segmented
from tests.export.own_readers import rasterised
from zeroseg.errors import PackageNotFound, ZerosegError
from zeroseg.export import export_results
from zeroseg.export.originals import upright

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def files(folder: Path) -> dict[str, bytes]:
    """All files by name, but the report, which says where the results lie."""
    found = (file for file in folder.rglob("*") if file.is_file() and file.name != "export.json")
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


@pytest.mark.parametrize("kind", ["coco", "yolo", "voc"])
def test_all_layouts_are_exported_alike(kind: str, tmp_path: Path) -> None:
    written = {}
    for layout, lay in LAYOUTS.items():
        results = lay(tmp_path / layout)
        pictures = str(tmp_path / layout / "pictures") if layout == "test" else None
        report = export_results(results, str(tmp_path / f"{layout}-out"), kind, pictures=pictures)
        assert (report.written, report.failures) == (len(SCENES), [])
        assert report.lost == (layout != "segment")
        written[layout] = files(tmp_path / f"{layout}-out")
    assert written["segment"] == written["batch"] == written["test"]


def test_a_damaged_result_fails_alone_and_by_name(tmp_path: Path) -> None:
    results = segmented(tmp_path)
    Path(results, "pixels.mask.png").write_bytes(b"no picture")
    report = export_results(results, str(tmp_path / "out"), "coco")
    assert report.written == len(SCENES) - 1
    [failure] = report.failures
    assert failure.name == "pixels" and "cannot be read" in failure.message
    told = json.loads((tmp_path / "out" / "export.json").read_text())
    assert told["failed"] == {"pixels": failure.message} and told["written"] == 4


def test_pictures_that_nobody_knows_are_told(tmp_path: Path) -> None:
    results = LAYOUTS["test"](tmp_path)
    report = export_results(results, str(tmp_path / "yolo"), "yolo")
    [note] = report.notes
    assert "--pictures" in note and report.notes[note] == len(SCENES)
    report = export_results(results, str(tmp_path / "sets"), "datasets")
    assert len(report.failures) == len(SCENES) and "--pictures" in report.failures[0].message
    segmented(tmp_path / "gone")
    (tmp_path / "gone" / "pictures" / "pixels.png").unlink()
    report = export_results(str(tmp_path / "gone" / "results"), str(tmp_path / "voc"), "voc")
    assert [f.name for f in report.failures] == ["pixels"]


def test_pictures_are_copied_where_that_is_wanted(tmp_path: Path) -> None:
    results = segmented(tmp_path)
    export_results(results, str(tmp_path / "png"), "png", copy=True)
    copies = {name for name in files(tmp_path / "png") if name.startswith("images/")}
    assert copies == {f"images/{name}.png" for name in SCENES}
    export_results(results, str(tmp_path / "yolo"), "yolo", copy=False)
    assert not (tmp_path / "yolo" / "images").exists()


def test_turned_and_rare_pictures_are_copied_upright(tmp_path: Path) -> None:
    picture = Image.fromarray(np.arange(24 * 30 * 3, dtype=np.uint8).reshape(24, 30, 3))
    exif = picture.getexif()
    exif[274] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    picture.save(tmp_path / "plain.jpg")
    picture.save(tmp_path / "rare.ppm")
    turned, suffix = upright((tmp_path / "turned.jpg").read_bytes(), ".jpg")
    (tmp_path / "upright.png").write_bytes(turned)
    assert suffix == ".png" and Image.open(tmp_path / "upright.png").size == (24, 30)
    plain = (tmp_path / "plain.jpg").read_bytes()
    assert upright(plain, ".jpg") == (plain, ".jpg")
    assert upright((tmp_path / "rare.ppm").read_bytes(), ".ppm")[1] == ".png"


@pytest.fixture
def placed(tmp_path: Path) -> str:
    """Results of a GeoTIFF that knows where it lies."""
    results = segmented(tmp_path)
    place = {"crs": "EPSG:32633", "transform": from_origin(399960.0, 5800020.0, 10.0, 10.0)}
    size = {"height": 24, "width": 30, "count": 3, "dtype": "uint8"}
    with rasterio.open(tmp_path / "holes.tif", "w", driver="GTiff", **size, **place) as raster:
        raster.write(image().numpy())
    told = Path(results, "holes.json")
    told.write_text(told.read_text().replace("pictures/holes.png", "holes.tif"))
    return results


def test_coordinates_of_a_picture_are_kept(placed: str, tmp_path: Path) -> None:
    report = export_results(placed, str(tmp_path / "tif"), "geotiff")
    assert report.notes["pictures whose files know no coordinates"] == len(SCENES) - 1
    with rasterio.open(tmp_path / "tif" / "holes.tif") as raster:
        assert raster.crs.to_epsg() == 32633 and raster.nodata == 255
        assert raster.transform == from_origin(399960.0, 5800020.0, 10.0, 10.0)
        assert raster.colormap(1)[12][:3] != (0, 0, 0)
    report = export_results(placed, str(tmp_path / "json"), "geojson")
    assert report.round_trip.exact == report.round_trip.regions == 14
    content = json.loads((tmp_path / "json" / "holes.geojson").read_text())
    assert content["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    rings = content["features"][0]["geometry"]["coordinates"]
    mask = rasterised(rings, from_origin(399960.0, 5800020.0, 10.0, 10.0))
    assert (mask == (holes() == 1)).all()
    assert _signed(rings[0][0]) > 0 and all(_signed(hole) < 0 for hole in rings[0][1:])


def _signed(ring: list[list[float]]) -> float:
    x, y = np.array(ring).T
    return float(x[:-1] @ y[1:] - x[1:] @ y[:-1])


def test_a_package_that_is_missing_is_named(
    placed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rasterio.io", None)
    for kind in ("geotiff", "geojson"):
        with pytest.raises(PackageNotFound, match=r"zeroseg\[geo\]"):
            export_results(placed, str(tmp_path / kind), kind)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"format": "gif"}, "choose one of png, cityscapes, coco, "),
        ({"instances": "all"}, "'all' are no instances"),
        ({"shapes": "boxes"}, "shapes is 'boxes'; choose masks or polygons"),
        ({"holes": "keep"}, "holes is 'keep'; choose cut or fill"),
        ({"pictures": "nowhere"}, "nowhere"),
    ],
)
def test_choices_that_are_none_are_refused(
    choice: dict[str, str], said: str, tmp_path: Path
) -> None:
    results = segmented(tmp_path)
    with pytest.raises(ZerosegError, match=said):
        export_results(results, str(tmp_path / "out"), **{"format": "coco", **choice})


def test_a_folder_of_results_is_not_written_to(tmp_path: Path) -> None:
    results = segmented(tmp_path / "a")
    with pytest.raises(ZerosegError, match="export to another folder"):
        export_results(results, results, "png")
    run = LAYOUTS["batch"](tmp_path / "b")
    with pytest.raises(ZerosegError, match="export to another folder"):
        export_results(results, run, "png")

"""Each format holds what its own reader finds in it: the very pixels, holes too."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from PIL import Image

from tests.export import own_readers
from tests.export.labelled_scenes import (
    CLASSES,
    DEEP,
    ODD,
    SCENES,
    holes,
    keep_detections,
    overlapping,
    segmented,
)
from zeroseg.export import FORMATS, export_results
from zeroseg.export.label_maps import voc_palette
from zeroseg.export.label_studio import pack, unpack
from zeroseg.export.regions import regions_of
from zeroseg.vocabulary import Vocabulary

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> str:
    return segmented(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def deep_results(tmp_path_factory: pytest.TempPathFactory) -> str:
    return segmented(tmp_path_factory.mktemp("deep"), DEEP)


def exact(report: object) -> None:
    trip = report.round_trip  # type: ignore[attr-defined]
    assert trip.pictures == len(SCENES) and trip.exact == trip.regions > 10 and trip.worst == 1


def wanted(name: str, vocabulary: Vocabulary) -> list[tuple[str, bytes]]:
    regions, _ = regions_of(SCENES[name], vocabulary)
    size = SCENES[name].shape
    return [(vocabulary.names[r.label], r.whole((size[0], size[1])).tobytes()) for r in regions]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kind", own_readers.REGIONS)
def test_regions_come_back(
    kind: str, deep: bool, results: str, deep_results: str, tmp_path: Path
) -> None:
    exact(export_results(deep_results if deep else results, str(tmp_path), kind))
    read = own_readers.REGIONS[kind]
    for name in SCENES:
        if not (kind == "label-studio" and name == ODD):  # whose address is quoted
            found = [(label, mask.tobytes()) for label, mask in read(tmp_path, name)]
            assert found == wanted(name, CLASSES), name


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kind", own_readers.MAPS)
def test_label_maps_come_back(
    kind: str, deep: bool, results: str, deep_results: str, tmp_path: Path
) -> None:
    vocabulary = DEEP if deep else CLASSES
    exact(export_results(deep_results if deep else results, str(tmp_path), kind))
    for name, labels in SCENES.items():
        found = own_readers.MAPS[kind](tmp_path, name)
        assert (found == np.array(vocabulary.ids)[labels]).all(), name


@pytest.mark.parametrize("kind", ["coco", "labelme", "cvat", "label-studio"])
def test_polygons_come_back_too(kind: str, results: str, tmp_path: Path) -> None:
    exact(export_results(results, str(tmp_path), kind, shapes="polygons"))


@pytest.mark.parametrize("kind", ["yolo", "cvat", "labelme", "label-studio"])
def test_filled_holes_are_told(kind: str, results: str, tmp_path: Path) -> None:
    report = export_results(results, str(tmp_path), kind, shapes="polygons", holes="fill")
    dog = (holes() == 1).sum()
    assert report.notes["regions whose holes were filled"] == 5
    assert report.round_trip.worst == min(dog / (14 * 17), 20 / 35)
    assert report.round_trip.exact == report.round_trip.regions - 5
    told = json.loads((tmp_path / "export.json").read_text())
    assert told["round_trip"]["worst_iou"] == report.round_trip.worst
    assert told["options"]["holes"] == "fill"


def test_overlaps_stay_where_a_format_has_them(tmp_path: Path) -> None:
    results = segmented(tmp_path)
    keep_detections(Path(results) / "holes.json")
    report = export_results(results, str(tmp_path / "coco"), "coco")
    assert dict(report.regions) == {"detections": 2, "components": 11}
    found = own_readers.coco(tmp_path / "coco", "holes")
    assert [name for name, _ in found] == ["traffic-light", "dog"]
    assert (found[1][1] == overlapping()[0][2]).all() and (found[0][1] == overlapping()[1][2]).all()
    flat = export_results(results, str(tmp_path / "panoptic"), "coco-panoptic")
    assert flat.notes == {"regions that others hide, whole or in part": 1}
    assert flat.round_trip.exact == flat.round_trip.regions - 1
    [light, dog] = own_readers.panoptic(tmp_path / "panoptic", "holes")
    assert (dog[1] == overlapping()[0][2]).all() and not (dog[1] & light[1]).any()


def test_voc_has_boxes_of_things_and_its_own_colours(results: str, tmp_path: Path) -> None:
    export_results(results, str(tmp_path), "voc")
    root = Xml.parse(tmp_path / "Annotations" / "holes.xml").getroot()
    assert [o.findtext("name") for o in root.iter("object")] == ["dog", "traffic-light"]
    [box, _] = root.iter("bndbox")
    assert [int(side.text or "") for side in box] == [4, 3, 20, 16]
    assert (tmp_path / "JPEGImages" / f"{ODD}.png").is_file()
    odd = Xml.parse(tmp_path / "Annotations" / f"{ODD}.xml").getroot()
    assert odd.findtext("filename") == f"{ODD}.png".partition("/")[2]
    names = (tmp_path / "ImageSets/Segmentation/all.txt").read_text().splitlines()
    assert sorted(names) == sorted(SCENES)
    palette = Image.open(tmp_path / "SegmentationClass" / "holes.png").getpalette() or []
    assert palette[36:39] == [64, 0, 128] and palette[765:768] == [224, 224, 192]
    assert voc_palette()[[1, 15, 20]].tolist() == [[128, 0, 0], [192, 128, 128], [0, 64, 128]]


def test_cityscapes_has_its_own_ids_and_names(tmp_path: Path) -> None:
    from cityscapesscripts.helpers.labels import name2label

    report = export_results(segmented(tmp_path), str(tmp_path / "out"), "cityscapes")
    ids = np.array(Image.open(tmp_path / "out" / "holes_gtFine_labelIds.png"))
    assert (ids[holes() == 2] == name2label["traffic light"].id).all()
    assert (ids[holes() == 3] == name2label["sky"].id).all()
    assert (ids[holes() < 2] == name2label["unlabeled"].id).all()
    assert report.notes == {"pictures with dog, no class of Cityscapes": 4}
    assert report.round_trip.worst == 0


def test_datasets_loads_it(results: str, tmp_path: Path) -> None:
    import datasets

    exact(export_results(results, str(tmp_path / "out"), "datasets"))
    data = datasets.load_dataset(
        str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "c")
    )
    assert len(data) == len(SCENES)
    masks = [np.array(row["mask"]) for row in data]
    expected = [np.array(CLASSES.ids)[labels] for labels in SCENES.values()]
    assert sorted(m.tobytes() for m in masks) == sorted(
        m.astype(masks[0].dtype).tobytes() for m in expected
    )
    first = next(row for row in data if row["objects"]["category"] == [12, 7, 200])
    assert first["objects"]["bbox"][0] == [3, 2, 17, 14] and first["image"].size == (30, 24)


def test_label_studio_packs_as_the_tool_does() -> None:
    mask = np.array([[0, 0, 1, 1], [1, 0, 0, 0]], bool)
    theirs = [0, 0, 0, 32, 57, 27, 252, 224, 22, 255, 237, 128, 0]  # by its `mask2rle`
    assert (unpack(theirs).reshape(2, 4, 4)[:, :, 3] > 0).tolist() == mask.tolist()
    assert (unpack(pack(mask)) == unpack(theirs)).all()
    large = np.zeros((300, 300), bool)
    large[5:290, 3:] = True
    assert (unpack(pack(large)).reshape(300, 300, 4)[:, :, 3] > 0).tobytes() == large.tobytes()


def test_every_format_says_what_it_holds() -> None:
    assert len(FORMATS) == 12
    assert {*own_readers.REGIONS, *own_readers.MAPS, "cityscapes", "datasets"} == set(FORMATS)
    assert all(kind.name == name and kind.summary for name, kind in FORMATS.items())

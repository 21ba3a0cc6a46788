"""Masks come back as they were exported, and corrected as the tools correct them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.export.labelled_scenes import (
    CLASSES,
    DEEP,
    HEIGHT,
    ODD,
    SCENES,
    WIDTH,
    holes,
    segmented,
)
from zeroseg.data.image_mask_folder import ImageMaskFolder
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.export import export_results
from zeroseg.importing import import_truth
from zeroseg.importing.import_masks import SOURCES
from zeroseg.vocabulary import Vocabulary

SQUARE: NDArray[np.bool_] = np.zeros((HEIGHT, WIDTH), bool)
SQUARE[20:23, 2:6] = True


def truth(folder: Path) -> dict[str, NDArray[np.int64]]:
    """What `--data FOLDER` reads."""
    data = ImageMaskFolder(folder).dataset
    samples = [data[position] for position in range(len(data))]
    assert [sample.problem for sample in samples] == [None] * len(samples)
    return {s.name: s.target.numpy() for s in samples if s.target is not None}


@pytest.fixture
def exported(tmp_path: Path) -> Any:
    """Exports a folder of results; gives the export's folder."""

    def export(kind: str, vocabulary: Vocabulary = CLASSES, **options: Any) -> Path:
        results = segmented(tmp_path, vocabulary)
        export_results(results, str(tmp_path / kind), kind, **options)
        return tmp_path / kind

    return export


@pytest.mark.parametrize("vocabulary", [CLASSES, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("kind", SOURCES)
def test_what_was_exported_comes_back(
    kind: str, vocabulary: Vocabulary, exported: Any, tmp_path: Path
) -> None:
    source = exported(kind, vocabulary)
    report = import_truth(source, tmp_path / "truth", kind, pictures=tmp_path / "pictures")
    assert (report.written, report.failures) == (len(SCENES), [])
    read = truth(tmp_path / "truth")
    assert set(read) == set(SCENES)
    assert all((read[name] == labels).all() for name, labels in SCENES.items())
    assert ImageMaskFolder(tmp_path / "truth").vocabulary.ids == vocabulary.ids


@pytest.mark.parametrize("kind", ["coco", "cvat", "labelme"])
def test_polygons_and_copied_pictures_come_back(kind: str, exported: Any, tmp_path: Path) -> None:
    source = exported(kind, shapes="polygons", copy=True)
    assert import_truth(source, tmp_path / "truth", kind).failures == []
    assert (truth(tmp_path / "truth")["holes"] == holes()).all()


def edit_coco(folder: Path) -> None:
    """An annotation more, by pycocotools."""
    from pycocotools import mask as codec

    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    [image] = [i for i in content["images"] if i["file_name"] == "pixels.png"]
    code = codec.encode(np.asfortranarray(SQUARE, np.uint8))
    code["counts"] = code["counts"].decode()
    new = {"id": 999, "image_id": image["id"], "category_id": 7, "segmentation": code}
    content["annotations"].append({**new, "iscrowd": 0})
    file.write_text(json.dumps(content))


def edit_cvat(folder: Path) -> None:
    """A mask more, by cvat-sdk, that lies on top."""
    from cvat_sdk.masks import encode_mask

    tree = Xml.parse(folder / "annotations.xml")
    [image] = [i for i in tree.getroot().iter("image") if i.get("name") == "pixels.png"]
    *runs, x1, y1, x2, y2 = (int(value) for value in encode_mask(SQUARE))
    place = {"left": x1, "top": y1, "width": x2 - x1 + 1, "height": y2 - y1 + 1, "z_order": 9}
    told = {"label": "traffic-light", "rle": ", ".join(map(str, runs)), **place}
    Xml.SubElement(image, "mask", {key: str(value) for key, value in told.items()})
    Xml.SubElement(image, "points", {"label": "dog", "points": "1,1"})
    tree.write(folder / "annotations.xml")


def edit_labelme(folder: Path) -> None:
    """A mask more, as LabelMe writes it, and a point."""
    file = folder / "pixels.json"
    content = json.loads(file.read_text())
    encoded = io.BytesIO()
    Image.fromarray(SQUARE[20:23, 2:6]).save(encoded, "PNG")
    mask = base64.b64encode(encoded.getvalue()).decode()
    shape = {"label": "traffic-light", "shape_type": "mask", "points": [[2, 20], [5, 22]]}
    content["shapes"] += [{**shape, "mask": mask, "group_id": None, "flags": {}}]
    content["shapes"] += [{"label": "dog", "shape_type": "point", "points": [[3, 3]]}]
    file.write_text(json.dumps(content))


def edit_png(folder: Path) -> None:
    """Other pixels, by Pillow."""
    file = folder / "masks" / "pixels.png"
    with Image.open(file) as mask:
        mask.paste(7, (2, 20, 6, 23))
        mask.save(file)


EDITS = {"coco": edit_coco, "cvat": edit_cvat, "labelme": edit_labelme, "png": edit_png}


@pytest.mark.parametrize("kind", SOURCES)
def test_what_was_corrected_is_the_truth(kind: str, exported: Any, tmp_path: Path) -> None:
    source = exported(kind)
    EDITS[kind](source)
    report = import_truth(source, tmp_path / "truth", kind, pictures=tmp_path / "pictures")
    assert sum(report.notes.values()) == (kind in ("cvat", "labelme"))
    expected = np.where(SQUARE, 2, SCENES["pixels"])
    assert (truth(tmp_path / "truth")["pixels"] == expected).all()


@pytest.mark.parametrize("kind", ["coco", "cvat", "labelme"])
def test_classes_are_those_of_the_file_where_nothing_else_tells(
    kind: str, exported: Any, tmp_path: Path
) -> None:
    source = exported(kind)
    (source / "vocabulary.yaml").unlink()
    report = import_truth(source, tmp_path / "truth", kind, pictures=tmp_path / "pictures")
    assert set(report.vocabulary.names) == {"background", "dog", "traffic-light", "sky"}
    assert (truth(tmp_path / "truth")["holes"] > 0).tolist() == (holes() > 0).tolist()


def test_other_shapes_are_drawn(exported: Any, tmp_path: Path) -> None:
    source = exported("labelme")
    content = json.loads((source / "empty.json").read_text())
    content["shapes"] = [
        {"label": "dog", "shape_type": "rectangle", "points": [[0, 0], [4, 3]]},
        {"label": "sky", "shape_type": "circle", "points": [[15, 12], [18, 12]]},
    ]
    (source / "empty.json").write_text(json.dumps(content))
    import_truth(source, tmp_path / "truth", "labelme", pictures=tmp_path / "pictures")
    read = truth(tmp_path / "truth")["empty"]
    assert (read == 1).sum() == 12 and (read[:3, :4] == 1).all()
    assert 24 <= (read == 3).sum() <= 32 and read[12, 15] == 3


def break_shape(folder: Path, kind: str) -> None:
    """Damage one picture's annotation."""
    if kind == "coco":
        file = folder / "annotations.json"
        content = json.loads(file.read_text())
        [image] = [i for i in content["images"] if i["file_name"] == "pixels.png"]
        one = next(a for a in content["annotations"] if a["image_id"] == image["id"])
        one["segmentation"]["counts"] = "1"
        file.write_text(json.dumps(content))
    elif kind == "cvat":
        tree = Xml.parse(folder / "annotations.xml")
        [image] = [i for i in tree.getroot().iter("image") if i.get("name") == "pixels.png"]
        image[0].set("rle", "3, x")
        tree.write(folder / "annotations.xml")
    elif kind == "labelme":
        (folder / "pixels.json").write_text("{")
    else:
        (folder / "masks" / "pixels.png").write_bytes(b"no picture")


@pytest.mark.parametrize("kind", SOURCES)
def test_damage_costs_its_own_picture(kind: str, exported: Any, tmp_path: Path) -> None:
    source = exported(kind)
    break_shape(source, kind)
    report = import_truth(source, tmp_path / "truth", kind, pictures=tmp_path / "pictures")
    assert report.written == len(SCENES) - 1
    [failure] = report.failures
    assert failure.name.removesuffix(".png") == "pixels" and failure.message


def test_unknown_classes_sizes_and_pictures_are_said(exported: Any, tmp_path: Path) -> None:
    source = exported("labelme")
    text = (source / "pixels.json").read_text()
    (source / "pixels.json").write_text(text.replace('"dog"', '"dock"'))
    (tmp_path / "pictures" / "empty.png").unlink()
    Image.new("RGB", (40, 40)).save(tmp_path / "pictures" / "touching.png")
    report = import_truth(source, tmp_path / "truth", "labelme", pictures=tmp_path / "pictures")
    said = {failure.name: failure.message for failure in report.failures}
    assert set(said) == {"pixels", "empty", "touching"}
    assert (
        "dock" in said["pixels"]
        and "--pictures" in said["empty"]
        and "(40, 40)" in said["touching"]
    )
    assert set(truth(tmp_path / "truth")) == {"holes", ODD}


def test_names_lead_nowhere_else(exported: Any, tmp_path: Path) -> None:
    source = exported("cvat")
    file = source / "annotations.xml"
    file.write_text(file.read_text().replace('"pixels.png"', '"../../pixels.png"'))
    report = import_truth(source, tmp_path / "truth", "cvat", pictures=tmp_path / "pictures")
    assert report.failures == [] and set(truth(tmp_path / "truth")) == set(SCENES)


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("gif", "", "choose one of coco, cvat, labelme, png"),
        ("coco", "{}", "lists no images"),
        ("coco", "[", "cannot be read as JSON"),
        ("cvat", "<a/>", "no file of CVAT"),
        ("cvat", "<a", "cannot be read as XML"),
    ],
)
def test_files_of_another_kind_are_refused(
    kind: str, content: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(ZerosegError, match=said):
        import_truth(tmp_path / "file", tmp_path / "truth", kind)


def test_empty_folders_and_missing_classes_are_refused(exported: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for kind in SOURCES:
        with pytest.raises(ImageError, match=r"there (is no file|are no)"):
            import_truth(tmp_path / "empty", tmp_path / "truth", kind)
    with pytest.raises(ZerosegError, match=r"there is no file or folder"):
        import_truth(tmp_path / "nowhere", tmp_path / "truth", "png")
    source = exported("png")
    (source / "vocabulary.yaml").unlink()
    with pytest.raises(VocabularyError, match="--vocabulary"):
        import_truth(source, tmp_path / "truth", "png", pictures=tmp_path / "pictures")


def test_masks_of_other_classes_do_not_come_among_these(exported: Any, tmp_path: Path) -> None:
    source, pictures = exported("png"), tmp_path / "pictures"
    import_truth(source, tmp_path / "truth", "png", pictures=pictures)
    assert import_truth(source, tmp_path / "truth", "png", pictures=pictures).written == len(SCENES)
    with pytest.raises(ZerosegError, match="has other classes"):
        import_truth(source, tmp_path / "truth", "png", pictures=pictures, vocabulary=DEEP)

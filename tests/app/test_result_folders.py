"""Folders of results that the server shows, by number alone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.app.scripted_service import client, png, segmenter
from zeroseg import rle
from zeroseg.app.pictures import OfferedPictures
from zeroseg.app.result_folders import open_folders
from zeroseg.errors import ZerosegError


def write_results(folder: Path, pictures: Path, *names: str, confidence: bool = True) -> Path:
    """Results of pictures that lie in another folder."""
    system = segmenter()
    pictures.mkdir(parents=True, exist_ok=True)
    for place, name in enumerate(names):
        (pictures / f"{name}.png").write_bytes(png(40 + place, 32))
        result = system.segment(
            pictures / f"{name}.png", instances=confidence, confidence=confidence
        )
        result.save(folder / name)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three results, the second of which is the least sure; a fourth that is damaged."""
    made = tmp_path_factory.mktemp("results")
    write_results(made / "out", made / "pictures", "a", "b", "c", "d")
    for name, score in (("a", 0.9), ("b", 0.2)):
        told = json.loads((made / f"out/{name}.json").read_text())
        told["confidence"]["score"] = score
        (made / f"out/{name}.json").write_text(json.dumps(told))
    told = json.loads((made / "out/c.json").read_text())
    del told["confidence"]
    (made / "out/c.json").write_text(json.dumps(told))
    (made / "out/d.json").write_text("{")
    return made


@pytest.fixture(scope="module")
def made(folder: Path) -> Iterator[TestClient]:
    with client(results=[folder / "out"]) as found:
        yield found


def test_the_least_sure_picture_comes_first(made: TestClient) -> None:
    assert made.get("/v1/results").json() == [
        {"place": 0, "name": "out", "pictures": 4, "reviewed": 0}
    ]
    told = made.get("/v1/results/0").json()
    found = [(own["number"], own["name"], own["score"]) for own in told["pictures"]]
    assert found == [(1, "b", 0.2), (0, "a", 0.9), (2, "c", None), (3, "d", None)]
    assert told["scored"] == 2
    assert "'d.json' is damaged" in told["pictures"][3]["problem"]


def test_a_prediction_is_told_as_a_picture_that_is_sent_is(made: TestClient, folder: Path) -> None:
    told = made.get("/v1/results/0/1").json()
    saved = json.loads((folder / "out/b.json").read_text())
    assert told["name"] == "b" and told["size"] == {"height": 32, "width": 41}
    assert [own["name"] for own in told["legend"]] == ["boat", "background", "dog"]
    assert told["detections"] == saved["detections"] and told["tags"] == saved["tags"]
    assert told["confidence"]["score"] == 0.2
    dog = rle.decode(told["legend"][2]["segmentation"])
    assert np.array_equal(dog, np.asarray(Image.open(folder / "out/b.mask.png")) == 1)
    assert "confidence" not in made.get("/v1/results/0/2").json()
    assert str(folder) not in json.dumps(told)


def test_the_picture_is_there_in_any_size(made: TestClient) -> None:
    whole = Image.open(io.BytesIO(made.get("/v1/results/0/1/picture").content))
    small = Image.open(io.BytesIO(made.get("/v1/results/0/1/picture?side=20").content))
    assert (whole.size, small.size) == ((41, 32), (20, 16))
    assert made.get("/v1/results/0/1/picture?side=0").status_code == 422


def test_what_is_not_there_is_said(made: TestClient, folder: Path) -> None:
    for path in ("1", "-1", "0/4", "0/-1", "0/4/picture", "1/0/picture"):
        assert made.get(f"/v1/results/{path}").status_code == 404, path
    for path in ("x", "0/x", "..%2f..", "0/..%2fa.json"):
        assert made.get(f"/v1/results/{path}").status_code in (404, 422), path
    damaged = made.get("/v1/results/0/3")
    assert damaged.status_code == 422 and "'d.json' is damaged" in damaged.json()["detail"]


def test_pictures_that_have_moved_are_looked_for_among_those_offered(
    tmp_path: Path,
) -> None:
    write_results(tmp_path / "out", tmp_path / "pictures", "a", confidence=False)
    (tmp_path / "pictures").rename(tmp_path / "moved")
    with client(results=[tmp_path / "out"]) as made:
        lost = made.get("/v1/results/0/0/picture")
        assert lost.status_code == 422 and "--pictures" in lost.json()["detail"]
        assert str(tmp_path) not in lost.text
    with client(results=[tmp_path / "out"], pictures=tmp_path / "moved") as made:
        assert made.get("/v1/results/0/0/picture").status_code == 200
        (tmp_path / "moved/a.png").write_bytes(b"none")
        gone = made.get("/v1/results/0/0/picture")
        assert gone.status_code == 422 and str(tmp_path) not in gone.text


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("x/out", "y/out", "y/other"):
        write_results(tmp_path / name, tmp_path / "pictures", "a", confidence=False)
    places = [tmp_path / name for name in ("x/out", "y/out", "y/other")]
    found = open_folders(places, OfferedPictures(None))
    assert [own.name for own in found] == ["x/out", "y/out", "other"]
    twice = open_folders([places[2], tmp_path / "x", places[2]], OfferedPictures(None))
    assert [own.name for own in twice] == ["other", "x"]
    with pytest.raises(ZerosegError, match="holds no results"):
        open_folders([tmp_path / "pictures"], OfferedPictures(None))
    with pytest.raises(ZerosegError, match="not on this machine"):
        open_folders(["s3://bucket/out"], OfferedPictures(None))

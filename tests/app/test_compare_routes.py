"""Two folders of results over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.app.scripted_service import client
from tests.comparing.test_compared_folders import PETS, save
from tests.correcting.corrected_scene import box, reviewed, write_scene
from zeroseg import Vocabulary, rle
from zeroseg.comparing import compare_folders

LABELS = np.ones((4, 5), np.int64)


def otherwise() -> np.ndarray:
    """The first row is a boat, the last pixel has no label."""
    labels = LABELS.copy()
    labels[0] = 2
    labels[3, 4] = 255
    return labels


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A and B share three pictures, one of which is damaged in B; C shares none."""
    made = tmp_path_factory.mktemp("compare")
    for name in ("alone", "damaged", "moved", "same"):
        save(made / "a", name, LABELS, PETS)
    boats = Vocabulary.from_names(["background", "dog", "boat"])
    for name, labels in (("damaged", LABELS), ("moved", otherwise()), ("same", LABELS)):
        save(made / "b", name, labels, boats)
    (made / "b/damaged.mask.png").write_bytes(b"nothing")
    save(made / "c", "other", LABELS, PETS)
    return made


@pytest.fixture(scope="module")
def made(place: Path) -> Iterator[TestClient]:
    with client(results=[place / name for name in "abc"]) as found:
        yield found


def test_what_two_folders_share_is_said(made: TestClient) -> None:
    assert made.get("/v1/compare/0/1").json() == {
        "a": "a",
        "b": "b",
        "pictures": 3,
        "only_a": ["alone"],
        "only_b": [],
    }
    nothing = made.get("/v1/compare/0/2")
    assert nothing.status_code == 422 and "no picture of one name" in nothing.json()["detail"]


def test_differences_are_those_of_the_library(made: TestClient, place: Path) -> None:
    told = made.get("/v1/compare/0/1/differences").json()
    assert [own["name"] for own in told] == ["damaged", "moved", "same"]
    found = {one.name: one for one in compare_folders(str(place / "a"), str(place / "b")).pictures}
    for own in told[1:]:
        assert own["share"] == found[own["name"]].share and own["problem"] is None
        assert [tuple(c.values()) for c in own["changes"]] == found[own["name"]].changes
    assert told[0]["share"] is None and told[0]["problem"].startswith("B: ")
    assert str(place) not in str(told)
    part = made.get("/v1/compare/0/1/differences?begin=1&count=1").json()
    assert part == told[1:2] and made.get("/v1/compare/0/1/differences?begin=9").json() == []


def test_a_picture_comes_with_both_label_maps(made: TestClient) -> None:
    told = made.get("/v1/compare/0/1/1").json()
    assert (told["name"], told["number_a"], told["number_b"]) == ("moved", 2, 1)
    classes = {own["name"]: own for own in told["classes"]}
    assert list(classes) == ["dog", "boat", "(no class)"]
    dog, boat = classes["dog"], classes["boat"]
    assert (dog["area_a"], dog["area_b"], dog["iou"]) == (20, 14, 0.7)
    assert (boat["area_a"], boat["area_b"], boat["iou"]) == (0, 5, 0)
    assert np.array_equal(rle.decode(boat["in_b"]), otherwise() == 2)
    assert not rle.decode(boat["in_a"]).any() and rle.decode(dog["in_a"]).all()
    assert len({own["color"] for own in told["classes"]}) == 3


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("0/9", 404),
        ("-1/0", 404),
        ("0/1/9", 404),
        ("0/1/-1", 404),
        ("0/1/0", 422),
        ("x/1", 422),
        ("0/1/differences?count=201", 422),
        ("0/1/differences?begin=-1", 422),
        ("0/1/differences?corrected=c", 422),
        ("9/1/differences", 404),
    ],
)
def test_what_is_not_there_is_refused(made: TestClient, path: str, status: int) -> None:
    response = made.get(f"/v1/compare/{path}")
    assert response.status_code == status and response.json()["detail"]


def test_what_people_changed_while_the_server_runs(tmp_path: Path) -> None:
    folder = write_scene(tmp_path / "out", "a")
    with client(results=[folder]) as found:
        reviewed(folder, box("dog"))
        for corrected, changes in (
            ("none", []),
            ("b", [{"a": "background", "b": "dog", "pixels": 6}]),
            ("both", []),
        ):
            [told] = found.get(f"/v1/compare/0/0/differences?corrected={corrected}").json()
            picture = found.get(f"/v1/compare/0/0/0?corrected={corrected}").json()
            assert told["changes"] == picture["changes"] == changes


def test_the_page_is_open_and_its_folders_need_the_token(place: Path) -> None:
    with client(results=[place / "a"], token="secret") as found:
        assert "Compare" in found.get("/compare").text
        assert found.get("/v1/compare/0/0").status_code == 401

"""What the API answers, and how it says that it does not."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from tests.app.scripted_service import Breaking, ask, client, png, segmenter
from zeroseg import __version__, rle
from zeroseg.app import Limits
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import ChatError, ImageError
from zeroseg.recognition.tagger import Tagger
from zeroseg.segmenter import ZeroShotSegmenter


@pytest.fixture(scope="module")
def made() -> Iterator[TestClient]:
    with client(limits=Limits(megapixels=0.01, classes=20)) as found:
        yield found


def test_the_answer_is_the_librarys(made: TestClient) -> None:
    told = ask(made, classes="dog, boat, person").json()
    expected = segmenter().segment(png(), vocabulary=["dog", "boat", "person"])
    assert told["areas"] == pytest.approx(expected.areas)
    assert told["caption"] == "a dog beside a boat"
    assert [own["prompt"] for own in told["prompts"]] == ["dog", "boat", "person"]
    assert told["name"] == "a.png" and told["size"] == {"height": 32, "width": 40}
    found = np.zeros((32, 40), int)
    for entry in told["legend"]:
        mask = rle.decode(entry["segmentation"])
        assert mask.sum() == entry["area"] and entry["share"] == pytest.approx(mask.mean())
        found[mask] = entry["id"]
    assert np.array_equal(found, expected.vocabulary.to_ids(expected.label_map).numpy())
    assert "segmentation" not in told["detections"][0] and "confidence" not in told


def test_instances_and_confidence_are_there_on_request(made: TestClient) -> None:
    told = ask(made, classes="dog", instances="true", confidence="true").json()
    [dog] = told["detections"]
    mask = rle.decode(dog["segmentation"])
    assert mask[:16, :20].all() and mask.sum() == dog["area"] == 320
    grey = np.asarray(Image.open(io.BytesIO(base64.b64decode(told["confidence"]["map"]))))
    expected = segmenter().segment(png(), vocabulary=["dog"], confidence=True).confidence
    assert expected is not None and told["confidence"]["score"] == round(expected.score, 4)
    assert np.array_equal(grey, (expected.probability * 255).round().to(torch.uint8).numpy())


def test_the_mask_is_an_indexed_png_where_that_is_asked_for(made: TestClient) -> None:
    sent = {"files": {"picture": ("a.png", png())}, "data": {"classes": "dog"}}
    by_format = made.post("/v1/segment?format=png", **sent)
    by_header = made.post("/v1/segment", headers={"accept": "image/png"}, **sent)
    assert by_format.headers["content-type"] == by_header.headers["content-type"] == "image/png"
    mask = Image.open(io.BytesIO(by_format.content))
    assert mask.mode == "P" and by_header.content == by_format.content
    assert np.asarray(mask)[0, 0] == 1 and np.asarray(mask)[31, 39] == 0


def test_classes_are_the_models_a_lists_or_what_is_seen(made: TestClient) -> None:
    assert list(ask(made).json()["areas"]) == ["boat", "dog"]
    assert list(ask(made, classes="").json()["areas"]) == ["boat", "dog"]
    assert ask(made, vocabulary="drawn").json()["vocabulary"] == "drawn"
    seen = ask(made, classes="auto", instances="1").json()
    assert list(seen["areas"]) == ["boat", "dog"] and seen["vocabulary"] == "seen"
    assert seen["detections"][0]["area"] > 0


def test_thresholds_are_for_single_classes(made: TestClient) -> None:
    fields = {"classes": "dog, boat", "thresholds": ["dog=0.95", "boat=0.1"]}
    assert list(ask(made, **fields).json()["areas"]) == ["boat"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"classes": "dog", "thresholds": "dog"}, "CLASS=SCORE"),
        ({"classes": "dog", "thresholds": "dog=2"}, "from 0 to 1"),
        ({"classes": "dog", "thresholds": "cat=0.5"}, "cat"),
        ({"classes": "dog", "vocabulary": "voc2012"}, "not both"),
        ({"vocabulary": "voc"}, "there are dram, voc2012"),
        ({"vocabulary": "/etc/passwd"}, "there is no such vocabulary"),
        ({"classes": "/etc/passwd"}, "looks like a file"),
        ({"classes": "../secret.yaml"}, "looks like a file"),
        ({"classes": "auto", "thresholds": "dog=0.5"}, "auto finds"),
        ({"classes": ", ".join(f"class {i}" for i in range(30))}, "too many"),
        ({"vocabulary": "voc2012"}, "too many"),
        ({"classes": "x" * 20_001}, "classes: String should have at most"),
        ({"instances": "perhaps"}, "instances"),
    ],
)
def test_what_cannot_be_asked_is_422(made: TestClient, fields: dict[str, str], said: str) -> None:
    response = ask(made, **fields)
    assert response.status_code == 422
    assert said in response.json()["detail"]


def test_pictures_that_cannot_be_worked_on_are_refused(made: TestClient) -> None:
    damaged = ask(made, png()[:60])
    assert damaged.status_code == 422 and "the encoded picture" in damaged.json()["detail"]
    assert ask(made, b"").status_code == 422
    assert ask(made, png(4, 4)).status_code == 422
    assert made.post("/v1/segment", data={"classes": "dog"}).status_code == 422
    large = ask(made, png(200, 100))
    assert large.status_code == 413 and "200 x 100" in large.json()["detail"]


class Unreachable(Tagger):
    def forward(self, images: object) -> list[tuple[()]]:  # type: ignore[override]
        raise ChatError("no server answers")


def test_a_failing_picture_fails_alone_and_a_lost_language_model_is_502() -> None:
    with client(segmenter(tagger=Breaking())) as made:
        dark = ask(made, png(color="black"))
        assert dark.status_code == 500
        assert dark.json()["detail"] == "the picture failed at tags: RuntimeError: too dark"
        assert ask(made, classes="dog").status_code == 200
    with client(segmenter(tagger=Unreachable())) as made:
        lost = ask(made)
        assert (lost.status_code, lost.json()["detail"]) == (502, "no server answers")


ODD = (
    *(
        "",
        " ",
        "\0",
        "\n\n",
        ",",
        "=",
        "a=b=c",
        "dog=nan",
        "dog=1e999",
        "{",
        "[]",
        "{}",
        "- a\n- b",
    ),
    *(
        "null",
        "0",
        "-1",
        "1" * 400,
        "é\u0301",
        "\U0001f436",
        "<b>",
        "~",
        "file:///etc/passwd",
        "a.yaml",
    ),
    *("background", "dog, dog", "0: dog\n0: cat", "*x", "&x a", "!!python/object:os.system {}"),
)
"""Texts that somebody may send anywhere."""


def test_whatever_is_sent_is_no_fault_of_the_server(made: TestClient) -> None:
    names = ("classes", "vocabulary", "thresholds", "instances", "confidence", "unknown")
    for text in ODD:
        for name in names:
            response = ask(made, **{"classes": "dog", name: text})
            assert response.status_code in (200, 422), (name, text, response.text)
            assert response.status_code == 200 or response.json()["detail"]
        assert made.post(f"/v1/segment?format={quote(text)}").status_code == 422
        assert made.get(f"/v1/pictures/{quote(text, safe='')}").status_code in (404, 422)
    whole = png()
    for end in range(0, len(whole), 7):
        assert ask(made, whole[:end] + bytes(9)).status_code in (200, 422)


def test_forms_that_are_none_are_refused(made: TestClient) -> None:
    kinds = {
        "multipart/form-data": 400,
        "multipart/form-data; boundary=x": 400,
        "application/json": 422,
        "application/x-www-form-urlencoded": 422,
        "nonsense": 422,
    }
    for kind, status in kinds.items():
        response = made.post("/v1/segment", content=b"picture=1", headers={"content-type": kind})
        assert (kind, response.status_code) == (kind, status)
    assert made.post("/v1/segment", data={"picture": "text"}).status_code == 422


def test_what_is_offered_is_said(made: TestClient) -> None:
    assert made.get("/v1/health").json() == {"status": "ok"}
    assert made.get("/v1/ready").json() == {"status": "ready"}
    told = made.get("/v1/model").json()
    assert (told["model"], told["version"]) == ("scripted", __version__)
    assert told["classes"] == ["background", "dog", "boat"] and told["pictures"] == []
    assert told["auto"] and told["instances"] and told["confidence"] and not told["token"]
    assert told["limits"]["megapixels"] == 0.01 and "voc2012" in told["vocabularies"]


def test_pictures_of_a_folder_are_known_by_their_place(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(png(20, 16))
    (tmp_path / "a.bmp").write_bytes(png(30, 16))
    with client(pictures=tmp_path) as made:
        assert made.get("/v1/model").json()["pictures"] == ["a.bmp", "b.png"]
        first = Image.open(io.BytesIO(made.get("/v1/pictures/0").content))
        assert first.size == (30, 16) and first.format == "PNG"
        for place in (-1, 2):
            assert made.get(f"/v1/pictures/{place}").status_code == 404
        assert made.get("/v1/pictures/..%2fb.png").status_code in (404, 422)
        (tmp_path / "b.png").unlink()
        gone = made.get("/v1/pictures/1")
        assert gone.status_code == 422 and str(tmp_path) not in gone.text
    with pytest.raises(ImageError):
        client(pictures=tmp_path / "none").__enter__()


def test_the_description_names_every_answer(made: TestClient) -> None:
    told = made.get("/openapi.json").json()
    segment = told["paths"]["/v1/segment"]["post"]
    assert {"200", "400", "401", "403", "413", "422", "429", "500", "502", "504"} == set(
        segment["responses"]
    )
    assert set(segment["responses"]["200"]["content"]) == {"application/json", "image/png"}
    assert segment["responses"]["422"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Problem"
    }
    assert made.get("/docs").status_code == made.get("/redoc").status_code == 404


def test_the_tiny_family_answers_as_it_does_in_the_library() -> None:
    system = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat", "boat", "person"])
    file = io.BytesIO()
    Image.fromarray(draw_scene(7, 1, (128, 128)).image).save(file, "PNG")
    with client(system) as made:
        told = ask(made, file.getvalue(), classes="person, tree, house").json()
    expected = system.segment(file.getvalue(), vocabulary=["person", "tree", "house"])
    assert told["areas"] == pytest.approx(expected.areas)
    assert [tag["name"] for tag in told["tags"]] == [t.name for t in expected.description.tags]

"""The review over HTTP: steps, masks on request, and several people at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient
from torch import Tensor

from tests.app.scripted_service import Gated, ask, client, segmenter
from tests.correcting.corrected_scene import SIZE, write_scene
from zeroseg import rle
from zeroseg.app import Limits
from zeroseg.masking.mask_predictor import Encodings
from zeroseg.masking.prompt import Prompt
from zeroseg.testing import BoxMasks
from zeroseg.values import Geometry, Masks

REVIEW, MASK = "/v1/results/0/0/review", "/v1/results/0/0/mask"


class PromptedBoxes(BoxMasks):
    """Takes a box for its mask, and two by two pixels for each click; counts what it encodes."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded = 0

    @property
    def promptable(self) -> bool:
        return True

    def encode(self, images: Sequence[Tensor]) -> Encodings:
        self.encoded += len(images)
        return (torch.zeros(len(images), 1),)

    def prompted(self, image: Tensor, prompt: Prompt, encodings: Encodings | None = None) -> Masks:
        size = (image.shape[1], image.shape[2])
        prompt.check(size)
        inside = torch.zeros(1, *size)
        if prompt.box is not None:
            x1, y1, x2, y2 = map(round, prompt.box)
            inside[:, y1:y2, x1:x2] = 1
        for x, y, on in prompt.clicks:
            inside[:, max(0, int(y) - 1) : int(y) + 1, max(0, int(x) - 1) : int(x) + 1] = float(on)
        return Masks(inside * 2 - 1, Geometry.itself(size))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(write_scene(tmp_path / "out", "a", "b"))


@pytest.fixture
def made(folder: Path) -> Iterator[TestClient]:
    with client(segmenter(mask_predictor=PromptedBoxes()), results=[folder]) as found:
        yield found


def do(made: TestClient, revision: int, what: str, **fields: Any) -> Any:
    sent = {"revision": revision, "do": what, "by": "Ada", **fields}
    return made.post(REVIEW, json=sent)


def test_a_review_begins_with_the_prediction(made: TestClient, folder: Path) -> None:
    told = made.get(REVIEW).json()
    assert (told["revision"], told["state"], told["undo"], told["redo"]) == (
        0,
        "open",
        False,
        False,
    )
    assert [own["name"] for own in told["classes"]] == ["dog", "boat", "sky"]
    regions = [(own["number"], own["class"], own["made_by"]) for own in told["regions"]]
    names = enumerate(("boat", "dog", "dog", "sky"))
    assert regions == [(number, name, "model") for number, name in names]
    found = np.zeros(SIZE, int)
    for entry in told["legend"]:
        found[rle.decode(entry["segmentation"])] = entry["id"]
    assert np.array_equal(found, np.asarray(Image.open(folder / "a.mask.png")))
    assert not (folder / "a.review.json").exists()


def test_steps_are_saved_undone_and_listed(made: TestClient, folder: Path) -> None:
    told = do(made, 0, "relabel", region=2, **{"class": "boat"}).json()
    assert (told["revision"], told["regions"][2]["named_by"]) == (1, "person Ada")
    told = do(made, 1, "delete", region=0).json()
    assert [own["number"] for own in told["regions"]] == [1, 2, 3]
    told = do(made, 2, "undo").json()
    assert [own["done"] for own in told["steps"]] == [True, False] and told["redo"]
    assert do(made, 3, "redo").json()["steps"][1]["done"]
    told = do(made, 4, "accept").json()
    assert told["state"] == "accepted" and told["steps"][2]["by"] == "Ada"
    listed = made.get("/v1/results/0").json()
    assert listed["reviewed"] == 1
    assert [(own["state"], own["changed"]) for own in listed["pictures"]] == [
        ("accepted", True),
        ("open", False),
    ]
    assert made.get("/v1/results").json()[0]["reviewed"] == 1
    assert json.loads((folder / "a.review.json").read_text())["revision"] == 5
    assert made.get(REVIEW).json() == told


def test_the_model_answers_to_boxes_and_clicks_at_once(folder: Path) -> None:
    predictor = PromptedBoxes()
    with client(segmenter(mask_predictor=predictor), results=[folder]) as made:
        assert made.get("/v1/model").json()["prompts"]
        box = {"box": [1, 2, 5, 6]}
        told = made.post(MASK, json=box).json()
        assert (told["area"], told["model"]) == (16, "PromptedBoxes")
        assert rle.decode(told["segmentation"])[2:6, 1:5].all()
        points = [{"x": 8, "y": 8}, {"x": 2, "y": 3, "on": False}]
        assert made.post(MASK, json={**box, "points": points}).json()["area"] == 16 - 4 + 4
        assert predictor.encoded == 1
        added = do(made, 0, "add", prompt={**box, "points": points}, **{"class": "dog"}).json()
        assert predictor.encoded == 1
        assert added["regions"][-1]["made_by"] == "model PromptedBoxes"
        assert added["regions"][-1]["area"] == 16
        [step] = json.loads((folder / "a.review.json").read_text())["steps"]
        assert step["prompt"] == {"box": [1, 2, 5, 6], "points": [[8, 8, 1], [2, 3, 0]]}
        assert (step["model"], step["by"]) == ("PromptedBoxes", "Ada") and step["when"]
        for number in (1, 0, 1):
            made.post(f"/v1/results/0/{number}/mask", json=box)
        assert predictor.encoded == 2


def test_a_mask_of_a_persons_own_can_be_added(made: TestClient) -> None:
    mask = {"size": list(SIZE), "counts": [0, 2, 190]}
    told = do(made, 0, "add", mask=mask, **{"class": "dog"}).json()
    own = told["regions"][-1]
    assert (own["made_by"], own["box_xyxy"], "named_by" in own and own["named_by"]) == (
        "person Ada",
        [0, 0, 1, 2],
        None,
    )


def test_a_model_without_promptable_masks_says_so(folder: Path) -> None:
    with client(results=[folder]) as made:
        assert not made.get("/v1/model").json()["prompts"]
        refused = made.post(MASK, json={"box": [1, 2, 5, 6]})
        assert refused.status_code == 422 and "no promptable masks" in refused.json()["detail"]
        assert (
            do(made, 0, "add", prompt={"box": [1, 2, 5, 6]}, **{"class": "dog"}).status_code == 422
        )


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"do": "delete", "revision": 3, "region": 0}, 409, "somebody else"),
        ({"do": "delete", "region": 9}, 422, "no region 9"),
        ({"do": "delete"}, 422, "needs region"),
        ({"do": "accept", "region": 1}, 422, "takes no region"),
        ({"do": "relabel", "region": 1, "class": "cat"}, 422, "'cat' is none of the classes"),
        ({"do": "undo"}, 422, "nothing to undo"),
        ({"do": "redo"}, 422, "nothing to do again"),
        ({"do": "add", "class": "dog"}, 422, "needs mask"),
        ({"do": "add", "class": "dog", "prompt": {"box": [1, 1, 1, 9]}}, 422, "x1 < x2"),
        ({"do": "add", "class": "dog", "prompt": {"points": []}}, 422, "needs a box"),
        ({"do": "accept", "prompt": {"box": [0, 0, 9, 9]}}, 422, "a prompt is for a region"),
        ({"do": "add", "class": "dog", "prompt": {"box": [0, 0, 99, 9]}}, 422, "leads out"),
        (
            {"do": "add", "class": "dog", "mask": {"size": [1, 1], "counts": "1"}},
            422,
            "run lengths",
        ),
        ({"do": "add", "mask": {"size": [1], "counts": "1"}}, 422, "mask.size"),
        ({"do": "fly"}, 422, "do: "),
        ({"do": "accept", "revision": "x"}, 422, "revision: "),
        ({"do": "accept", "by": "x" * 101}, 422, "by: "),
    ],
)
def test_what_cannot_be_done_is_said_and_saves_nothing(
    made: TestClient, folder: Path, fields: dict[str, Any], status: int, said: str
) -> None:
    response = made.post(REVIEW, json={"revision": 0, **fields})
    assert (response.status_code, said in response.json()["detail"]) == (status, True), (
        response.text
    )
    assert sorted(own.name for own in folder.glob("a.re*")) == []


def test_bodies_that_are_none_are_refused(made: TestClient) -> None:
    for path in (REVIEW, MASK):
        for body in (b"", b"{", b"[]", b"null", b"\xff", b'{"box": [NaN, 1, 2, 3]}', b'{"box": 7}'):
            headers = {"content-type": "application/json"}
            assert made.post(path, content=body, headers=headers).status_code in (400, 422), body
        assert made.post(path.replace("/0/0/", "/0/7/"), json={}).status_code in (404, 422)
    assert made.post("/v1/results/0/7/mask", json={"box": [0, 0, 1, 1]}).status_code == 404
    assert made.get("/v1/results/4/0/review").status_code == 404


def test_damaged_reviews_are_told_and_kept(made: TestClient, folder: Path) -> None:
    (folder / "a.review.json").write_text('{"format": "of another program"}')
    for response in (made.get(REVIEW), do(made, 0, "accept")):
        assert response.status_code == 422
        assert "no review of zeroseg" in response.json()["detail"]
    assert "no review" in made.get("/v1/results/0").json()["pictures"][0]["problem"]
    assert (folder / "a.review.json").read_text() == '{"format": "of another program"}'


def test_what_cannot_be_written_is_500_and_tells_no_path(made: TestClient, folder: Path) -> None:
    (folder / "a.reviewed.png").mkdir()
    refused = do(made, 0, "accept")
    assert refused.status_code == 500 and str(folder) not in refused.text


def test_reviews_are_limited_as_pictures_are(folder: Path) -> None:
    limits = Limits(megabytes=0.001, requests=1)
    gated = Gated()
    with client(segmenter(tagger=gated), results=[folder], limits=limits) as made:
        long = {"do": "accept", "revision": 0, "class": "x" * 2000}
        assert made.post(REVIEW, json=long).status_code == 413
        worker = threading.Thread(target=ask, args=(made,))
        worker.start()
        assert gated.came.wait(10)
        assert do(made, 0, "accept").status_code == 429
        assert made.get(REVIEW).status_code == 200
        gated.gate.set()
        worker.join()


def test_the_description_names_every_answer_of_a_review(made: TestClient) -> None:
    told = made.get("/openapi.json").json()["paths"]
    steps = set(told["/v1/results/{place}/{number}/review"]["post"]["responses"])
    assert steps == {"200", "400", "401", "403", "404", "409", "413", "422", "429", "500", "504"}
    masks = set(told["/v1/results/{place}/{number}/mask"]["post"]["responses"])
    assert masks == steps - {"409"}

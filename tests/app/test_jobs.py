"""Jobs: taken at once, told stage by stage, bounded, and given up where nobody wants them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest
import torch
from starlette.testclient import TestClient

from tests.app.scripted_service import Breaking, Gated, ask, client, png, segmenter, served
from zeroseg import rle
from zeroseg.app import Limits, job
from zeroseg.app.stage_words import SIDE, small_masks
from zeroseg.refinement import LLMPreRefiner
from zeroseg.testing import ScriptedChat
from zeroseg.values import Geometry, Masks


class Told(NamedTuple):
    id: int
    kind: str
    data: dict[str, Any]


def told(lines: Iterator[str]) -> Iterator[Told]:
    """Events of a stream, comments left out."""
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and fields:
            yield Told(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}


def begin(made: TestClient | httpx.Client, *pictures: bytes, **fields: Any) -> Any:
    sent = [("picture", (f"{place}.png", own)) for place, own in enumerate(pictures or (png(),))]
    return made.post("/v1/jobs", files=sent, data=fields)


def events(made: TestClient, began: Any, last: int | None = None) -> list[Told]:
    """All events of a job, once it is done."""
    headers = {} if last is None else {"last-event-id": str(last)}
    response = made.get(began.json()["events"], headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    return list(told(iter(response.text.split("\n"))))


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(scope="module")
def made() -> Iterator[TestClient]:
    with client(limits=Limits(megapixels=0.01, job_pictures=3)) as found:
        yield found


def test_results_of_a_job_are_those_of_single_requests(made: TestClient) -> None:
    began = begin(made, png(), png(48, 24), classes="dog, boat", instances="1", confidence="1")
    assert began.status_code == 202 and began.headers["location"].endswith(began.json()["id"])
    last = events(made, began)[-1]
    assert (last.kind, last.data) == ("done", {"state": "done"})
    state = made.get(began.headers["location"]).json()
    assert state["state"] == "done"
    assert [own["name"] for own in state["pictures"]] == ["0.png", "1.png"]
    for own, picture in zip(state["pictures"], (png(), png(48, 24)), strict=True):
        single = ask(made, picture, classes="dog, boat", instances="1", confidence="1").json()
        result = made.get(own["result"]).json()
        for answer in (single, result):
            answer.update(name="", seconds={})
        assert result == single


def test_every_stage_of_every_picture_is_told_in_its_order(made: TestClient) -> None:
    began = begin(made, png(), png(48, 24), classes="dog, boat")
    all_ = events(made, began)
    assert [own.id for own in all_] == list(range(len(all_)))
    for place in (0, 1):
        own = [one.data for one in all_ if one.data.get("picture") == place]
        stages = [(one["stage"], one["ended"]) for one in own if "stage" in one]
        order = ("tags", "caption", "pre-refinement", "detection", "post-refinement", "masks")
        assert [name for name, ended in stages if ended] == [*order, "fusion"]
        assert [name for name, ended in stages if not ended] == began.json()["stages"]
        said = {one["stage"]: one for one in own if one.get("ended")}
        assert said["tags"]["tags"][0] == {"name": "dog", "score": 1.0}
        assert said["caption"]["caption"] == "a dog beside a boat"
        assert [one["prompt"] for one in said["pre-refinement"]["prompts"]] == ["dog", "boat"]
        [dog, boat] = said["detection"]["detections"]
        assert dog["box_xyxy"] == [0, 0, *((20, 16) if place == 0 else (24, 12))]
        assert re.fullmatch("#[0-9a-f]{6}", dog["color"]) and dog["color"] != boat["color"]
        [mask, _] = map(rle.decode, said["masks"]["masks"])
        assert mask.shape == ((32, 40) if place == 0 else (24, 48)) and mask.mean() == 0.25
        assert said["fusion"]["seconds"] >= 0
        assert own[-1]["state"] == "done" and own[-1]["result"].endswith(f"/results/{place}")


def test_a_stream_goes_on_after_the_last_event_that_came(made: TestClient) -> None:
    began = begin(made, classes="dog")
    all_ = events(made, began)
    assert len(all_) == 7 * 2 + 2
    for last in (0, 7, len(all_) - 1):
        assert events(made, began, last) == all_[last + 1 :]
    for wrong in ("-2", "x", "1" * 30):
        answer = made.get(began.json()["events"], headers={"last-event-id": wrong})
        assert answer.status_code == 422


def test_pictures_fail_alone_and_as_they_would_singly() -> None:
    with client(segmenter(tagger=Breaking()), limits=Limits(megapixels=0.01)) as made:
        pictures = (png(), png(color="black"), png()[:60], png(200, 100))
        began = begin(made, *pictures, classes="dog")
        ends = {
            own.data["picture"]: own.data for own in events(made, began) if own.kind == "picture"
        }
        assert [ends[place]["state"] for place in range(4)] == ["done", *["failed"] * 3]
        assert ends[1]["stage"] == "tags" and "too dark" in ends[1]["detail"]
        for place, picture in enumerate(pictures):
            single = ask(made, picture, classes="dog")
            result = made.get(f"{began.headers['location']}/results/{place}")
            assert result.status_code == single.status_code == ends[place]["status"]
            if place:
                assert result.json() == single.json()


def test_what_is_seen_is_told_with_its_own_classes(made: TestClient) -> None:
    all_ = events(made, begin(made, classes="auto"))
    tags = [own.data for own in all_ if own.data.get("stage") == "tags" and own.data["ended"]]
    assert [own["name"] for own in tags[-1]["tags"]] == ["dog", "boat"]
    found = next(own.data["detections"] for own in all_ if "detections" in own.data)
    assert {own["class"] for own in found} == {"dog", "boat"}


def test_what_a_language_model_was_asked_and_said_is_told_with_its_stage() -> None:
    chat = ScriptedChat(['{"dog": ["dog"]}'])
    with client(segmenter(pre_refiner=LLMPreRefiner(chat))) as made:
        all_ = events(made, begin(made))
    said = [own.data for own in all_ if own.data.get("exchanges")]
    assert [own["stage"] for own in said] == ["pre-refinement"]
    [exchange] = said[0]["exchanges"]
    assert exchange["purpose"] == "pre-refinement" and "dog" in exchange["prompt"]
    assert exchange["reply"] == chat.replies[0]  # type: ignore[index]


def test_jobs_and_single_requests_share_batches() -> None:
    gated = Gated()
    with client(segmenter(tagger=gated)) as made, ThreadPoolExecutor(1) as pool:
        begin(made, classes="dog")
        assert gated.came.wait(10)
        second = begin(made, png(), png(), png(), classes="dog")
        other = begin(made, classes="boat")
        single = pool.submit(ask, made, classes="dog")
        service = made.app.state.service  # type: ignore[attr-defined]
        until(lambda: service.batches.waiting == 5)
        states = [made.get(own.headers["location"]) for own in (second, other)]
        assert [own.json()["state"] for own in states] == ["waiting"] * 2
        gated.gate.set()
        assert single.result().status_code == 200
        assert events(made, other)[-1].kind == events(made, second)[-1].kind == "done"
    assert gated.sizes == [1, 4, 1]


def test_events_come_as_they_happen_and_nothing_waits_for_who_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job, "HEARTBEAT", 0.05)
    gated = Gated()
    with served(segmenter(tagger=gated)) as address, httpx.Client(base_url=address) as made:
        began = begin(made, classes="dog")
        with made.stream("GET", began.json()["events"]) as stream:
            lines = stream.iter_lines()
            first = next(told(lines))
            assert (first.id, first.data["stage"], first.data["ended"]) == (0, "tags", False)
            assert next(lines) == ": still there" and gated.sizes == [1]
        with made.stream("GET", began.json()["events"], headers={"last-event-id": "0"}) as stream:
            gated.gate.set()
            rest = list(told(stream.iter_lines()))
        assert rest[0].id == 1 and rest[-1].kind == "done"
        assert made.get(began.headers["location"]).json()["state"] == "done"


def test_a_server_that_ends_lets_those_go_who_follow() -> None:
    gated, server = Gated(), ExitStack()
    address = server.enter_context(served(segmenter(tagger=gated)))
    with httpx.Client(base_url=address) as made:
        began = begin(made, classes="dog")
        with made.stream("GET", began.json()["events"]) as stream:
            coming = told(stream.iter_lines())
            assert next(coming).kind == "stage"
            ending = threading.Thread(target=server.close)
            ending.start()
            ends = [(own.kind, own.data["state"]) for own in coming]
    gated.gate.set()
    ending.join()
    assert ends == [("picture", "cancelled"), ("done", "done")]


def test_what_has_not_begun_is_given_up_and_what_has_ended_forgotten() -> None:
    gated = Gated()
    with client(segmenter(tagger=gated, batch_size=1)) as made:
        began = begin(made, png(), png(), png(), classes="dog")
        where = began.headers["location"]
        assert gated.came.wait(10)
        until(lambda: made.get(where).json()["state"] == "working")
        unfinished = [made.get(f"{where}/results/{place}").status_code for place in range(3)]
        assert unfinished == [409] * 3
        states = [own["state"] for own in made.delete(where).json()["pictures"]]
        assert states == ["working", "cancelled", "cancelled"]
        gated.gate.set()
        ends = [own.data["state"] for own in events(made, began) if own.kind == "picture"]
        assert ends == ["cancelled", "cancelled", "done"]
        results = [made.get(f"{where}/results/{place}").status_code for place in (0, 1, 2, 3, -1)]
        assert results == [200, 409, 409, 404, 404]
        assert gated.sizes == [1]
        assert made.delete(where).status_code == 200
        assert made.get(where).status_code == made.delete(where).status_code == 404


def test_jobs_are_bounded_in_number_and_those_that_have_ended_make_room() -> None:
    gated = Gated()
    with client(segmenter(tagger=gated), limits=Limits(jobs=1)) as made:
        first = begin(made, classes="dog")
        full = begin(made, classes="dog")
        assert full.status_code == 429 and int(full.headers["retry-after"]) >= 1
        gated.gate.set()
        events(made, first)
        second = begin(made, classes="dog")
        assert second.status_code == 202
        assert made.get(first.headers["location"]).status_code == 404
        assert made.get(second.headers["location"]).status_code == 200


def test_jobs_are_bounded_in_bytes() -> None:
    size = len(png())
    with client(limits=Limits(job_megabytes=(2 * size + 10) / 1e6)) as made:
        assert begin(made, png(), png(), png(), classes="dog").status_code == 413
        began = begin(made, classes="dog, boat")
        [end] = [own.data for own in events(made, began) if own.kind == "picture"]
        assert end["state"] == "failed" and "no room" in end["detail"]


def test_jobs_that_have_ended_are_forgotten_after_a_while(made: TestClient) -> None:
    with client(limits=Limits(job_seconds=0.05)) as quick:
        began = begin(quick, classes="dog")
        events(quick, began)
        until(lambda: quick.get(began.headers["location"]).status_code == 404)


@pytest.mark.parametrize(
    ("pictures", "fields", "said"),
    [
        (4, {}, "3 pictures"),
        (0, {}, "picture"),
        (1, {"vocabulary": "voc"}, "there is no such vocabulary"),
        (1, {"classes": "dog", "thresholds": "dog=2"}, "from 0 to 1"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(
    made: TestClient, pictures: int, fields: dict[str, str], said: str
) -> None:
    sent = [("picture", ("a.png", png()))] * pictures
    refused = made.post("/v1/jobs", files=sent, data=fields)
    assert refused.status_code == 422 and said in refused.json()["detail"]


def test_jobs_are_for_those_who_may_ask_and_ids_are_not_to_be_guessed() -> None:
    with client(token="a secret") as made:
        known = {"authorization": "Bearer a secret"}
        sent = {"files": {"picture": ("a.png", png())}, "headers": known}
        ids = {made.post("/v1/jobs", **sent).json()["id"] for _ in range(3)}
        assert len(ids) == 3 and all(len(own) == 22 for own in ids)
        for path in (
            f"/v1/jobs/{own}{rest}" for own in ids for rest in ("", "/events", "/results/0")
        ):
            assert made.get(path).status_code == 401
            assert made.get(path, headers=known).status_code in (200, 409)
        assert made.post("/v1/jobs", files=sent["files"]).status_code == 401
        assert made.delete(f"/v1/jobs/{ids.pop()}").status_code == 401
        for path in ("/v1/jobs/none", "/v1/jobs/none/events", "/v1/jobs/none/results/0"):
            assert made.get(path, headers=known).status_code == 404


def test_the_description_names_every_answer_of_jobs(made: TestClient) -> None:
    paths = made.get("/openapi.json").json()["paths"]
    jobs = {path: own for path, own in paths.items() if path.startswith("/v1/jobs")}
    answers = {(path, how): set(own[how]["responses"]) for path, own in jobs.items() for how in own}
    assert answers["/v1/jobs", "post"] >= {"202", "400", "401", "403", "413", "422", "429", "504"}
    one = "/v1/jobs/{job}"
    for path, how in ((one, "get"), (one, "delete"), (f"{one}/events", "get")):
        assert answers[path, how] >= {"200", "401", "403", "404"}
    results = answers[f"{one}/results/{{place}}", "get"]
    assert results >= {"200", "404", "409", "413", "422", "500", "502"}
    stream = jobs[f"{one}/events"]["get"]["responses"]["200"]["content"]
    assert list(stream) == ["text/event-stream"]


def test_masks_are_shown_small_wherever_they_lie_in_their_picture() -> None:
    logits = torch.full((2, 64, 64), -1.0)
    logits[0, :32, :24] = 1  # the upper left quarter of what the picture fills of the frame
    wide = Masks(logits, Geometry.padded((3000, 2250), 64))
    first, second = map(rle.decode, small_masks(wide))
    assert first.shape == (SIDE, 192) and first[: SIDE // 2, :96].all()
    assert first.mean() == 0.25 and not second.any()
    part = Masks(logits[:1] * 0 + 1, Geometry.itself((64, 64)).within((256, 512), (128, 64)))
    [seen] = map(rle.decode, small_masks(part))
    assert seen.shape == (128, 256) and seen[32:64, 64:96].all() and seen.sum() == 32 * 32
    assert small_masks(Masks(logits[:0], Geometry.itself((64, 64)))) == []
    several: Sequence[Any] = small_masks(Masks(torch.ones(80, 8, 8), Geometry.itself((8, 8))))
    assert len(several) == 64

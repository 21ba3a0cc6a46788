"""Users share batches, wait their turn, and are told when there is no room."""

from __future__ import annotations

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import torch
from starlette.testclient import TestClient

from tests.app.scripted_service import Gated, ask, client, png, segmenter
from zeroseg.app import Limits
from zeroseg.app.measures import Measures
from zeroseg.app.shared_batches import SharedBatches
from zeroseg.errors import ZerosegError


def later(pool: ThreadPoolExecutor, made: TestClient, **fields: str) -> Future[Any]:
    """Ask in a thread, once what was asked before waits or is worked on."""
    taken = made.app.state.service.batches  # type: ignore[attr-defined]
    before = taken.waiting
    asked = pool.submit(ask, made, **fields)
    end = time.monotonic() + 10
    while taken.waiting == before and time.monotonic() < end:
        time.sleep(0.002)
    return asked


def behind_a_gate(made: TestClient, gated: Gated, pool: ThreadPoolExecutor) -> Future[Any]:
    """A picture that is worked on until the gate is opened."""
    first = pool.submit(ask, made, classes="dog")
    assert gated.came.wait(10)
    return first


def test_pictures_of_several_users_go_through_together_if_their_classes_are_the_same() -> None:
    gated = Gated()
    with client(segmenter(tagger=gated)) as made, ThreadPoolExecutor(8) as pool:
        first = behind_a_gate(made, gated, pool)
        lists = ["dog, boat", "person", "dog,boat", "person", "dog, boat"]
        others = [later(pool, made, classes=classes) for classes in lists]
        gated.gate.set()
        assert gated.sizes == [1] or first.result().status_code == 200
        areas = [list(own.result().json()["areas"]) for own in others]
        assert areas == [["boat", "dog"], ["person"], ["boat", "dog"], ["person"], ["boat", "dog"]]
        assert gated.sizes == [1, 3, 2]
        text = made.get("/metrics").text
    assert "zeroseg_batches_total 3" in text and "zeroseg_pictures_total 6" in text


def test_options_part_batches_too() -> None:
    gated = Gated()
    with client(segmenter(tagger=gated)) as made, ThreadPoolExecutor(8) as pool:
        behind_a_gate(made, gated, pool)
        fields = [{}, {"instances": "1"}, {"confidence": "1"}, {"thresholds": "dog=0.99"}]
        others = [later(pool, made, classes="dog", **own) for own in fields]
        gated.gate.set()
        told = [own.result().json() for own in others]
    assert gated.sizes == [1] * 5
    assert [len(own["areas"]) for own in told] == [1, 1, 1, 0]
    assert ["confidence" in own for own in told] == [False, False, True, False]


def test_a_full_house_says_when_to_come_again() -> None:
    gated = Gated()
    limits = Limits(requests=2)
    with client(segmenter(tagger=gated), limits=limits) as made, ThreadPoolExecutor(4) as pool:
        first = behind_a_gate(made, gated, pool)
        second = later(pool, made, classes="dog")
        third = ask(made, classes="dog")
        assert third.status_code == 429 and int(third.headers["retry-after"]) >= 1
        assert made.get("/v1/health").status_code == 200
        gated.gate.set()
        assert first.result().status_code == second.result().status_code == 200
        assert ask(made, classes="dog").status_code == 200
        assert 'status="429"} 1' in made.get("/metrics").text


def test_what_takes_too_long_is_given_up() -> None:
    gated = Gated()
    with client(segmenter(tagger=gated), limits=Limits(seconds=0.2)) as made:
        late = ask(made, classes="dog")
        assert late.status_code == 504 and "within 0.2 s" in late.json()["detail"]
        assert made.get("/v1/ready").status_code == 200
        gated.gate.set()


def test_nobody_works_on_what_was_given_up() -> None:
    gated = Gated()
    system, image = segmenter(tagger=gated), torch.zeros(3, 16, 16, dtype=torch.uint8)
    batches = SharedBatches(2, Measures())
    batches.start()
    first, second, third = (
        batches.submit(image, key, lambda images, _: system.finish(system.begin(images)))
        for key in range(3)
    )
    assert gated.came.wait(10) and second.cancel()
    gated.gate.set()
    assert third.result(10).areas == first.result(10).areas
    batches.close()
    assert gated.sizes == [1, 1]


def test_the_thread_that_segments_has_its_cores_and_its_maker_keeps_those_it_had() -> None:
    kept = torch.get_num_threads()
    batches = SharedBatches(2, Measures(), kept + 2)
    batches.start()
    assert batches.call(torch.get_num_threads).result(10) == kept + 2
    batches.close()
    assert torch.get_num_threads() == kept


def test_requests_have_a_size_announced_or_not() -> None:
    with client(limits=Limits(megabytes=0.01)) as made:
        large = ask(made, b"x" * 20_000)
        assert large.status_code == 413 and "0.01 megabytes" in large.json()["detail"]
        sent = made.build_request("POST", "/v1/segment", files={"picture": ("a", b"x" * 20_000)})
        kind = sent.headers["content-type"]
        parts = iter([sent.read()])
        unannounced = made.post("/v1/segment", content=parts, headers={"content-type": kind})
        assert unannounced.status_code == 413
        assert ask(made).status_code == 200


def test_limits_are_positive() -> None:
    with pytest.raises(ValueError, match="the limit of seconds is 0"):
        Limits(seconds=0)


def test_those_who_wait_at_the_end_are_let_go() -> None:
    gated, measures = Gated(), Measures()
    system = segmenter(tagger=gated)
    batches = SharedBatches(2, measures)
    image = torch.zeros(3, 16, 16, dtype=torch.uint8)
    assert not batches.working
    batches.start()
    assert batches.working
    working = batches.submit(image, 1, lambda images, _: system.finish(system.begin(images)))
    assert gated.came.wait(10)
    waiting = batches.submit(image, 2, lambda images, _: [])
    gated.gate.set()
    batches.close()
    assert working.done() and (waiting.cancelled() or waiting.done())
    assert not batches.working
    with pytest.raises(ZerosegError, match="about to end"):
        batches.submit(image, 1, lambda images, _: [])


def test_measures_are_prometheus_text() -> None:
    with client() as made:
        ask(made)
        ask(made, png()[:50])
        made.get("/v1/pictures/7")
        made.get("/such/a/path/is/nowhere")
        answer = made.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.]+')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in lines)
    assert 'zeroseg_requests_total{route="/v1/segment",status="200"} 1' in lines
    assert 'zeroseg_requests_total{route="/v1/segment",status="422"} 1' in lines
    assert 'zeroseg_requests_total{route="/v1/pictures/{place}",status="404"} 1' in lines
    assert 'zeroseg_requests_total{route="other",status="404"} 1' in lines
    assert 'zeroseg_segment_seconds_bucket{le="+Inf"} 2' in lines
    assert "zeroseg_segment_seconds_count 2" in lines
    assert answer.text.endswith("\n")

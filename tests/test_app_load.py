"""The load test, on a server whose segmenter is scripted."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np

from benchmarks import app_load
from tests.app.scripted_service import segmenter
from tests.browser.test_app_in_a_browser import served
from zeroseg.app import Limits


def test_users_are_answered_as_the_library_answers_or_refused() -> None:
    pictures = app_load.scenes(3, 48)
    expected, rate = app_load.direct(segmenter(), pictures, 0)
    assert len(expected) == 3 * len(app_load.LISTS) and rate > 0
    with served(limits=Limits(requests=6)) as address:
        tally, memory, taken = app_load.load(address, os.getpid(), pictures, 8, 1.2)
        known = app_load.declared(address)
    found = app_load.report_of(tally, expected, known, memory, (len(tally.seconds) / taken, rate))
    assert found["answered"] > 8 and found["wrong"] == found["lost"] == 0
    assert set(found["refused"]) == {429} and found["seconds"]["p50"] > 0
    assert list(found["resident_bytes"]) == ["start", "middle", "end"]
    kinds = {content[:4] for (_, content) in tally.answers}
    assert kinds == {b"\x89PNG", b'[{"h'} and {429, 200, 504} <= known


def test_a_wrong_answer_and_a_lost_request_are_seen() -> None:
    pictures = app_load.scenes(1, 48)
    expected, _ = app_load.direct(segmenter(), pictures, 0)
    with served() as address:
        tally, *_ = app_load.load(address, os.getpid(), pictures, 2, 0.2)
    shifted = {pair: np.roll(ids, 1, 1) for pair, ids in expected.items()}
    assert (
        app_load.wrong(tally, shifted) == len(tally.seconds) > 0 == app_load.wrong(tally, expected)
    )
    gone, *_ = app_load.load(address, os.getpid(), pictures, 2, 0.05)
    assert not gone.seconds and gone.lost
    undeclared = app_load.Tally(seconds=[1.0], refused=Counter({418: 2, 429: 1}), lost=["gone"])
    found = app_load.report_of(undeclared, {}, {200, 429}, {"end": 1}, (1.0, 2.0))
    assert found["lost"] == 3 and found["lost_because"] == ["418", "gone"]
    assert found["share_of_the_library"] == 0.5

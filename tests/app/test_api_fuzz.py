"""Requests made of the API's own description; `benchmarks/app_fuzz.py` makes many more."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException

from tests.app.scripted_service import png
from tests.browser.test_app_in_a_browser import served
from zeroseg.app.service import Service

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def app_fuzz(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return import_module("app_fuzz")


def test_every_operation_keeps_to_its_description(app_fuzz: Any, tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for shift, folder in enumerate(folders):
        app_fuzz.make_results(folder, 5 * shift)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/0.png").write_bytes(png())
    with served(results=folders, pictures=tmp_path / "pictures") as address:
        found = app_fuzz.fuzz(address, 8)
    assert found.failures == {}
    statuses = found.statuses
    assert statuses.keys() >= {"GET /v1/health", "GET /v1/results", "POST /v1/segment"}
    assert {200, 405, 422} <= statuses["POST /v1/segment"].keys()
    assert {200, 404, 405, 422} <= statuses["GET /v1/results/{place}"].keys()
    assert max(status for own in statuses.values() for status in own) < 500


def test_an_answer_that_is_not_in_the_description_is_found(
    app_fuzz: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def teapot(*_: object) -> None:
        raise HTTPException(418, "no tea")

    monkeypatch.setattr(Service, "about", teapot)
    with served() as address:
        found = app_fuzz.fuzz(address, 2, only="^/v1/model$")
    assert list(found.statuses) == ["GET /v1/model"]
    assert any("status_code_conformance" in said and "418" in said for said in found.failures)

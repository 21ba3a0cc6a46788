from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.client import point
from tests.hub.server import Hub, running
from zeroseg.preflight import fetching


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine, empty as its client's cache is."""
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    with running() as found:
        point(monkeypatch, found, tmp_path / "home")
        yield found


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ZEROSEG_LLM", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)

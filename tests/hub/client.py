"""The client on this machine, pointed at a hub on loopback instead of the public one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.hub.server import Hub


def environment(hub: Hub, home: Path, **more: str) -> dict[str, str]:
    """The environment of a process that knows only this hub, with caches of its own."""
    places = {"HF_HOME": str(home), "HF_HUB_CACHE": str(home / "hub"), "TORCH_HOME": str(home)}
    flags = {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_ENDPOINT": hub.address}
    left_out = ("HF_TOKEN", "OPENAI_API_KEY", "OPENAI_BASE_URL", "ZEROSEG_LLM", "ZEROSEG_CACHE")
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    local = {"NO_PROXY": "127.0.0.1,localhost", "COLUMNS": "160", "OMP_NUM_THREADS": "1"}
    return {**inherited, **local, **places, **flags, **more}


def point(monkeypatch: pytest.MonkeyPatch, hub: Hub, home: Path) -> None:
    """The same within this process, whose client has read its environment already."""
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("TORCH_HOME", str(home))
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # what is kept of a dropped one
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)

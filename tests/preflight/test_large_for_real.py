"""`large` from `zeroseg fetch` to label maps: the hub's client, and a server that others wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.chat.transformers_server import CHAT, serve
from tests.hub.client import environment
from tests.hub.server import Fault, running
from tests.preflight import published
from zeroseg.drawn.scene import draw_scene

ROOT = Path(__file__).parents[2]


def zeroseg(*words: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "tests.preflight.published", *words]
    places = {**env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=places, cwd=cwd, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_large_from_fetch_to_label_maps(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(2):
        scene = draw_scene(3, number, (128, 160))
        Image.fromarray(scene.image).save(tmp_path / f"photos/{number}.png")
    (tmp_path / "server").mkdir()
    with running() as hub, serve({CHAT: "tiny:chat"}, tmp_path / "server") as address:
        published.fill(hub)
        faults = hub.repositories[published.LLMDET].faults
        faults["model.safetensors"] = Fault(drop_after=50_000)
        env = environment(hub, tmp_path / "home", LISTS_AT=hub.address)
        fetch = zeroseg("fetch", "--model", "large", "--to", "models", env=env, cwd=tmp_path)
        assert fetch.returncode == 0, fetch.stderr
        assert "zeroseg segment PICTURES --model models/large.yaml" in fetch.stdout
        assert not any("pytorch" in path for path in hub.downloads())
        # The hub is gone: what follows runs from the folder alone.
        away = {**env, "HF_HUB_OFFLINE": "1"}
        model = ["--llm-url", address, "--llm", CHAT]
        told = zeroseg(
            "doctor", "--model", "models/large.yaml", "--json", *model, env=away, cwd=tmp_path
        )
        assert told.returncode == 0, told.stderr
        found = [json.loads(line) for line in told.stdout.splitlines()]
        assert {entry["state"] for entry in found} == {"ok"}
        done = zeroseg(
            "segment", "photos", "--model", "models/large.yaml", "--vocabulary", "drawn",
            "--output", "out", *model, env=away, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"language model: {CHAT} at {address}" in done.stderr
    for number in range(2):
        mask = np.asarray(Image.open(tmp_path / f"out/{number}.mask.png"))
        assert mask.shape == (128, 160)
        written = json.loads((tmp_path / f"out/{number}.json").read_text())
        assert written["tags"] and written["caption"] and written["exchanges"]

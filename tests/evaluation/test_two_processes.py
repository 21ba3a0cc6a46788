"""Several processes share a data set: every image counts once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.evaluation.conftest import QUIET, build, scenes
from tests.evaluation.two_processes import COUNT
from zeroseg.evaluation.evaluate import evaluate


def test_two_processes_count_every_image_once(tmp_path: Path) -> None:
    assert COUNT % 2 == 1
    script = Path(__file__).with_name("two_processes.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, script, tmp_path], check=True, env=environment, timeout=300)
    shared = json.loads((tmp_path / "run" / "results.json").read_text())
    alone = evaluate({"it": build()}, scenes(COUNT), {"it": tmp_path / "alone"}, **QUIET)["it"]
    assert shared["images"]["scored"] == COUNT
    assert shared["confusion_matrix"] == alone.results["confusion_matrix"]
    assert shared["miou"] == alone.results["miou"]
    assert shared["data"]["fingerprint"] == alone.results["data"]["fingerprint"]
    plain = torch.load(tmp_path / "plain.pt")
    assert plain["scores"]["miou"] == pytest.approx(alone.results["miou"], abs=1e-12)
    assert plain["logged"]["miou"] == pytest.approx(alone.results["miou"], abs=1e-6)

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

BOXES = {"dog": [0.0, 0.0, 0.5, 0.5], "boat": [0.5, 0.0, 1.0, 1.0], "person": [0, 0.75, 0.25, 1]}


def content() -> dict[str, Any]:
    """A segmenter of stand-ins that sees a dog and a boat in every picture."""
    return {
        "vocabulary": "drawn",
        "tagger": {
            "class_path": "cli_parts.FixedTags",
            "init_args": {"names": ["puppy", "boat"]},
        },
        "pre_refiner": {"class_path": "zeroseg.refinement.lexical_pre_refiner.LexicalPreRefiner"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": BOXES},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
        "batch_size": 2,
    }


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where nothing else is, with the stand-ins within reach."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    monkeypatch.setenv("COLUMNS", "160")
    return


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A file with the stand-ins."""
    path = tmp_path / "standins.yaml"
    path.write_text(yaml.safe_dump(content()))
    return str(path)

"""The doors, as a new user comes to them: the command line in this process, and a small system."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from PIL import Image

from tests.bad_inputs.stand_ins import content
from zeroseg.cli.main import main
from zeroseg.segmenter import ZeroShotSegmenter


class Said(NamedTuple):
    """What a command said, and how it ended."""

    code: int
    text: str


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where nothing else is, without anybody's settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ZEROSEG_LLM", "ZEROSEG_CACHE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A file with the stand-ins."""
    path = tmp_path / "standins.yaml"
    path.write_text(yaml.safe_dump(content()))
    return str(path)


@pytest.fixture(scope="module")
def segmenter() -> ZeroShotSegmenter:
    """The stand-ins, built."""
    return ZeroShotSegmenter.from_config(content())


@pytest.fixture
def zeroseg(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`zeroseg ...`, whatever it is given: an exit code and words, and never a traceback."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stopped:  # argparse's way of refusing
            code = int(stopped.code or 0)
        printed = capsys.readouterr()
        text = printed.out + printed.err
        assert "Traceback" not in text, text
        return Said(code, text)

    return run


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A picture."""
    path = tmp_path / "good.png"
    Image.new("RGB", (32, 24)).save(path)
    return path

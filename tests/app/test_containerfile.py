"""What can be known of the container without building it: files, arguments, user, health."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.test_app_in_a_browser import served
from zeroseg.cli.main import main, parser
from zeroseg.presets import preset_names

ROOT = Path(__file__).parents[2]


def instructions() -> Iterator[tuple[str, str]]:
    """Those of the file with their arguments, in order."""
    text = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest


LINES = list(instructions())


def only(name: str) -> str:
    [found] = [rest for own, rest in LINES if own == name]
    return found


def is_in_context(path: str) -> bool:
    """Whether a file of the repository is sent to the build; the last pattern that fits counts."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        whole = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        if any(fnmatch(own, pattern) for own in (*whole, *(parts if "**/" in line else ()))):
            sent = line.startswith("!")
    return sent


def test_what_is_copied_is_there_and_nothing_else_is_sent() -> None:
    copied = [source for own, rest in LINES if own == "COPY" for source in rest.split()[:-1]]
    assert all((ROOT / source).exists() and is_in_context(source) for source in copied)
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "zeroseg"} == set(copied)
    assert is_in_context("zeroseg/app/page/index.html")
    for other in (".git/config", "tests/conftest.py", "runs/x.png", "zeroseg/__pycache__/x.pyc"):
        assert not is_in_context(other)


def test_what_is_installed_exists() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    arguments = dict(rest.split("=", 1) for own, rest in LINES if own == "ARG")
    for extra in arguments["EXTRAS"].split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)
    installing = [rest for own, rest in LINES if own == "RUN" and "pip install" in rest]
    assert all("--constraint constraints.txt" in run for run in installing)
    assert arguments["TORCH"] == "cpu" and "/whl/${TORCH} torch torchvision" in installing[0]
    assert "/whl/cpu" in (ROOT / "Makefile").read_text()
    version = tuple(map(int, arguments["PYTHON"].split(".")))
    assert version >= (3, 10) and "${PYTHON}-slim" in only("FROM")


def test_it_runs_as_nobody_in_particular_and_keeps_weights() -> None:
    user = only("USER")
    [made] = [rest for own, rest in LINES if own == "RUN" and "useradd" in rest]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) and f"--uid {user.split(':')[0]} " in made
    volume = only("VOLUME")
    assert f"chown {user} {volume}" in made
    names = [own for own, _ in LINES]
    assert names.index("USER") < names.index("VOLUME") < names.index("ENTRYPOINT")
    kept = dict(part.split("=") for own, rest in LINES if own == "ENV" for part in rest.split())
    assert all(kept[name].startswith(volume) for name in ("HF_HOME", "XDG_CACHE_HOME"))


def test_its_arguments_are_the_commands_and_a_token_is_demanded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *entry = json.loads(only("ENTRYPOINT"))
    call = [*entry, *json.loads(only("CMD"))]
    parsed = parser().parse_args(call)
    assert program == "zeroseg" and parsed.model in preset_names()
    assert str(parsed.port) == only("EXPOSE") and parsed.host == "0.0.0.0"
    monkeypatch.delenv("ZEROSEG_TOKEN", raising=False)
    assert main(call) == 2
    assert "ZEROSEG_TOKEN" in capsys.readouterr().err


def test_health_is_the_servers() -> None:
    program, option, code = json.loads(only("HEALTHCHECK").partition("CMD ")[2])
    assert (program, option) == ("python", "-c") and f", {only('EXPOSE')}," in code
    with served(token="secret") as address:
        port = str(urlsplit(address).port)
        asked = code.replace(only("EXPOSE"), port)
        assert subprocess.run([sys.executable, option, asked]).returncode == 0
    gone = subprocess.run([sys.executable, option, asked], stderr=subprocess.DEVNULL)
    assert gone.returncode == 1

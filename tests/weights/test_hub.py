"""Components against a hub on this machine that is gated, lacks files, breaks off, or is away."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub.errors import HfHubHTTPError

from tests.hub.client import point
from tests.hub.server import Fault, Hub, Repository, running
from tests.small_checkpoints import write
from zeroseg.baselines.clip_vote import ClipVote
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.errors import CheckpointError, CheckpointNotFound, ZerosegError
from zeroseg.masking.sam import Sam
from zeroseg.recognition.ram_plus import WEIGHTS, RamPlus
from zeroseg.weights.hub import causes, refusal

NAME = "somebody/network"
SAVED = "model.safetensors"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A SAM's, as the hub has them."""
    folder = write("sam", tmp_path_factory.mktemp("files") / "sam")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running() as found:
        point(monkeypatch, found, tmp_path / "home")
        yield found


def said(component: Callable[[str], Any], kind: type[ZerosegError] = CheckpointNotFound) -> str:
    with pytest.raises(kind) as caught:
        component.from_pretrained(NAME)
    message = str(caught.value)
    assert f"'{NAME}'" in message and component.__name__ in message
    assert "\n" not in message and len(message) < 500
    return message


ANY = pytest.mark.parametrize("component", [Sam, RamPlus, ClipVote, TransformersChat])


@ANY
def test_a_name_that_the_hub_does_not_know(hub: Hub, component: Any) -> None:
    told = said(component)
    assert f"there is no {hub.address}/{NAME}, or it is private and HF_TOKEN is not set" in told


@ANY
def test_a_gated_repository(
    hub: Hub, component: Any, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories[NAME] = Repository({**files, WEIGHTS: b"x"}, gated=True)
    told = said(component)
    assert f"accept the licence at {hub.address}/{NAME} and set HF_TOKEN" in told
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    told = said(component)
    assert f"accept the licence at {hub.address}/{NAME} with the account of your token" in told
    assert "hf_of_somebody_else" not in told


def test_a_token_opens_what_is_gated(
    hub: Hub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories[NAME] = Repository(files, gated=True)
    hub.members.add("hf_of_a_member")
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_member")
    Sam.from_pretrained(NAME)


@ANY
def test_a_hub_out_of_reach(
    component: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point(monkeypatch, Hub(address="http://127.0.0.1:1"), tmp_path / "home")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    told = said(component)
    assert "is not on this machine, and the hub http://127.0.0.1:1 is out of reach" in told
    assert "run `zeroseg fetch` where there is a network" in told


@ANY
def test_a_hub_that_is_not_to_be_asked(component: Any, tmp_path: Path) -> None:
    told = said(component)
    assert "is not on this machine, and HF_HUB_OFFLINE forbids to fetch it" in told


@pytest.mark.parametrize("lacking", ["config.json", SAVED, "processor_config.json"])
def test_a_repository_without_a_file(hub: Hub, files: dict[str, bytes], lacking: str) -> None:
    hub.repositories[NAME] = Repository({k: v for k, v in files.items() if k != lacking})
    told = said(Sam, CheckpointError)
    assert f"has no {lacking.replace('processor', 'preprocessor')}" in told


def test_a_repository_of_something_else(hub: Hub, files: dict[str, bytes]) -> None:
    hub.repositories[NAME] = Repository(files)
    assert f"{NAME} has no file {WEIGHTS}" in said(RamPlus)


@pytest.mark.parametrize("name", [SAVED, "config.json"])
def test_a_file_that_is_listed_and_not_there(hub: Hub, files: dict[str, bytes], name: str) -> None:
    hub.repositories[NAME] = Repository(files, faults={name: Fault(absent=True)})
    assert f"has no {name}" in said(Sam, CheckpointError)


@pytest.mark.parametrize(
    ("name", "sends", "says"),
    [
        (SAVED, b"<html>proxy</html>", f"{NAME} sends something else than it announces"),
        (SAVED, b"", f"{NAME} sends something else than it announces"),
        ("config.json", b"<html>proxy</html>", "is a page of a web server, .*: delete .*/blobs/"),
        ("config.json", b"", "config.json is empty: delete .*/blobs/.* and fetch it again"),
    ],
)
def test_a_hub_that_sends_something_else(
    hub: Hub, files: dict[str, bytes], name: str, sends: bytes, says: str
) -> None:
    hub.repositories[NAME] = Repository(files, faults={name: Fault(sends=sends)})
    told = said(Sam, ZerosegError)
    assert re.search(says, told), told


def test_what_is_half_here_is_not_damaged(
    hub: Hub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants, hf_hub_download

    hub.repositories[NAME] = Repository(files)
    hf_hub_download(NAME, "config.json")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    told = said(Sam)
    assert "HF_HUB_OFFLINE forbids to fetch it" in told


def test_what_is_here_needs_no_hub(
    hub: Hub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    hub.repositories[NAME] = Repository(files)
    Sam.from_pretrained(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    Sam.from_pretrained(NAME)


@pytest.mark.parametrize("component", [Sam, RamPlus])
def test_a_full_disk(
    hub: Hub, files: dict[str, bytes], component: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    hub.repositories[NAME] = Repository({**files, WEIGHTS: b"x" * 2000})
    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    told = said(component, ZerosegError)
    assert "is full: free some space, or set HF_HUB_CACHE to another disk" in told


def test_a_place_that_cannot_be_written(
    hub: Hub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    hub.repositories[NAME] = Repository(files)
    monkeypatch.setattr("huggingface_hub.file_download.http_get", closed)
    assert "Permission denied): set HF_HUB_CACHE to another place" in said(Sam, ZerosegError)


def answered(status: int, path: str = "resolve/main/config.json") -> HfHubHTTPError:
    """What the client raises for an answer of the hub."""
    url = f"https://user:secret@hub.example/{NAME}/{path}"
    answer: Any = SimpleNamespace(headers={}, request=None, url=url, status_code=status)
    return HfHubHTTPError("no", response=answer)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, f"https://hub.example/{NAME} refuses your token: renew it, or unset HF_TOKEN"),
        (429, f"https://hub.example/{NAME} answers with status 429: try again later"),
        (503, f"https://hub.example/{NAME} answers with status 503: try again later"),
    ],
)
def test_other_answers(status: int, says: str) -> None:
    wrapped = OSError("wrapped, as transformers does")
    wrapped.__cause__ = answered(status)
    assert refusal("https://elsewhere", wrapped) == says


def test_a_password_in_an_address_is_not_shown() -> None:
    assert "secret" not in refusal("https://elsewhere", answered(500))


def test_causes_are_followed_to_the_end() -> None:
    first, second = ValueError("first"), OSError("second")
    second.__cause__ = first
    first.__context__ = second  # a loop, which a library may make
    assert list(causes(second)) == [second, first]

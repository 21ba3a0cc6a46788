"""Checkpoints from a hub that drops, lacks, changes and locks up what it has."""

from __future__ import annotations

import json
import random
import shutil
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.hub.server import Fault, Hub, Repository
from zeroseg.preflight import fetching
from zeroseg.preflight.bundle import Bundle
from zeroseg.preflight.fetching import into_cache, into_folder, left
from zeroseg.preflight.held import held
from zeroseg.preflight.hub import HubError, Remote, ask
from zeroseg.weights.hub import storage
from zeroseg.weights.needs import Checkpoint

NAME = "somebody/network"
CHECKPOINT = Checkpoint(NAME)
WEIGHTS = random.Random(0).randbytes(200_000)
SMALL = {
    "config.json": b"{}",
    "preprocessor_config.json": b'{"size": 3}',
    "tokenizer.json": b'{"version": "1.0"}',
    "README.md": b"read me",
}
OTHERS = {"pytorch_model.bin": b"x" * 9, "tf_model.h5": b"y" * 9, "flax_model.msgpack": b"z" * 9}


class Needing:
    """A component that needs the checkpoint."""

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> list[Checkpoint]:
        return [CHECKPOINT]


def published(**faults: Fault) -> Repository:
    """A repository as authors fill it, with every format."""
    named = {name.replace("__", "."): fault for name, fault in faults.items()}
    return Repository({**SMALL, **OTHERS, "model.safetensors": WEIGHTS}, faults=named)


def fetched(hub: Hub) -> Remote:
    remote = ask(CHECKPOINT)
    into_cache(remote)
    return remote


def test_what_is_read_is_fetched_and_nothing_else(hub: Hub) -> None:
    hub.repositories[NAME] = published()
    remote = ask(CHECKPOINT)
    names = {"config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"}
    assert {file.name for file in remote.files} == names
    assert remote.licence == "apache-2.0"
    assert left(remote) == sum(file.size for file in remote.files) > len(WEIGHTS)
    assert not held(CHECKPOINT).whole
    into_cache(remote)
    assert held(CHECKPOINT).whole
    assert left(remote) == 0
    folder = held(CHECKPOINT).folder
    assert folder is not None and {file.name for file in folder.iterdir()} == names
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_nothing_is_fetched_twice(hub: Hub) -> None:
    hub.repositories[NAME] = published()
    fetched(hub)
    before = len(hub.downloads())
    fetched(hub)
    assert len(hub.downloads()) == before


def test_the_weights_of_several_files_are_those_of_their_index(hub: Hub) -> None:
    shards = {f"model-0000{i}-of-00002.safetensors": b"w" * i for i in (1, 2)}
    index = json.dumps({"weight_map": dict(zip("ab", shards, strict=True))}).encode()
    index_name = "model.safetensors.index.json"
    other = {"pytorch_model.bin.index.json": b"{}", "pytorch_model-00001-of-00001.bin": b"b"}
    hub.repositories[NAME] = Repository({**SMALL, **shards, **other, index_name: index})
    remote = fetched(hub)
    assert {f.name for f in remote.files} >= {*shards, index_name}
    assert not any("pytorch" in f.name for f in remote.files)
    assert held(CHECKPOINT).whole
    folder = held(CHECKPOINT).folder
    assert folder is not None
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert held(CHECKPOINT).lacks == ("model-00002-of-00002.safetensors",)


def test_a_shard_that_the_hub_itself_lacks_is_said(hub: Hub, tmp_path: Path) -> None:
    shards = {f"model-0000{i}-of-00002.safetensors": b"w" * i for i in (1, 2)}
    index = json.dumps({"weight_map": dict(zip("ab", shards, strict=True))}).encode()
    del shards["model-00002-of-00002.safetensors"]
    files = {**SMALL, **shards, "model.safetensors.index.json": index}
    hub.repositories[NAME] = Repository(files)
    config = {"part": {"class_path": f"{__name__}.Needing"}}
    for folder in (None, tmp_path):
        bundle = Bundle.of(config, folder)
        [wanted] = bundle.checkpoints
        with pytest.raises(HubError, match="itself lacks model-00002-of-00002"):
            bundle.fetch(wanted)


def test_without_safetensors_the_other_format_is_taken(hub: Hub) -> None:
    hub.repositories[NAME] = Repository({**SMALL, **OTHERS})
    assert [f.name for f in fetched(hub).files if f.size == 9] == ["pytorch_model.bin"]
    assert held(CHECKPOINT).whole


def test_a_dropped_connection_is_gone_on_with(hub: Hub) -> None:
    hub.repositories[NAME] = published(model__safetensors=Fault(drop_after=70_000))
    fetched(hub)
    assert held(CHECKPOINT).whole
    ranges = [span for method, path, span in hub.requests if "/cdn/" in path]
    assert ranges == [None, "bytes=70000-"]


def test_another_process_goes_on_where_one_was_ended(hub: Hub) -> None:
    hub.repositories[NAME] = published()
    remote = ask(CHECKPOINT)
    weights = next(file for file in remote.files if file.name == "model.safetensors")
    blob = storage(NAME) / "blobs" / weights.digest
    blob.parent.mkdir(parents=True)
    fetching._part(blob, weights.digest).write_bytes(WEIGHTS[:150_000])
    assert left(remote) < 60_000
    into_cache(remote)
    assert [span for _, path, span in hub.requests if "/cdn/" in path] == ["bytes=150000-"]
    assert blob.read_bytes() == WEIGHTS


def test_an_earlier_piece_that_is_wrong_is_fetched_anew(hub: Hub) -> None:
    hub.repositories[NAME] = published()
    remote = ask(CHECKPOINT)
    weights = next(file for file in remote.files if file.name == "model.safetensors")
    blob = storage(NAME) / "blobs" / weights.digest
    blob.parent.mkdir(parents=True)
    fetching._part(blob, weights.digest).write_bytes(b"wrong" * 100)
    into_cache(remote)
    assert blob.read_bytes() == WEIGHTS


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_other_content_than_announced_is_refused_and_not_kept(hub: Hub, name: str) -> None:
    right = {**SMALL, "model.safetensors": WEIGHTS}[name]
    hub.repositories[NAME] = published(**{name.replace(".", "__"): Fault(sends=b"?" * len(right))})
    with pytest.raises(HubError, match=rf"something else for {name}.*checksum") as caught:
        fetched(hub)
    assert hub.address in str(caught.value)
    assert not held(CHECKPOINT).whole
    assert not list(storage(NAME).rglob("*.part"))


def test_a_file_cut_short_by_its_server_is_given_up_with_its_name(hub: Hub) -> None:
    hub.repositories[NAME] = published(model__safetensors=Fault(sends=WEIGHTS[:1000]))
    with pytest.raises(HubError, match=r"model\.safetensors.*after 4 attempts, nothing of it is"):
        fetched(hub)
    assert not held(CHECKPOINT).whole


def test_a_file_that_is_listed_and_not_there(hub: Hub) -> None:
    hub.repositories[NAME] = published(model__safetensors=Fault(absent=True))
    with pytest.raises(HubError, match=r"lists model\.safetensors, but does not have it"):
        fetched(hub)


def test_a_repository_without_weights(hub: Hub) -> None:
    hub.repositories[NAME] = Repository(SMALL)
    with pytest.raises(HubError, match=r"has no file model\.safetensors"):
        ask(CHECKPOINT)
    with pytest.raises(HubError, match=r"has no file ram\.pth"):
        ask(Checkpoint(NAME, files=("ram.pth",)))


@pytest.mark.parametrize("token", [None, "hf_other"])
def test_a_gate_says_where_its_licence_is_accepted(
    hub: Hub, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories[NAME] = Repository({**SMALL, "model.safetensors": WEIGHTS}, gated=True)
    hub.members.add("hf_member")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=f"accept the licence at {hub.address}/{NAME}") as caught:
        ask(CHECKPOINT)
    assert ("HF_TOKEN" in str(caught.value)) == (token is None)
    assert "hf_other" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "hf_member")
    fetched(hub)
    assert held(CHECKPOINT).whole


def test_no_such_repository(hub: Hub) -> None:
    with pytest.raises(HubError, match=f"there is no {hub.address}/{NAME}, or it is private"):
        ask(CHECKPOINT)


def test_a_hub_out_of_reach(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://user:pw@127.0.0.1:1")
    with pytest.raises(HubError, match=r"hub http://127\.0\.0\.1:1 is out of reach"):
        ask(CHECKPOINT)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE forbids"):
        ask(CHECKPOINT)


def test_a_folder_for_another_machine(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[NAME] = published(model__safetensors=Fault(drop_after=50_000))
    remote = ask(CHECKPOINT)
    for _ in range(2):
        into_folder(remote, tmp_path / "network")
        found = {file.name: file.read_bytes() for file in (tmp_path / "network").iterdir()}
        assert found == {f.name: hub.repositories[NAME].files[f.name] for f in remote.files}
    assert sum("/cdn/" in path for path in hub.downloads()) == 2  # the dropped one, and the rest
    into_cache(remote)
    before = len(hub.downloads())
    into_folder(remote, tmp_path / "again")
    assert len(hub.downloads()) == before  # copied from the cache


def test_a_full_disk_is_said_as_such(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories[NAME] = published()
    remote = fetched(hub)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(HubError, match="the disk is full"):
        into_folder(remote, tmp_path / "network")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    from zeroseg.preflight.machine import free_disk

    assert free_disk(tmp_path / "not" / "yet") == 0

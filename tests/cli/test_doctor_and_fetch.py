"""`zeroseg doctor` and `zeroseg fetch`, on a hub and a server of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.chat.server import answer, offering, serving
from tests.hub.client import point
from tests.hub.server import Fault, Hub, Repository, running
from zeroseg.cli.main import main
from zeroseg.preflight import fetching
from zeroseg.presets import load_preset, preset_names

FILES = {
    "config.json": b"{}",
    "preprocessor_config.json": b"{}",
    "tokenizer.json": b"{}",
    "model.safetensors": b"w" * 5000,
    "ram_plus_swin_large_14m.pth": b"r" * 3000,
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with something under the name of every preset's checkpoints."""
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ZEROSEG_LLM", "ZEROSEG_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with running() as found:
        point(monkeypatch, found, tmp_path / "home")
        for name in checkpoints(*map(load_preset, preset_names())):
            found.repositories[name] = Repository(FILES)
        classes = {"coco_panoptic.json": b"{}", "coco.jpeg": b"a picture"}
        found.repositories["shi-labs/oneformer_demo"] = Repository(classes)
        yield found


def checkpoints(*values: object) -> set[str]:
    """The hub names in configurations."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, dict):
            found |= {value["checkpoint"]} if "checkpoint" in value else set()
            found |= checkpoints(*value.values())
    return {name for name in found if not name.startswith("tiny:")}


def blank_picture(path: Path) -> None:
    Image.new("RGB", (8, 8)).save(path)


def sam(checkpoint: str) -> str:
    """A file with `tiny` but for its masks."""
    config = load_preset("tiny")
    config["mask_predictor"]["init_args"]["checkpoint"] = checkpoint
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    return "mine.yaml"


@pytest.mark.parametrize("name", preset_names())
def test_doctor_knows_what_every_preset_needs(
    name: str, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    asks = "OpenAIChat" in json.dumps(load_preset(name))
    with serving([answer("yes")]) as server:
        server.models = offering("gpt-6-luna")
        llm = ["--llm-url", server.address] if asks else []
        assert main(["doctor", "--model", name, "--json", *llm]) == 0
    out = capsys.readouterr().out
    said = {
        e["subject"]: e["says"]
        for e in map(json.loads, out.splitlines())
        if e["topic"] == "checkpoint"
    }
    for checkpoint in checkpoints(load_preset(name)):
        [says] = [says for subject, says in said.items() if f"'{checkpoint}'" in subject]
        assert "to fetch" in says and "licence apache-2.0" in says
    assert ("gpt-6-luna at" in out) == asks
    assert not hub.downloads()


@pytest.mark.parametrize("name", ["large", "ssa", "tiny"])
def test_doctor_says_what_is_missing(
    name: str, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    for repository in hub.repositories.values():
        repository.gated = True
    assert main(["doctor", "--model", name, "--json"]) == (0 if name == "tiny" else 1)
    printed = capsys.readouterr()
    found = [json.loads(line) for line in printed.out.splitlines()]
    bad = {entry["topic"] for entry in found if entry["state"] == "problem"}
    assert (
        bad
        == {"large": {"language model", "checkpoint"}, "ssa": {"checkpoint"}, "tiny": set()}[name]
    )
    assert "hf_secret" not in printed.out + printed.err
    gates = [e["says"] for e in found if e["topic"] == "checkpoint" and e["state"] == "problem"]
    assert all(f"accept the licence at {hub.address}/" in says for says in gates)


def test_doctor_shows_neither_keys_nor_passwords(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with serving([answer("yes")]) as server:
        server.models = offering("one", two="2099-01-01")
        address = server.address.replace("://", "://me:pass-secret@")
        assert main(["doctor", "--model", "paper", "--llm-url", address, "--llm", "two"]) == 0
    printed = capsys.readouterr()
    assert "secret" not in printed.out + printed.err
    assert "2099-01-01" in printed.out and "warning" in printed.out
    assert "paper can run here" in printed.out
    assert "gpt-4-0125-preview" in printed.err


def test_a_wrong_model_is_no_model(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("doctor", "fetch"):
        for model, says in (("larg", "did you mean large?"), ("tiny.yaml", "did you mean tiny?")):
            assert main([command, "--model", model]) == 2
            [line] = capsys.readouterr().err.splitlines()
            assert says in line
    assert main(["doctor", "--set", "captoiner=null"]) == 2
    assert main(["doctor", "--llm", "one"]) == 2
    assert "this one asks none" in capsys.readouterr().err


def test_fetch_into_the_cache_and_again(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    model = sam("facebook/sam-vit-huge")
    assert main(["fetch", "--model", model]) == 0
    assert "[1/1] facebook/sam-vit-huge: 5.0 kB" in (out := capsys.readouterr().out)
    assert "all of mine.yaml is here" in out
    count = len(hub.requests)
    assert main(["fetch", "--model", model]) == 0
    assert len(hub.requests) == count  # not even asked
    assert main(["doctor", "--model", model]) == 0
    assert "to fetch" not in capsys.readouterr().out


def test_fetch_goes_on_with_others_and_says_what_failed(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["shi-labs/oneformer_coco_swin_large"].gated = True
    sams = hub.repositories["facebook/sam-vit-huge"]
    sams.faults["config.json"] = Fault(sends=b"[]")
    assert main(["fetch", "--model", "ssa"]) == 1
    err = capsys.readouterr().err
    assert "classifier: checkpoint" in err and "accept the licence at" in err
    assert "proposer: checkpoint" in err and "something else for config.json" in err
    assert "Traceback" not in err
    sams.faults.clear()
    hub.repositories["shi-labs/oneformer_coco_swin_large"].gated = False
    assert main(["fetch", "--model", "ssa"]) == 0
    assert main(["fetch", "--model", "ssa", "--to", "here"]) == 0
    classes = Path("here/oneformer_coco_swin_large/coco_panoptic.json")
    assert classes.read_bytes() == b"{}"
    assert not any("jpeg" in path for path in hub.downloads())


def test_a_folder_stands_alone_and_can_be_moved(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "--model", sam("facebook/sam-vit-huge"), "--to", "here"]) == 0
    assert "zeroseg segment PICTURES --model here/mine.yaml" in capsys.readouterr().out
    count = len(hub.requests)
    Path("here").rename("there")
    assert main(["doctor", "--model", "there/mine.yaml", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [masks] = [entry for entry in found if entry["subject"].startswith("mask_predictor")]
    assert masks["says"].endswith(str(Path("there/sam-vit-huge").absolute()))
    assert len(hub.requests) == count
    assert main(["fetch", "--model", "there/mine.yaml", "--to", "there"]) == 0
    assert not hub.downloads()[count:]


def test_a_disk_without_room_is_said_before_anything_is_fetched(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zeroseg.preflight.bundle.free_disk", lambda folder: 10)
    assert main(["fetch", "--model", "ssa", "--to", "here"]) == 2
    assert "are to be fetched, and the disk of here has 10 bytes free" in capsys.readouterr().err
    assert not hub.downloads()


COMMANDS = [
    "segment picture.png", "batch . out", "demo", "test --data drawn --count 1", "doctor", "fetch",
    "oracle --data drawn --count 1 --output out", "ablate --data drawn --count 1 --output out",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_licence_is_refused_by_every_command_before_anything_is_fetched(
    command: str, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["facebook/sam3"].licence = "other"
    blank_picture(Path("picture.png"))
    given = [*command.split(), "--model", "sam3", "--licence", "permissive"]
    code = main(given)
    printed = capsys.readouterr()
    if command == "doctor":
        assert code == 1 and "its licence (SAM License by zeroseg's table; other by" in printed.out
    else:
        assert code == 2 and "before anything was fetched or loaded" in printed.err
        assert "detector: checkpoint 'facebook/sam3'" in printed.err
    assert not hub.downloads()


def test_a_permissive_system_is_fetched_and_its_folder_is_permissive(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    permissive = ["--licence", "permissive"]
    assert main(["fetch", "--model", "open", "--to", "here", *permissive]) == 0
    assert main(["doctor", "--model", "here/open.yaml", "--json", *permissive]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[0] == "{"]
    says = [entry["says"] for entry in found if entry["topic"] == "licence"]
    assert says == ["apache-2.0 is permissive"] * 2


def test_doctor_explains_the_gate_of_sam_3(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.repositories["facebook/sam3"].gated = True
    assert main(["doctor", "--model", "sam3"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "its licence has to be accepted first: accept the licence at" in out
    assert "set HF_TOKEN" in out and "licence SAM License" in out
    assert main(["fetch", "--model", "sam3"]) == 1
    assert "accept the licence at" in capsys.readouterr().err
    assert not hub.downloads()

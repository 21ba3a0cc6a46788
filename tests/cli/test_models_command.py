"""`zeroseg models`: the table has everything, and says no more than is known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from zeroseg.cli.main import main
from zeroseg.evaluation.contamination import trained_on
from zeroseg.preflight.known import known, known_names
from zeroseg.preflight.policies import permits
from zeroseg.presets import load_preset, preset_names


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    """The rows that the command tells programs, by name."""
    assert main(["models", "--json", *words]) == code
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {row.get("model") or row["checkpoint"]: row for row in found}


def test_everything_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    rows = told(capsys)
    assert set(rows) >= {*preset_names(), *known_names()}
    for name in known_names():
        row, fact = rows[name], known(name)
        assert (row["licence"], row["gated"]) == (fact.licence, fact.gated)
        assert row["trained_on"] == trained_on(name)
        assert row["source"]
    for name in preset_names():
        for part in rows[name]["checkpoints"]:
            assert name in rows[part]["presets"]
        asks = "OpenAIChat" in json.dumps(load_preset(name))
        assert rows[name]["asks_language_model"] == asks


def test_sizes_of_a_preset_are_those_of_its_networks(capsys: pytest.CaptureFixture[str]) -> None:
    rows = told(capsys, "paper", "large", "large-low-memory", "tiny-llm")
    parts = [rows[name] for name in rows["paper"]["checkpoints"]]
    assert len(parts) == 4
    for size in ("parameters", "bytes", "memory"):
        assert rows["paper"][size] == sum(part[size] for part in parts)
    assert rows["Salesforce/blip2-opt-2.7b"]["memory"] == 2 * 3_740_000_000  # in half precision
    largest = max(rows[name]["memory"] for name in rows["large"]["checkpoints"])
    assert rows["large-low-memory"]["memory"] == largest < rows["large"]["memory"] < 24e9
    assert rows["large"]["bytes"] is None  # of Florence-2 nobody said
    assert "tiny:chat" in rows["tiny-llm"]["checkpoints"]


def test_names_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(told(capsys, "facebook/sam3")) == ["facebook/sam3"]
    rows = told(capsys, "open", "tiny:sam")
    assert list(rows) == ["open", *load_parts("open"), "tiny:sam"]
    assert rows["open"]["gated"] is False and rows["open"]["licences"] == ["apache-2.0"]


def load_parts(name: str) -> list[str]:
    content = load_preset(name)
    return [content[s]["init_args"]["checkpoint"] for s in ("detector", "mask_predictor")]


def test_a_file_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = load_preset("open")
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: bsd-3-clause\n---\n")
    config["mask_predictor"]["init_args"]["checkpoint"] = str(folder)
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    rows = told(capsys, "mine.yaml")
    assert rows["mine.yaml"]["licences"] == ["apache-2.0", "bsd-3-clause"]
    assert rows["mine.yaml"]["parameters"] is None  # nothing of the folder's network is known
    assert rows[str(folder)]["trained_on"] == [] and rows[str(folder)]["gated"] is None


def test_only_what_a_policy_allows(capsys: pytest.CaptureFixture[str]) -> None:
    permissive = ["--licence", "permissive"]
    rows = told(capsys, *permissive)
    for row in rows.values():
        assert all(
            permits("permissive", name) for name in row.get("licences", [row.get("licence")])
        )
    assert {"open", "large", "paper", "tiny", "facebook/sam2.1-hiera-large"} <= set(rows)
    assert not {"sam3", "ssa-clip", "facebook/sam3", "openai/clip-vit-large-patch14"} & set(rows)
    assert main(["models", "sam3", "open", *permissive]) == 1
    printed = capsys.readouterr()
    assert "not permissive: sam3 (SAM License; gated)" in printed.err
    assert "facebook/sam3" not in printed.out and "open" in printed.out


def test_people_are_told_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "sam3", "ssa-clip"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("sam3 840 M ? 3.4 GB SAM License; gated") for line in lines)
    assert any(line.startswith("openai/clip-vit-large-patch14 428 M 1.7 GB") for line in lines)
    assert any("?" in line and "OpenAI's 400 M web pictures" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("opne", "did you mean open?"),
        ("facebook/sam4", "or the checkpoint facebook/sam3; `zeroseg models` lists all there is"),
    ],
)
def test_a_name_of_nothing(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", name]) == 2
    assert says in capsys.readouterr().err


def test_no_hub_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    def refused(*_: object) -> None:
        raise AssertionError("the network was asked for something")

    monkeypatch.setattr(socket.socket, "connect", refused)
    assert "sam3" in told(capsys)
    assert "zeroseg.cli.known_models" in sys.modules

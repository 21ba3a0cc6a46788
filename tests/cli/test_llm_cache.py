"""`--llm-cache`: a language model's answers, kept from run to run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from tests.chat.server import ChatServer, Response, answer, offering, serving
from zeroseg.cli.main import main
from zeroseg.cli.report import cost
from zeroseg.values import Usage

SCENES = ["--data", "drawn", "--count", "2", "--size", "64x48"]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the machine's cache nor its proxies."""
    monkeypatch.delenv("ZEROSEG_CACHE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def knows(request: dict[str, Any]) -> Response:
    """A dog is in everything, and every phrase means a dog."""
    return answer("1: dog" if "1. " in request["messages"][-1]["content"] else "dog")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving(knows) as running:
        running.models = offering("gpt-4o")
        yield running


def write(server: ChatServer, refiner: dict[str, Any] | None = None) -> str:
    """A segmenter that asks `server` what is there, and what its detector's words mean."""
    chat = {
        "class_path": "zeroseg.chat.openai_chat.OpenAIChat",
        "init_args": {"base_url": server.address, "api_key": "key"},
    }
    path = "zeroseg.refinement"
    content = {
        "vocabulary": "drawn",
        "tagger": {"class_path": "cli_parts.FixedTags", "init_args": {"names": ["puppy"]}},
        "pre_refiner": {
            "class_path": f"{path}.llm_pre_refiner.LLMPreRefiner",
            "init_args": {"chat": chat, **(refiner or {})},
        },
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": {"dog": [0, 0, 0.5, 0.5]}},
        },
        "post_refiner": {
            "class_path": f"{path}.llm_post_refiner.LLMPostRefiner",
            "init_args": {"chat": chat, **(refiner or {})},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
    }
    Path("asking.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return "asking.yaml"


def segment(server: ChatServer, *arguments: str) -> int:
    """Segment a picture; how many requests that took."""
    Image.new("RGB", (32, 24)).save("x.png")
    before = len(server.requests)
    assert main(["segment", "x.png", "--model", write(server), *arguments]) == 0
    return len(server.requests) - before


def test_answers_are_kept_where_the_option_says(
    server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert segment(server, "--llm-cache", "kept") == 1
    assert "1 calls, 0 answers from the cache (0.0%)" in capsys.readouterr().out
    assert segment(server, "--llm-cache", "kept") == 0
    assert "0 calls, 1 answers from the cache (100.0%)" in capsys.readouterr().out
    assert segment(server, "--llm-cache", "other") == 1
    assert Path("kept/answers/cache.db").is_file()
    written = json.loads(Path("runs/segment/x.json").read_text(encoding="utf-8"))
    assert written["usage"]["calls"] == 1 and written["usage"]["cached"] == 0


def test_it_is_off_unless_the_environment_names_a_folder(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert segment(server) == segment(server) == 1
    monkeypatch.setenv("ZEROSEG_CACHE", "mine")
    assert segment(server) == 1
    assert segment(server) == 0
    assert segment(server, "--llm-cache", "off") == 1
    assert Path("mine/answers").is_dir() and not Path("off").exists()
    monkeypatch.setenv("ZEROSEG_CACHE", "")
    assert segment(server) == 1


def test_where_it_lies_is_no_part_of_a_result(server: ChatServer) -> None:
    told = []
    for run, cache in enumerate(("one", "two", "one")):
        output = f"run{run}"
        command = ["test", "--model", write(server), *SCENES, "--output", output]
        assert main([*command, "--llm-cache", cache]) == 0
        told.append(json.loads(Path(output, "results.json").read_text(encoding="utf-8")))
    assert told[0]["config"] == told[1]["config"]
    assert "AnswerCache" not in json.dumps(told)
    # Two scenes of one batch are described alike: the second answer is the first one's.
    assert [r["usage"]["calls"] for r in told] == [1, 1, 0]
    assert [r["usage"]["cached"] for r in told] == [1, 1, 2]


@pytest.mark.parametrize("init_args", [{"folder": "kept", "size_limit": 1_000_000}, {}])
def test_a_configuration_can_name_a_cache_too(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, init_args: dict[str, Any]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "home")
    cache = {"class_path": "zeroseg.chat.answer_cache.AnswerCache", "init_args": init_args}
    Image.new("RGB", (32, 24)).save("x.png")
    for given in (cache, cache if init_args else {"class_path": cache["class_path"]}):
        assert main(["segment", "x.png", "--model", write(server, {"cache": given})]) == 0
    assert len(server.requests) == 1
    assert Path(init_args.get("folder", "home/zeroseg"), "answers").is_dir()


def test_a_folder_that_cannot_be_used_stops_nothing(server: ChatServer) -> None:
    Path("file").touch()
    with pytest.warns(UserWarning, match="not kept"):
        assert segment(server, "--llm-cache", "file/folder") == 1


def test_the_line_about_cost() -> None:
    usage = Usage(calls=3, prompt_tokens=900, completion_tokens=30, cost=0.06, cached=1)
    assert cost(usage, 6) == (
        "language model: 3 calls, 1 answers from the cache (25.0%), 900 tokens sent, "
        "30 received, $0.0600; a picture: 0.50 calls, 155 tokens, $0.010000"
    )
    assert "price unknown; a picture: 3.00 calls, 930 tokens" in str(
        cost(Usage(3, 900, 30, None), 1)
    )
    assert "(100.0%)" in str(cost(Usage(cached=2), 1))
    assert "4 questions refused" in str(cost(Usage(refused=4), 4))
    assert str(cost(Usage(2, refused=1), 1)).endswith(
        "; 1 questions refused: what they were about went unrefined"
    )
    assert cost(Usage(), 5) is None

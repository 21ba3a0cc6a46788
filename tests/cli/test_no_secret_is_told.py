"""Whole runs against a server with a password, a token and a key: none of them stands anywhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml

from tests.chat.server import Response, answer, offering, refusal, serving
from tests.cli.conftest import content
from zeroseg.cli.main import main

SECRETS = ("pass-of-mine", "token-of-mine", "key-of-mine")
PASSWORD, TOKEN, KEY = SECRETS


def asking(address: str) -> str:
    """A file of stand-ins with a language model at an address."""
    host = address.removeprefix("http://")
    chat = {
        "class_path": "zeroseg.chat.openai_chat.OpenAIChat",
        "init_args": {
            "base_url": f"http://me:{PASSWORD}@{host}?token={TOKEN}",
            "api_key": KEY,
            "max_retries": 1,
        },
    }
    refiner = "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner"
    asks = {"class_path": refiner, "init_args": {"chat": chat}}
    Path("asking.yaml").write_text(yaml.safe_dump({**content(), "pre_refiner": asks}))
    return "asking.yaml"


def leaks(said: str) -> list[str]:
    """Which secrets stand in what was said, or in a file that was written."""
    files = [file for file in Path().rglob("*") if file.is_file() and file.name != "asking.yaml"]
    texts = [said, *(file.read_bytes().decode("utf-8", "replace") for file in files)]
    return [secret for secret in SECRETS if any(secret in text for text in texts)]


@pytest.mark.parametrize("goes", [True, False], ids=["answers", "fails"])
@pytest.mark.parametrize("command", ["segment", "test", "batch", "doctor"])
def test_no_secret_is_told(
    command: str,
    goes: bool,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    caplog.set_level(logging.DEBUG)
    assert main(["draw", "--count", "3", "--size", "64x48", "--output", "drawn"]) == 0

    def replies(request: dict[str, object]) -> Response:
        repeated = f"no entry for {KEY} at http://me:{PASSWORD}@h/v1?token={TOKEN}"
        return answer("1: dog") if goes else refusal(401, repeated)

    with serving(replies) as server:
        server.models = offering("gpt-4o")
        words = {
            "segment": ["segment", "drawn/images", "--output", "out"],
            "test": ["test", "--data", "drawn/", "--output", "out"],
            "batch": ["batch", "drawn/images", "out"],
            "doctor": ["doctor", "--json"],
        }[command]
        code = main([*words, "--model", asking(server.address)])
        paths = list(server.paths)
    told = capfd.readouterr()
    if command != "doctor":  # which asks for the list of models alone
        assert f"token={TOKEN}" in paths[0] and (code == 0) == goes
    assert not leaks(told.out + told.err + caplog.text)
    assert any(record.name.startswith(("openai", "httpx", "httpcore")) for record in caplog.records)

"""Which model is asked, and what is said before any work when it cannot be."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.chat.conversations import ask
from tests.chat.server import ChatServer, Response, answer, offering, refusal, serving
from zeroseg.chat.models_offered import Offer, choose, listed, read_offers
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.errors import ChatError

KEY = "sk-a-very-secret-key"
UNKNOWN = refusal(404, "The model `m` does not exist", code="model_not_found")


def chat(server: ChatServer, model: str | None = "m", **options: Any) -> OpenAIChat:
    defaults: dict[str, Any] = {"api_key": KEY, "backoff": 0.001, "timeout": 5.0}
    return OpenAIChat(model, base_url=server.address, **{**defaults, **options})


def test_names_of_models_do_not_write_on_the_terminal() -> None:
    assert listed([Offer("a\x1b[31m\nb")]) == "a\ufffd[31m\ufffdb"


LISTS = {
    "openai": {"object": "list", "data": [{"id": "a"}, {"id": "b", "shutdown_date": "2027-01-14"}]},
    "bare": [{"id": "a"}, {"id": "b", "shutdown_date": "2027-01-14T00:00:00Z"}],
    "names": {"models": [{"name": "a"}, {"model": "b", "expiration_date": "2027-01-14"}]},
    "odd": {
        "data": [{"id": "a"}, 5, None, {}, {"id": 7}, {"id": "b", "shutdown_date": "2027-01-14"}]
    },
}


@pytest.mark.parametrize("body", LISTS.values(), ids=LISTS)
def test_lists_in_all_shapes(body: Any) -> None:
    assert read_offers(body) == [Offer("a"), Offer("b", date(2027, 1, 14))]


@pytest.mark.parametrize("body", [None, "a", 5, {}, {"data": None}, {"data": {"id": "a"}}])
def test_what_is_no_list_offers_nothing(body: Any) -> None:
    assert read_offers(body) == []


SIGHTED: dict[str, tuple[dict[str, Any], bool | None]] = {
    "openrouter": ({"architecture": {"input_modalities": ["text", "image"]}}, True),
    "openrouter, text": ({"architecture": {"input_modalities": ["text"]}}, False),
    "beside": ({"input_modalities": ["text", "image"]}, True),
    "github": ({"supported_input_modalities": ["text"]}, False),
    "mistral": ({"capabilities": {"completion_chat": True, "vision": True}}, True),
    "mistral, text": ({"capabilities": {"completion_chat": True, "vision": False}}, False),
    "llama.cpp": ({"capabilities": ["completion", "multimodal"]}, True),
    "llama.cpp, text": ({"capabilities": ["completion"]}, False),
    "vllm": ({"max_model_len": 4096, "owned_by": "vllm"}, None),
    "odd": (
        {"capabilities": {"vision": "yes"}, "architecture": ["a"], "input_modalities": 5},
        None,
    ),
    "odd list": ({"capabilities": [["completion"], "tools"]}, None),
}


@pytest.mark.parametrize(("entry", "sees"), SIGHTED.values(), ids=SIGHTED)
def test_whether_a_model_takes_pictures(entry: dict[str, Any], sees: bool | None) -> None:
    assert read_offers([{"id": "a", **entry}]) == [Offer("a", sees=sees)]


def test_what_a_second_list_tells_of_a_model_is_heard() -> None:
    models = [{"name": "a", "capabilities": ["completion", "multimodal"]}, {"name": "z"}, 5]
    body = {"models": models, "object": "list", "data": [{"id": "a"}, {"id": "b"}]}
    assert read_offers(body) == [Offer("a", sees=True), Offer("b")]
    assert read_offers({**body, "models": "none"}) == [Offer("a"), Offer("b")]


def test_odd_dates_are_none() -> None:
    for day in ("soon", None, 5, "", "2027-13-01", ["2027-01-14"]):
        assert read_offers([{"id": "a", "shutdown_date": day}]) == [Offer("a")]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["whisper-1", "gpt-6.1-terra", "gpt-6-luna"], "gpt-6-luna"),
        (["openai/gpt-6.1-terra", "mistral-large"], "openai/gpt-6.1-terra"),
        (["qwen3:8b"], "qwen3:8b"),
        (["nomic-embed-text", "llama-4", "whisper-large", "bge-m3"], "llama-4"),
        (["llama-4", "qwen3:8b"], None),
        (["nomic-embed-text"], None),
        ([], None),
    ],
)
def test_the_first_preferred_model_or_the_only_one_is_asked(
    names: list[str], chosen: str | None
) -> None:
    found = choose([Offer(name) for name in names], date(2026, 11, 26))
    assert (found.id if found else None) == chosen


def test_what_is_shut_down_is_not_chosen() -> None:
    offers = [Offer("gpt-6-luna", date(2026, 1, 1)), Offer("other")]
    found = choose(offers, date(2026, 11, 26))
    assert found is not None
    assert found.id == "other"


def test_a_model_nobody_names_is_asked_of_the_server_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([answer("dog")]) as server:
        server.models = offering("text-embedding-3-small", "llama-4")
        part = chat(server, None)
        part([ask("a"), ask("b")])
        assert "llama-4" in part.identity
        server.models = None
        part([ask("c")])
        assert {request["model"] for request in server.requests} == {"llama-4"}
        monkeypatch.setenv("ZEROSEG_LLM", " gpt-x\n")
        assert chat(server, None).model == "gpt-x"
        assert chat(server, "own").model == "own"


@pytest.mark.parametrize("listing", [None, offering(), offering("llama-4", "qwen3")])
def test_without_a_choice_the_error_says_what_there_is(
    listing: Response | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving([answer("dog")]) as server:
        server.models = listing
        with pytest.raises(ChatError, match=r"--llm.*ZEROSEG_LLM") as caught:
            chat(server, None)([ask("a")])
    assert ("llama-4, qwen3" in str(caught.value)) == (listing == offering("llama-4", "qwen3"))
    assert server.requests == []


class TestCheck:
    def test_a_model_on_the_list_is_fine_and_not_asked(self) -> None:
        with serving([answer("yes")]) as server:
            server.models = offering("m", "n")
            assert chat(server).check() == []
        assert server.requests == []

    def test_a_server_without_a_list_is_not_complained_about(self) -> None:
        for models in (
            None,
            Response(status=501),
            refusal(403, "Missing scopes: api.model.read"),
            Response(body="<html>"),
            Response(body="{}"),
        ):
            with serving([answer("yes")]) as server:
                server.models = models
                assert chat(server).check() == []

    def test_an_address_without_its_end_is_an_error(self) -> None:
        wrong = Response(body='{"error": "Unexpected endpoint or method. (POST /chat)"}')
        with serving([wrong]) as server, pytest.raises(ChatError, match="base_url"):
            chat(server, "m").check()

    def test_an_unlisted_model_may_be_loaded_by_name(self) -> None:
        with serving([answer("yes")]) as server:
            server.models = offering("n")
            assert chat(server).check() == []
            server.models = offering("m:latest")
            assert chat(server).check() == []

    @pytest.mark.parametrize("no", [UNKNOWN, refusal(500, "Internal Server Error")])
    def test_an_unknown_model_is_an_error_that_lists_what_there_is(self, no: Response) -> None:
        with serving([no]) as server:
            server.models = offering(
                "whisper", "zephyr", "gpt-6-luna", *(f"a{i}" for i in range(20))
            )
            with pytest.raises(ChatError, match=r"does not know the model 'm'") as caught:
                chat(server).check()
        assert "It offers: gpt-6-luna, a0, " in str(caught.value)
        assert "and 10 more" in str(caught.value)
        assert "whisper" not in str(caught.value)

    def test_a_day_of_shutdown_is_a_warning(self) -> None:
        with serving([answer("yes")]) as server:
            server.models = offering("n", m="2099-01-14", old="2020-01-01")
            assert chat(server).check() == [
                f"m will be shut down on 2099-01-14; {server.address} also offers n"
            ]
            [warning] = chat(server, "old").check()
        assert "was shut down on 2020-01-01" in warning

    def test_the_table_knows_days_of_openai_s_own_models(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving([answer("yes")]) as server:
            server.models = offering("gpt-4o")
            assert chat(server, "gpt-4o").check() == []
            monkeypatch.setattr("zeroseg.chat.openai_chat.is_own", lambda address: True)
            [warning] = chat(server, "gpt-4o").check()
            assert "2027-01-14" in warning
        with serving([UNKNOWN]) as server:
            monkeypatch.setattr("zeroseg.chat.complaints.is_own", lambda address: True)
            with pytest.raises(ChatError, match=r"gpt-4-0125-preview' \(shut down on 2026-03-26\)"):
                chat(server, "gpt-4-0125-preview").check()

    def test_a_refused_key_and_a_silent_server_are_errors(self) -> None:
        no = refusal(401, f"Incorrect API key provided: {KEY}")
        with serving([answer("yes")]) as server:
            server.models = no
            with pytest.raises(ChatError, match="OPENAI_API_KEY") as caught:
                chat(server).check()
            assert KEY not in str(caught.value)
        with serving([no]) as server, pytest.raises(ChatError, match="OPENAI_API_KEY"):
            chat(server).check()
        gone = chat(server)
        with pytest.raises(ChatError, match=r"gave no answer; last:.*[Cc]onnect"):
            gone.check()

    def test_a_busy_server_is_a_warning(self) -> None:
        with serving([refusal(503, "loading the model")]) as server:
            [warning] = chat(server).check()
        assert "loading the model" in warning

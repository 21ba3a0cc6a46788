"""How `OpenAIChat` finds out the way in which a model wants to be asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.chat.conversations import ask
from tests.chat.server import ChatServer, Response, answer, refusal, serving
from zeroseg.chat.chat_model import Conversation, Message
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.errors import ChatError

SCHEMA = {"type": "object", "properties": {"labels": {"type": "array"}}}
EFFORTS = "Supported values are: 'minimal', 'low', 'medium', and 'high'."


def chat(server: ChatServer, **options: Any) -> OpenAIChat:
    defaults: dict[str, Any] = {"backoff": 0.001, "timeout": 5.0, "max_retries": 1}
    return OpenAIChat("m", base_url=server.address, **{**defaults, **options})


def body(status: int, content: Any) -> Response:
    return Response(
        status=status, body=content if isinstance(content, str) else json.dumps(content)
    )


def unless(name: str, no: Response) -> Callable[[dict[str, Any]], Response]:
    """A server that refuses an entry and answers without it."""
    return lambda request: no if name in request else answer("dog")


def has_system(request: dict[str, Any]) -> bool:
    return any(message["role"] == "system" for message in request["messages"])


REFUSED_SCHEMAS = {
    "openai": refusal(400, "Invalid parameter: 'response_format' of type 'json_schema' ..."),
    "groq": refusal(400, "This model does not support response format `json_schema`."),
    "vllm": body(400, {"object": "error", "message": "Unsupported by xgrammar", "code": 400}),
    "fastapi": body(
        422,
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "response_format"],
                    "msg": "Extra inputs are not permitted",
                    "input": {"type": "json_schema"},
                }
            ]
        },
    ),
    "one sentence": body(422, {"detail": "guided decoding is switched off"}),
    "llama.cpp": body(500, {"error": {"code": 500, "message": "failed to parse grammar"}}),
    "not implemented": body(501, {"error": "structured output"}),
    "openrouter": body(
        404,
        {"error": {"message": "No endpoints found that support the requested parameters."}},
    ),
    "plain text": body(400, "outlines: cannot build a machine"),
    "page": body(400, "<html><head><title>400</title></head><body>Bad Request</body></html>"),
    "wordless": body(400, ""),
    "no words about it": body(422, {"detail": "Unprocessable Entity"}),
    "in trouble": body(500, "Internal Server Error"),
    "too many classes": refusal(
        400,
        "Invalid schema for response_format 'answer': the total string length exceeds the maximum "
        "allowed length.",
    ),
    "a broken schema": refusal(
        400, "Invalid schema: content filter of enum", param="response_format", code="x"
    ),
    "within a good answer, without a code": body(200, {"detail": "structured output: no"}),
    "within a good answer": body(200, {"error": {"code": 400, "message": "JSON schema: no"}}),
}


@pytest.mark.parametrize("no", REFUSED_SCHEMAS.values(), ids=REFUSED_SCHEMAS)
def test_a_schema_that_is_refused_in_any_words_is_not_sent_again(no: Response) -> None:
    with serving(unless("response_format", no)) as server:
        part = chat(server)
        assert part([ask("a", SCHEMA)])[0].text == "dog"
        asked = len(server.requests)
        assert [reply.text for reply in part([ask("b", SCHEMA), ask("c", SCHEMA)])] == ["dog"] * 2
    assert len(server.requests) == asked + 2
    last = server.requests[-1]
    assert "response_format" not in last
    assert last["temperature"] == 0.0
    assert "max_tokens" in last


LIMITS = {
    "openai": refusal(
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        param="max_tokens",
        code="unsupported_parameter",
    ),
    "other words": refusal(400, "'max_tokens' cannot be used with this model"),
    "fastapi": body(422, {"detail": "Unexpected fields in the request: {'max_tokens'}"}),
}


@pytest.mark.parametrize("no", LIMITS.values(), ids=LIMITS)
def test_the_limit_has_the_name_that_the_model_takes(no: Response) -> None:
    with serving(unless("max_tokens", no)) as server:
        part = chat(server, max_tokens=77)
        part([ask("a"), ask("b")])
        part([ask("c")])
    assert server.requests[-1]["max_completion_tokens"] == 77
    assert "max_tokens" not in server.requests[-1]
    assert server.requests[-1]["temperature"] == 0.0


def test_a_limit_that_is_refused_by_either_name_is_left_out() -> None:
    def unlimited(request: dict[str, Any]) -> Response:
        names = [name for name in request if name.startswith("max")]
        return refusal(400, f"Unknown parameter: '{names[0]}'") if names else answer("dog")

    with serving(unlimited) as server:
        assert chat(server)([ask("a")])[0].text == "dog"
    assert len(server.requests) == 3


TEMPERATURES = {
    "openai": refusal(
        400,
        "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default "
        "(1) value is supported.",
        param="temperature",
        code="unsupported_value",
    ),
    "by its param": refusal(400, "not with this model", param="temperature"),
    "by its default": refusal(400, "Only the default (1) value is supported"),
    "deprecated": body(
        400, {"message": "`temperature` is deprecated for this model.", "code": 400}
    ),
    "list": body(400, [{"error": {"message": "temperature must be 1"}}]),
}


@pytest.mark.parametrize("no", TEMPERATURES.values(), ids=TEMPERATURES)
def test_a_temperature_that_is_refused_is_left_out(no: Response) -> None:
    with serving(unless("temperature", no)) as server:
        assert chat(server)([ask("a")])[0].text == "dog"
        assert "temperature" not in server.requests[-1]
        with pytest.warns(UserWarning, match="takes no temperature"):
            chat(server, temperature=0.7)([ask("a")])


def test_several_things_that_are_refused_one_by_one_cost_one_question_each() -> None:
    def newest(request: dict[str, Any]) -> Response:
        for name in ("max_tokens", "temperature", "response_format"):
            if name in request:
                return refusal(400, f"Unsupported parameter: '{name}'", param=name)
        return refusal(400, "'system' is no role here") if has_system(request) else answer("dog")

    with serving(newest) as server:
        part = chat(server)
        assert part([ask("a", SCHEMA)])[0].text == "dog"
        assert len(server.requests) == 5
        part([ask(letter, SCHEMA) for letter in "bcd"])
    assert len(server.requests) == 8


def test_threads_learn_from_each_other() -> None:
    no = refusal(400, "Unknown parameter: max_tokens")
    with serving(unless("max_tokens", no)) as server:
        part = chat(server, concurrency=4)
        with ThreadPoolExecutor(4) as pool:
            conversations = [[ask(f"{t} {i}") for i in range(5)] for t in range(4)]
            replies = [reply for batch in pool.map(part, conversations) for reply in batch]
    assert {reply.text for reply in replies} == {"dog"}
    assert len(server.requests) <= 20 + 4


@pytest.mark.parametrize(
    ("words", "then"),
    [
        (f"Unsupported value: 'none' is not supported with 'm'. {EFFORTS}", "minimal"),
        ("reasoning_effort should be one of: low, medium, high", "low"),
        ("Input should be 'high' or 'max'", "high"),
        ("Unrecognized request argument supplied: reasoning_effort", None),
        ("reasoning is not supported by this model", None),
    ],
)
def test_effort_is_the_least_that_the_model_takes_at_openai_s_own_address(
    words: str, then: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zeroseg.chat.openai_chat.is_own", lambda address: True)

    def picky(request: dict[str, Any]) -> Response:
        refused = request.get("reasoning_effort") == "none"
        return refusal(400, words, param="reasoning_effort") if refused else answer("dog")

    with serving(picky) as server:
        part = chat(server, api_key="sk-1")
        part([ask("a")])
        part([ask("b")])
    assert [r.get("reasoning_effort") for r in server.requests] == ["none", then, then]
    assert "max_completion_tokens" in server.requests[0]


def test_effort_is_the_server_s_own_elsewhere_unless_it_is_named() -> None:
    with serving([answer("dog")]) as server:
        for effort in ("lowest", None, "medium"):
            chat(server, reasoning_effort=effort)([ask("a")])
    sent = [request.get("reasoning_effort", "-") for request in server.requests]
    assert sent == ["-", "-", "medium"]


def test_a_named_effort_that_is_refused_is_said() -> None:
    def picky(request: dict[str, Any]) -> Response:
        efforts = ("low", "high")
        if request.get("reasoning_effort") in efforts:
            return answer("dog")
        return refusal(400, f"reasoning_effort: supported values are {' and '.join(efforts)}")

    with serving(picky) as server, pytest.warns(UserWarning, match="'xhigh'.*'high'"):
        chat(server, reasoning_effort="xhigh")([ask("a")])


SYSTEMS = {
    "llama.cpp": body(500, {"error": {"code": 500, "message": "System role not supported"}}),
    "alternate": refusal(
        400, "Conversation roles must alternate user/assistant/user/assistant/..."
    ),
    "openai": refusal(
        400,
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        param="messages[0].role",
    ),
    "gemma": refusal(400, "Developer instruction is not enabled for models/gemma-3-12b-it"),
    "vllm": body(400, {"message": "system message must not be there", "code": 400}),
    "silent": body(400, {"detail": "Bad Request"}),
}


@pytest.mark.parametrize("no", SYSTEMS.values(), ids=SYSTEMS)
def test_where_there_is_no_system_role_its_words_go_before_the_user_s(no: Response) -> None:
    with serving(lambda request: no if has_system(request) else answer("dog")) as server:
        part = chat(server)
        again = Conversation(
            (
                Message("system", "Be brief."),
                Message("user", "a"),
                Message("assistant", "hm"),
                Message("user", "b"),
            )
        )
        assert part([ask("a")])[0].text == part([again])[0].text == "dog"
    assert server.requests[-1]["messages"] == [
        {"role": "user", "content": "Be brief.\n\na"},
        {"role": "assistant", "content": "hm"},
        {"role": "user", "content": "b"},
    ]


class TestRoomForThoughts:
    def thinker(self, needed: int, name: str = "max_tokens") -> Callable[..., Response]:
        def think(request: dict[str, Any]) -> Response:
            if request[name] < needed:
                cut = {"role": "assistant", "content": "<think>a cat, or", "reasoning": "hm"}
                return answer(message=cut, finish="length", usage=(100, request[name]))
            return answer("<think>a cat?</think>dog", usage=(100, needed))

        return think

    @pytest.mark.parametrize(("needed", "questions"), [(400, 1), (2000, 2), (8000, 3)])
    def test_an_answer_cut_off_before_it_begins_gets_more(
        self, needed: int, questions: int
    ) -> None:
        with serving(self.thinker(needed)) as server:
            part = chat(server, max_tokens=500)
            [reply] = part([ask("a")])
            assert (reply.complete, reply.usage.calls) == (True, questions)
            assert reply.usage.prompt_tokens == 100 * questions
            part([ask("b")])
        assert len(server.requests) == questions + 1
        assert server.requests[-1]["max_tokens"] <= 500 + 8192

    def test_it_ends(self) -> None:
        with serving(self.thinker(10**9)) as server:
            [reply] = chat(server)([ask("a")])
        assert not reply.complete
        assert len(server.requests) == 3

    def test_an_answer_that_has_begun_is_not_asked_for_again(self) -> None:
        with serving([answer("dog, per", finish="length")]) as server:
            assert chat(server)([ask("a")])[0].text == "dog, per"
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "words",
        [
            "max_tokens is too large: 2548. This model supports at most 2000 completion tokens",
            "This model's maximum context length is 2000 tokens. You requested 2600.",
        ],
    )
    def test_room_that_the_model_does_not_have_is_given_back(self, words: str) -> None:
        def small(request: dict[str, Any]) -> Response:
            limit = request["max_tokens"]
            return refusal(400, words) if limit > 2000 else answer("", finish="length")

        with serving(small) as server:
            part = chat(server, max_tokens=500)
            [reply] = part([ask("a")])
            assert (reply.refused, reply.complete) == (None, False)
            part([ask("b")])
        assert [request["max_tokens"] for request in server.requests] == [500, 2548, 500, 500]


class TestExtra:
    def test_further_entries_go_along(self) -> None:
        extra = {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 1}
        with serving([answer("dog")]) as server:
            part = chat(server, extra=extra)
            part([ask("a")])
            assert part.identity != chat(server).identity
        assert {name: server.requests[0][name] for name in extra} == extra

    def test_one_that_is_refused_is_an_error(self) -> None:
        no = refusal(400, "Unrecognized request argument supplied: top_k")
        with serving([no]) as server, pytest.raises(ChatError, match=r"top_k.*`extra`"):
            chat(server, extra={"top_k": 1})([ask("a")])

    @pytest.mark.parametrize("extra", [{"stream": True}, {"max_tokens": 5}, {"x": object()}])
    def test_what_has_its_own_place_or_is_no_json_is_refused(self, extra: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="extra"):
            OpenAIChat("m", api_key="k", extra=extra)


def test_a_form_that_has_brought_answers_is_not_held_to_be_at_fault() -> None:
    def picky(request: dict[str, Any]) -> Response:
        bad = "bad" in json.dumps(request["messages"])
        return refusal(400, "no") if bad else answer("dog")

    with serving(picky) as server:
        part = chat(server, concurrency=1)
        part([ask("good", SCHEMA)])
        replies = part([ask("bad", SCHEMA), ask("good too", SCHEMA)])
    assert [reply.refused for reply in replies] == ["400: no", None]
    assert len(server.requests) == 3
    assert "response_format" in server.requests[-1]


def test_a_prompt_that_leaves_no_room_for_an_answer_is_refused_alone() -> None:
    words = (
        "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context "
        "length is 1024 tokens and your request has 700 input tokens (512 > 1024 - 700)."
    )

    def crowded(request: dict[str, Any]) -> Response:
        return refusal(400, words) if "long" in str(request["messages"]) else answer("dog")

    with serving(crowded) as server:
        replies = [chat(server)([ask(said)])[0] for said in ("a", "long")]
        part = chat(server)
        replies += part([ask("long")]) + part([ask("b")])
    assert [reply.refused is None for reply in replies] == [True, False, False, True]
    assert server.requests[-1]["max_tokens"] == 512


def test_a_limit_that_a_model_names_is_kept_to() -> None:
    words = "max_tokens is too large: 512. This model supports at most 256 completion tokens"

    def small(request: dict[str, Any]) -> Response:
        return refusal(400, words) if request["max_tokens"] > 256 else answer("dog")

    with serving(small) as server:
        part = chat(server)
        assert [part([ask(said)])[0].text for said in ("a", "b")] == ["dog", "dog"]
    assert [request["max_tokens"] for request in server.requests] == [512, 256, 256]


def test_roles_that_are_not_supported_are_left_out_in_any_words() -> None:
    no = refusal(500, "Only user and assistant roles are supported!", code=500)
    with serving(lambda request: no if has_system(request) else answer("dog")) as server:
        assert chat(server)([ask("a")])[0].text == "dog"
    assert len(server.requests) == 2

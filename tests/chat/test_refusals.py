"""What concerns one prompt, and what concerns them all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.chat.conversations import ask
from tests.chat.server import ChatServer, Response, answer, offering, refusal, serving
from zeroseg.chat.cached_chat import CachedChat
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.errors import ChatError
from zeroseg.values import Usage

KEY = "sk-a-very-secret-key"


def chat(server: ChatServer, **options: Any) -> OpenAIChat:
    defaults: dict[str, Any] = {"api_key": KEY, "backoff": 0.001, "timeout": 5.0, "concurrency": 1}
    return OpenAIChat("m", base_url=server.address, **{**defaults, **options})


def body(status: int, content: Any) -> Response:
    return Response(
        status=status, body=content if isinstance(content, str) else json.dumps(content)
    )


def held_back(**message: Any) -> Response:
    return answer(message={"role": "assistant", "content": None, **message})


ONE_PROMPT = {
    "content filter": refusal(
        400, "this prompt was held back by a filter of contents", code="content_filter"
    ),
    "azure": body(
        400,
        {
            "error": {
                "code": "content_filter",
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's "
                "content management policy.",
                "innererror": {
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_result": {"violence": {"filtered": True}},
                },
            }
        },
    ),
    "policy": refusal(400, "Your request was rejected", code="content_policy_violation"),
    "invalid prompt": refusal(
        400,
        "Invalid prompt: flagged as potentially violating our usage policy.",
        code="invalid_prompt",
    ),
    "openrouter's moderation": body(
        403,
        {
            "error": {
                "code": 403,
                "message": "Input was flagged",
                "metadata": {"reasons": ["violence"], "flagged_input": "api key"},
            }
        },
    ),
    "moderation in a good answer": body(
        200, {"error": {"code": 403, "message": "moderation", "metadata": {"reasons": ["x"]}}}
    ),
    "a firewall's page": body(403, "<html><title>403 Forbidden</title><h1>Blocked</h1></html>"),
    "legal reasons": body(451, "Unavailable For Legal Reasons"),
    "filter at the end": answer("half an ans", finish="content_filter"),
    "filter with a reason": answer("half an ans", finish="content_filter: RECITATION"),
    "gemini's finish": answer("", finish="SAFETY"),
    "refusal": held_back(refusal="I cannot help with that."),
    "refusal in parts": held_back(content=[{"type": "refusal", "refusal": "No."}]),
    "too long": refusal(
        400,
        "This model's maximum context length is 8192 tokens. Reduce the length of the messages.",
        code="context_length_exceeded",
    ),
    "too long for vllm": body(
        400, {"object": "error", "message": "maximum context length is 100 tokens", "code": 400}
    ),
    "too long for llama.cpp": body(
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
                "n_ctx": 512,
            }
        },
    ),
    "too large a body": body(413, "<html>413 Request Entity Too Large</html>"),
    "too large for the minute": refusal(429, "Request too large for m on tokens per min", code="x"),
    "json that did not validate": refusal(
        400,
        "Failed to generate JSON. Please adjust your prompt. See 'failed_generation'.",
        code="json_validate_failed",
        failed_generation='{"labels": ["api key"',
    ),
    "no reason given": body(400, {}),
    "a reason of its own": body(422, {"detail": [{"loc": ["body"], "msg": "too rude"}]}),
    "no choice": Response(body='{"choices": []}'),
}


@pytest.mark.parametrize("no", ONE_PROMPT.values(), ids=ONE_PROMPT)
def test_one_refused_prompt_leaves_the_others_alone(no: Response) -> None:
    def picky(request: dict[str, Any]) -> Response:
        return no if "n1" in request["messages"][-1]["content"] else answer("dog")

    with serving(picky) as server:
        part = chat(server)
        replies = part([ask("n0"), ask("n1"), ask("n2")])
    assert [reply.text for reply in replies] == ["dog", "", "dog"]
    assert [bool(reply.refused) for reply in replies] == [False, True, False]
    assert [reply.usage.refused for reply in replies] == [0, 1, 0]
    assert len(server.requests) <= 3 + 4


def test_a_refusal_is_not_kept() -> None:
    script = [refusal(400, "no", code="content_filter"), answer("dog")]
    with serving(script) as server:
        part = CachedChat(chat(server))
        assert part([ask("a"), ask("a")])[1].usage == Usage(cached=1, refused=1)
        assert part([ask("a")])[0].text == "dog"
        assert part([ask("a")])[0].usage.cached == 1
    assert len(server.requests) == 2


EVERYTHING = {
    "key": (refusal(401, f"Incorrect API key provided: {KEY}"), r"\*\*\*.*OPENAI_API_KEY"),
    "forbidden": (body(403, "Forbidden"), "OPENAI_API_KEY"),
    "gemini's key": (body(400, [{"error": {"message": "API key not valid."}}]), "OPENAI_API_KEY"),
    "account": (refusal(403, "Your organization has been disabled."), "disabled"),
    "quota": (refusal(429, "you exceeded your quota", code="insufficient_quota"), "top it up"),
    "payment": (
        body(402, {"error": {"code": 402, "message": "Insufficient credits"}}),
        "top it up",
    ),
    "credits in a good answer": (
        body(200, {"error": {"code": 402, "message": "This request requires more credits"}}),
        "top it up",
    ),
    "unknown model": (
        refusal(404, "The model `m` does not exist", code="model_not_found"),
        r"does not know the model 'm'.*It offers: gpt-6-luna, other\. .*--llm.*ZEROSEG_LLM",
    ),
    "ollama": (
        body(404, {"error": {"message": 'model "m" not found, try pulling it first'}}),
        "m'",
    ),
    "vllm": (
        body(404, {"object": "error", "message": "The model `m` does not exist.", "code": 404}),
        "does not know the model",
    ),
    "pinned": (body(400, {"detail": "Server is pinned to 'a'; requested 'm'."}), "does not know"),
    "gone": (body(410, "Gone"), "does not know the model"),
    "decommissioned": (
        refusal(400, "The model `m` has been decommissioned", code="model_decommissioned"),
        "decommissioned",
    ),
    "deprecated": (refusal(400, "The model 'm' has been deprecated, learn more"), "deprecated"),
    "not for chat": (refusal(404, "This is not a chat model"), "does not know the model"),
    "no access": (
        refusal(403, "Project p does not have access to model m", code="model_not_found"),
        "does not know the model",
    ),
    "wrong address": (body(404, "404 page not found"), "base_url"),
    "another wrong address": (body(404, {"detail": "Not Found"}), "base_url"),
    "wrong method": (body(405, {"detail": "Method Not Allowed"}), "base_url"),
}


@pytest.mark.parametrize(("no", "words"), EVERYTHING.values(), ids=EVERYTHING)
def test_what_concerns_all_stops_at_once_and_says_what_to_do(no: Response, words: str) -> None:
    with serving([no]) as server:
        server.models = offering("other", "gpt-6-luna")
        with pytest.raises(ChatError, match=words) as caught:
            chat(server)([ask(str(i)) for i in range(20)])
    assert len(server.requests) <= 2  # one may be on its way
    assert KEY not in str(caught.value)


def test_a_limit_of_the_minute_is_no_spent_quota() -> None:
    busy = refusal(
        429,
        "You exceeded your current quota, please check your plan and billing details. Please retry "
        "in 0.1s. You can add a payment method at https://platform.openai.com/account/billing",
    )
    with serving([busy, answer("dog")]) as server:
        assert chat(server)([ask("a")])[0].text == "dog"


def test_nothing_but_refusals_of_different_prompts_ends_with_an_error() -> None:
    with serving([refusal(400, "no", code="content_filter")]) as server:
        part = chat(server)
        for _ in range(9):  # the same prompt again and again says nothing about others
            assert part([ask("a")])[0].refused
        assert all(reply.refused for reply in part([ask(str(i)) for i in range(6)]))
        with pytest.raises(ChatError, match="refused the last 8 different prompts in a row"):
            part([ask("b")])


def test_an_answer_between_refusals_starts_the_count_anew() -> None:
    def picky(request: dict[str, Any]) -> Response:
        good = request["messages"][-1]["content"] in ("5", "10")
        return answer("dog") if good else refusal(400, "no", code="content_filter")

    with serving(picky) as server:
        replies = chat(server)([ask(str(i)) for i in range(15)])
    assert sum(reply.refused is None for reply in replies) == 2


def test_words_that_only_sound_like_something_else() -> None:
    """Refusals of an entry that mention keys, models, policies or lengths in passing."""
    entry = {"max_tokens": "max_tokens", "temperature": "temperature"}
    for words in (
        "Unsupported parameter: '{}' is not supported with this model.",
        "{} is unknown to this model's parameters",
        "{}: invalid value, see our API documentation",
        "{} is too large for this model",
    ):
        for name in entry:

            def picky(request: dict[str, Any], name: str = name, words: str = words) -> Response:
                return refusal(400, words.format(name)) if name in request else answer("dog")

            with serving(picky) as server:
                [reply] = chat(server)([ask("a")])
                assert (reply.text, reply.refused) == ("dog", None)


def test_half_a_surrogate_pair_in_what_a_server_says_can_be_written() -> None:
    message = {"role": "assistant", "content": "dog \ud800"}
    with serving([answer(message=message), refusal(400, "flagged \udfff")]) as server:
        [said], [refused] = chat(server)([ask("a")]), chat(server)([ask("b")])
    assert said.text == "dog ?"
    assert refused.refused == "400: flagged ?"

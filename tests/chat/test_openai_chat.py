from __future__ import annotations

import copy
import email.utils
import gzip
import logging
import multiprocessing
import pickle
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.chat.server import ChatServer, Response, answer, refusal, serving
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.errors import ChatError
from zeroseg.testing import ChatModelContract
from zeroseg.values import Usage

KEY = "sk-a-very-secret-key"
SCHEMA = {"type": "object", "properties": {"labels": {"type": "array"}}}


def ask(text: str, schema: dict[str, Any] | None = None) -> Conversation:
    return Conversation((Message("system", "Be brief."), Message("user", text)), schema)


def chat(server: ChatServer, **options: Any) -> OpenAIChat:
    defaults: dict[str, Any] = {"api_key": KEY, "backoff": 0.001, "timeout": 5.0}
    return OpenAIChat("gpt-4o", base_url=server.address, **{**defaults, **options})


def reply_to(script: list[Response], **options: Any) -> tuple[Reply, ChatServer]:
    with serving(script) as server:
        [reply] = chat(server, **options)([ask("What is there?")])
    return reply, server


def echo(request: dict[str, Any]) -> Response:
    return answer(request["messages"][-1]["content"])


class TestOpenAIChat(ChatModelContract):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with serving(echo) as self.server:
            yield

    def part(self) -> ChatModel:
        return chat(self.server)


def test_sends_the_conversation_and_reads_the_answer() -> None:
    reply, server = reply_to([answer("dog, person")], temperature=0.0, max_tokens=77)
    assert (reply.text, reply.complete) == ("dog, person", True)
    assert server.requests == [
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is there?"},
            ],
            "temperature": 0.0,
            "max_tokens": 77,
        }
    ]
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("text", ["Sure! Here they are: dog.", "unicorn, dragon", "", "{broken"])
def test_passes_any_text_on_as_it_came(text: str) -> None:
    reply, _ = reply_to([answer(text)])
    assert reply.text == text


def test_null_content_is_an_empty_answer() -> None:
    reply, _ = reply_to([Response(text=None)])  # type: ignore[arg-type]
    assert reply.text == ""


def test_says_when_an_answer_was_cut_off() -> None:
    reply, _ = reply_to([answer("dog, per", finish="length")])
    assert (reply.text, reply.complete) == ("dog, per", False)


PASSING = {
    "429": refusal(429, "slow down"),
    "500": refusal(500),
    "503": refusal(503),
    "dropped": Response(drop=True),
    "malformed": Response(body='{"choices": [{"mess'),
    "no choices": Response(body="{}"),
    "null choices": Response(body='{"choices": null}'),
    "not an object": Response(body='"busy"'),
    "no message": Response(body='{"choices": [{"index": 0}]}'),
    "no text": Response(body='{"choices": [{"index": 0, "message": {"content": 7}}]}'),
    "odd part": Response(body='{"choices": [{"message": {"content": [7]}}]}'),
    "choices of another kind": Response(body='{"choices": {"0": "dog"}}'),
    "a list": Response(body="[]"),
    "a page": Response(body="<!DOCTYPE html><p>welcome</p>", headers={"Content-Type": "text/html"}),
    "empty": Response(body=""),
    "a charset of its own": Response(body=b'{"choices": "\xff\xfe"}'),
    "an unknown charset": Response(
        body=b"\xff", headers={"Content-Type": "application/json; charset=punycode"}
    ),
    "nested too deeply": Response(body="[" * 100_000),
    "not gzip": Response(body="dog", headers={"Content-Encoding": "gzip"}),
    "gzip cut off": Response(
        body=gzip.compress(b'{"choices": []}' * 99)[:20], headers={"Content-Encoding": "gzip"}
    ),
    "redirects without end": Response(status=307, headers={"Location": "/v1/chat/completions"}),
    "a redirect to nowhere": Response(status=302),
    "not HTTP": Response(wire=b"dog\r\n\r\n"),
    "cut off midway": Response(
        wire=b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"choices": [{"mess'
    ),
    "an odd length": Response(wire=b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
    "429 and an odd wait": refusal(429, headers={"Retry-After": "-1e999, soon"}),
    "error in a good answer": Response(body='{"error": {"code": 502, "message": "upstream"}}'),
    "error without a code": Response(body='{"error": "overloaded, come back"}'),
    "error in a choice": Response(body='{"choices": [{"error": {"code": 503, "message": "x"}}]}'),
    "broken off": Response(body='{"choices": [{"finish_reason": "error", "message": {}}]}'),
}


@pytest.mark.parametrize("name", PASSING)
def test_passing_troubles_are_tried_again(name: str) -> None:
    reply, server = reply_to([PASSING[name], PASSING[name], answer("dog")])
    assert reply.text == "dog"
    assert len(server.requests) >= 3
    assert server.requests[0] == server.requests[-1]


@pytest.mark.parametrize("name", sorted({*PASSING} - {"redirects without end"}))
def test_retries_are_bounded(name: str) -> None:
    with (
        serving([PASSING[name]]) as server,
        pytest.raises(ChatError, match="no answer in 3 attempts"),
    ):
        chat(server, max_retries=2)([ask("?")])
    assert len(server.requests) == 3


def test_a_server_that_hangs_is_given_up_on() -> None:
    with (
        serving([Response("late", delay=1.0)]) as server,
        pytest.raises(ChatError, match=r"(?i)time.?out"),
    ):
        chat(server, timeout=0.1, max_retries=1)([ask("?")])
    assert len(server.requests) == 2


SLOW = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"


@pytest.mark.parametrize("wire", [SLOW, SLOW[:30] + b"X: " + b"x" * 5000])
def test_a_server_that_trickles_is_given_up_on(wire: bytes) -> None:
    started = time.monotonic()
    with (
        serving([Response(wire=wire + b"{" * 5000, pace=0.02)]) as server,
        pytest.raises(ChatError, match="no answer within"),
    ):
        chat(server, timeout=0.3, max_retries=1)([ask("?")])
    assert len(server.requests) == 2
    assert time.monotonic() - started < 10


def test_it_works_on_after_a_fork_and_a_copy() -> None:
    with serving(echo) as server:
        part = chat(server)
        part([ask("before")])
        assert copy.deepcopy(part)([ask("copied")])[0].text == "copied"
        again = pickle.loads(pickle.dumps(part))
        assert again([ask("pickled")])[0].text == "pickled"
        forking = multiprocessing.get_context("fork")
        said = forking.SimpleQueue()
        child = forking.Process(target=lambda: said.put(part([ask("child")])[0].text))
        child.start()
        child.join(20)
        assert not said.empty()
        assert said.get() == "child"
        assert part([ask("after")])[0].text == "after"


def test_nobody_listening_is_a_clear_error() -> None:
    with serving([answer("")]) as server:
        gone = chat(server, max_retries=1)
    with pytest.raises(ChatError, match="Connection"):
        gone([ask("?")])


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between attempts, not slept."""
    pauses: list[float] = []
    monkeypatch.setattr("zeroseg.chat.patience.time.sleep", pauses.append)
    return pauses


def test_pauses_double(naps: list[float]) -> None:
    script = [Response(drop=True)] * 3 + [answer("dog")]
    with serving(script) as server:
        naps.clear()
        chat(server, backoff=0.5)([ask("?")])
    assert [nap for nap in naps if nap] == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0.25", 0.25, 0.25),
        ("inf", 60, 60),
        ("soon", 0.5, 0.5),
        ("nan", 0, 0),
        ("date", 15, 20),
    ],
)
def test_retry_after_is_honoured(naps: list[float], header: str, low: float, high: float) -> None:
    asked = email.utils.formatdate(time.time() + 20) if header == "date" else header
    with serving([refusal(429, headers={"Retry-After": asked}), answer("dog")]) as server:
        chat(server, backoff=0.5)([ask("?")])
    assert low - 0.1 <= max(naps) <= high  # what has passed since is taken off


def test_replies_keep_the_order_of_conversations() -> None:
    def later_is_faster(request: dict[str, Any]) -> Response:
        number = int(request["messages"][-1]["content"])
        return answer(str(number), delay=0.02 * (6 - number % 7))

    with serving(later_is_faster) as server:
        replies = chat(server, concurrency=3)([ask(str(i)) for i in range(7)])
    assert [reply.text for reply in replies] == [str(i) for i in range(7)]
    assert server.busiest == 3


def test_a_schema_is_sent_where_the_server_takes_it() -> None:
    with serving([answer('{"labels": ["dog"]}')]) as server:
        chat(server)([ask("?", SCHEMA)])
        chat(server, structured="never")([ask("?", SCHEMA)])
    assert server.requests[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }
    assert "response_format" not in server.requests[1]


def test_cost_is_input_price_times_prompt_and_output_price_times_completion() -> None:
    prices = {"gpt-4o": {"input": 3.0, "output": 50.0}}
    reply, _ = reply_to([answer("dog", usage=(2_000_000, 100_000))], prices=prices)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (2_000_000, 100_000)
    assert reply.usage.cost == pytest.approx(2 * 3.0 + 0.1 * 50.0)
    assert reply.usage.calls == 1
    assert reply.usage.seconds > 0


def test_cost_of_the_papers_model_is_known_and_others_can_be_added(tmp_path: Path) -> None:
    table = tmp_path / "prices.yaml"
    table.write_text("my-model: {input: 1, output: 2}\n", encoding="utf-8")
    with serving([answer("dog", usage=(1000, 1000))]) as server:
        for model, cost in (("gpt-4-0125-preview", 0.04), ("my-model", 0.003), ("other", None)):
            part = OpenAIChat(model, base_url=server.address, prices=table)
            [reply] = part([ask("?")])
            assert reply.usage.cost == pytest.approx(cost)


def test_a_server_that_does_not_count_tokens_has_no_known_cost() -> None:
    reply, _ = reply_to([answer("dog", usage=None)])
    assert (reply.usage.prompt_tokens, reply.usage.cost) == (0, None)


@pytest.mark.parametrize("entry", [{"input": 1}, {"input": -1, "output": 2}, 5, {"in": 1}])
def test_a_bad_price_is_refused(entry: Any) -> None:
    with pytest.raises(ValueError, match="gpt-4o"):
        OpenAIChat("gpt-4o", api_key=KEY, prices={"gpt-4o": entry})


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"max_retries": -1}, {"timeout": 0}, {"structured": "yes"}]
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|expected"):
        OpenAIChat(api_key=KEY, **options)


def test_the_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = [refusal(500, f"bad key {KEY}"), refusal(401, f"Incorrect API key provided: {KEY}")]
    with serving(script) as server:
        part = chat(server)
        with pytest.raises(ChatError) as caught:
            part([ask("?")])
    shown = "".join(traceback.format_exception(caught.value))
    assert "Incorrect API key provided: ***" in str(caught.value)
    assert caplog.records
    for text in (shown, repr(part), str(part.state_dict()), caplog.text):
        assert KEY not in text


def test_the_same_conversation_is_sent_once_at_a_time() -> None:
    with serving(lambda request: answer("dog", delay=0.2)) as server:
        part = chat(server)
        with ThreadPoolExecutor(3) as pool:
            batches = list(pool.map(part, [[ask("a"), ask("a")], [ask("a"), ask("b")], [ask("a")]]))
        assert sorted(r["messages"][-1]["content"] for r in server.requests) == ["a", "b"]
        part([ask("a")])
        assert len(server.requests) == 3  # it is not kept
    usage = sum((reply.usage for replies in batches for reply in replies), Usage())
    assert (usage.calls, usage.cached, usage.prompt_tokens) == (2, 3, 200)


def test_sampled_answers_are_asked_for_each() -> None:
    with serving([answer("dog"), answer("cat")]) as server:
        replies = chat(server, temperature=0.7, concurrency=1)([ask("a"), ask("a")])
    assert [reply.text for reply in replies] == ["dog", "cat"]


def test_what_fails_for_one_thread_is_asked_by_the_other() -> None:
    script = [refusal(401, "not you"), answer("dog")]
    with serving(script) as server:
        part = chat(server)
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(part, [ask("a")]) for _ in range(2)]
            errors = [future.exception(10) for future in futures]
    assert sum(isinstance(error, ChatError) for error in errors) == 1
    assert len(server.requests) == 2


def test_the_limit_holds_over_all_threads() -> None:
    with serving(lambda request: answer("dog", delay=0.02)) as server:
        part = chat(server, concurrency=3)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(part, [[ask(f"{t} {i}") for i in range(4)] for t in range(4)]))
    assert len(server.requests) == 16
    assert server.busiest == 3


def test_a_pause_that_the_server_asks_for_holds_over_all_threads() -> None:
    times: list[float] = []

    def busy_at_first(request: dict[str, Any]) -> Response:
        times.append(time.monotonic())
        return refusal(429, headers={"Retry-After": "0.3"}) if len(times) == 1 else answer("dog")

    with serving(busy_at_first) as server:
        part = chat(server, backoff=0.001)
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(part, [ask("0")])
            while not part._patience._resume:
                time.sleep(0.001)
            others = [pool.submit(part, [ask(str(i))]) for i in range(1, 4)]
            assert all(future.result(10)[0].text == "dog" for future in (first, *others))
    assert len(times) == 5
    assert min(times[1:]) - times[0] >= 0.3


def test_its_identity_tells_what_shapes_answers_and_no_key() -> None:
    same = {"base_url": "http://127.0.0.1:1/v1", "api_key": KEY}
    first = OpenAIChat("gpt-4o", **same)
    others = [
        OpenAIChat("gpt-4", **same),
        OpenAIChat("gpt-4o", **{**same, "base_url": "http://127.0.0.1:2/v1"}),
        OpenAIChat("gpt-4o", **same, temperature=0.5),
        OpenAIChat("gpt-4o", **same, max_tokens=5),
        OpenAIChat("gpt-4o", **same, structured="never"),
        OpenAIChat("gpt-4o", **same, reasoning_effort="low"),
        OpenAIChat("gpt-4o", **same, extra={"seed": 1}),
    ]
    assert len({first.identity, *(other.identity for other in others)}) == 8
    again = OpenAIChat("gpt-4o", **{**same, "api_key": "other"}, timeout=5, concurrency=1)
    assert again.identity == first.identity
    assert KEY not in first.identity
    assert first.waits

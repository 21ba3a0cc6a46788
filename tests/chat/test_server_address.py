"""Keys and addresses as they are pasted."""

from __future__ import annotations

import pytest

from tests.chat.conversations import ask
from tests.chat.server import answer, serving
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.chat.wire import Wire
from zeroseg.errors import ChatError, MissingKeyError
from zeroseg.server_address import clean_address, clean_key, is_own, shown_address

KEY = "sk-a-very-secret-key"


@pytest.mark.parametrize(
    "pasted",
    [
        f" {KEY} ",
        f"{KEY}\n",
        f"{KEY}\r\n",
        f'"{KEY}"',
        f"'{KEY}'",
        f"\u201c{KEY}\u201d",
        f"\ufeff{KEY}\u200b",
        f"Bearer {KEY}",
        f"bearer  {KEY}",
        f"Authorization: Bearer {KEY}",
        f"\u00a0{KEY}\t",
    ],
)
def test_a_key_is_cleaned(pasted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clean_key(pasted) == KEY
    with serving([answer("dog")]) as server:
        OpenAIChat("m", base_url=server.address, api_key=pasted)([ask("a")])
        monkeypatch.setenv("OPENAI_API_KEY", pasted)
        OpenAIChat("m", base_url=server.address)([ask("a")])
    assert server.keys == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize("key", ["sk-a b-secret", "sk-a\nb-secret", "sk-ä-secret", "sk\x00-secret"])
def test_what_can_be_no_key_is_named_and_not_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingKeyError, match="the one given as `api_key`") as caught:
        OpenAIChat("m", api_key=key)
    assert "secret" not in str(caught.value)
    if "\x00" not in key:
        monkeypatch.setenv("MY_KEY", key)
        with pytest.raises(MissingKeyError, match="the one in MY_KEY") as caught:
            OpenAIChat("m", key_variable="MY_KEY", base_url="http://localhost:1/v1")
        assert "secret" not in str(caught.value)
        assert caught.value.variable == "MY_KEY"


@pytest.mark.parametrize("empty", ["", "  ", "\n", '""'])
def test_without_a_key_the_error_names_the_variable_and_a_way_out(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", empty)
    with pytest.raises(MissingKeyError, match=r"OPENAI_API_KEY.*LexicalPreRefiner"):
        OpenAIChat()
    with pytest.raises(MissingKeyError, match="MY_KEY"):
        OpenAIChat(key_variable="MY_KEY", api_key=empty)
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        OpenAIChat(base_url="https://api.openai.com/v1/")
    OpenAIChat("m", base_url="http://localhost:1/v1")


def test_the_environment_gives_key_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([answer("dog")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f" {server.address}/chat/completions/\n")
        assert OpenAIChat("m")([ask("?")])[0].text == "dog"
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert OpenAIChat("m")([ask("?")])[0].text == "dog"
    assert server.keys[1] == f"Bearer {KEY}"
    assert KEY not in server.keys[0]


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("http://h:1/v1", "http://h:1/v1"),
        (" 'http://h:1/v1/' \n", "http://h:1/v1"),
        ("http://h:1/v1/chat/completions", "http://h:1/v1"),
        ("http://h:1/v1/models/", "http://h:1/v1"),
        ("https://h/openai/v1?api-version=2", "https://h/openai/v1?api-version=2"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("", None),
        ("  ", None),
    ],
)
def test_an_address_is_cleaned(given: str, clean: str | None) -> None:
    assert clean_address(given, "base_url") == clean


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8000/v1",
        "h/v1",
        "ftp://h/v1",
        "http://",
        "http:///v1",
        "http://a b/v1",
        "http://h:port/v1",
        "http://h:99999/v1",
        "://h",
        "http://h\u200bost/v1",
        "http://xn--é/v1",
        "http://h\x00/v1",
        "http://h..h/v1",
    ],
)
def test_what_can_be_no_address_is_named(given: str) -> None:
    with pytest.raises(ChatError, match="base_url"):
        OpenAIChat("m", base_url=given)


def test_what_only_the_client_takes_for_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zeroseg.chat.openai_chat.find_address", lambda given: given)
    with pytest.raises(ChatError, match="base_url 'http://xn--é/v1' cannot be used"):
        OpenAIChat("m", base_url="http://xn--é/v1")([ask("a")])


def test_a_query_in_an_address_comes_behind_the_route() -> None:
    with serving([answer("dog")]) as server:
        part = OpenAIChat("m", base_url=f"{server.address}?api-version=2024-02-01&x=")
        assert part([ask("a")])[0].text == "dog"
    assert server.paths == ["/v1/chat/completions?api-version=2024-02-01&x="]


def test_a_password_in_an_address_is_not_shown() -> None:
    part = OpenAIChat("m", base_url="http://me:s3cret@127.0.0.1:9/v1", max_retries=0)
    assert shown_address("http://me:s3cret@h/v1") == "http://h/v1"
    assert "s3" not in shown_address("http://me:s3/cr@et@h/v1?key=s3")
    with pytest.raises(ChatError, match=r"127\.0\.0\.1:9") as caught:
        part([ask("a")])
    assert "s3cret" not in str(caught.value) + part.identity + repr(part)
    with pytest.raises(ChatError) as caught:
        OpenAIChat("m", base_url="me:s3cret@h/v1")
    assert "s3cret" not in str(caught.value)


def test_openai_s_own_addresses() -> None:
    assert is_own("https://api.openai.com/v1")
    assert is_own("https://eu.api.openai.com/v1")
    assert not is_own("https://openai.com.example.org/v1")
    assert not is_own("http://localhost:8000/v1")


def test_a_password_that_a_server_repeats_is_hidden_and_letters_are_not() -> None:
    wire = Wire("http://me:s3cret-word@h/v1", "o", 1.0)
    assert wire.hide("model of s3cret-word") == "model of ***"
    asked = Wire("https://h/v1?api-version=2&token=t0ken-of-mine", "o", 1.0)
    said = asked.hide("t0ken-of-mine is no token, see http://eve:word@h/x?key=k1&page=2")
    assert said == "*** is no token, see http://h/x?key=***&page=***"

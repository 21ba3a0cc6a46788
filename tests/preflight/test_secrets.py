"""What opens doors is written down nowhere."""

from __future__ import annotations

import logging

import pytest

from zeroseg.preflight.secrets import without_secrets
from zeroseg.server_address import guard_logs, without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pa55word@host:80/v1", "http://host:80/v1"),
        ("https://tok3n@host/v1?api-key=abc&v=1", "https://host/v1?api-key=***&v=***"),
        ("s3://KEY:se/cr/et@bucket/x.png", "s3://bucket/x.png"),
        ("http://me:p@ss@host/x", "http://host/x"),
        ("zip://a.png::https://me:pw@host/z.zip?sig=x", "zip://a.png::https://host/z.zip?sig=***"),
        ("cannot open 'ftp://u:p@h/x?t=1': no", "cannot open 'ftp://h/x?t=***': no"),
        ("s3://in/photo?.jpg", "s3://in/photo?.jpg"),
        ("s3://in/me@home.png", "s3://in/me@home.png"),
        ("http://host:8000/a@b.png", "http://host:8000/a@b.png"),
        ("file:///a/b@c.png", "file:///a/b@c.png"),
        ("me@home a:b@c", "me@home a:b@c"),
    ],
)
def test_addresses_in_texts(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_a_configuration() -> None:
    config = {
        "base_url": "http://me:pw@host/v1",
        "api_key": "x",
        "extra": {"extra_headers": {"X": "y"}, "Authorization": "z", "top_k": 1, "access_token": 2},
        "parts": [{"api-key": "x", "address": "http://a:b@c/d"}],
        "max_tokens": 5,
        "key_variable": "KEY",
    }
    assert without_secrets(config) == {
        "base_url": "http://host/v1",
        "extra": {"top_k": 1},
        "parts": [{"address": "http://c/d"}],
        "max_tokens": 5,
        "key_variable": "KEY",
    }


@pytest.mark.parametrize("name", ["openai._base_client", "httpx", "httpcore.http11", "fsspec.http"])
def test_logs_of_clients(name: str, caplog: pytest.LogCaptureFixture) -> None:
    guard_logs("sk-very-secret")
    with caplog.at_level(logging.DEBUG, name):
        logging.getLogger(name).debug(
            "%s %s", "GET http://u:pw@h/v1?key=abc", {"Authorization": "Bearer sk-very-secret"}
        )
    assert caplog.messages == ["GET http://h/v1?key=*** {'Authorization': 'Bearer ***'}"]


def test_logs_of_others_are_theirs(caplog: pytest.LogCaptureFixture) -> None:
    guard_logs()
    with caplog.at_level(logging.INFO):
        logging.getLogger("mylab").info("%s", "http://u:pw@h")
    assert caplog.messages == ["http://u:pw@h"]

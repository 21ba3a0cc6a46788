"""Who may ask: this machine, this site, or whoever knows the token."""

from __future__ import annotations

import pytest

from tests.app.scripted_service import ask, client, png
from zeroseg.app.guard import is_loopback

OPEN = ("/", "/page/main.js", "/v1/health", "/v1/ready")
CLOSED = ("/v1/model", "/metrics", "/openapi.json", "/v1/pictures/0", "/other")


def test_loopback_is_this_machine_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.0.1", "::1", "localhost", "LOCALHOST")))
    others = ("0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org", "", "127.1")
    assert not any(map(is_loopback, others))


def test_names_that_were_made_to_mean_this_machine_are_refused() -> None:
    with client() as made:
        for host in ("evil.example", "127.0.0.1.evil.example:8000", "", "[::1", "10.0.0.5"):
            answer = made.get("/v1/model", headers={"host": host})
            assert answer.status_code == 403, host
        for host in ("localhost", "localhost:8000", "127.0.0.1:80", "[::1]:8000"):
            assert made.get("/v1/model", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_are_refused(headers: dict[str, str]) -> None:
    with client() as made:
        sent = {"files": {"picture": ("a.png", png())}}
        assert made.post("/v1/segment", headers=headers, **sent).status_code == 403
        assert made.get("/v1/model", headers=headers).status_code == 403
        own = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
        assert made.post("/v1/segment", headers=own, **sent).status_code == 200
        assert not any("access-control" in name for name in made.get("/v1/model").headers)


def test_with_a_token_nothing_of_anybodys_is_shown_without_it() -> None:
    with client(token="a secret") as made:
        outside = {"host": "zeroseg.example.org"}
        for path in OPEN:
            assert made.get(path, headers=outside).status_code == 200, path
        for path in CLOSED:
            for given in (
                "",
                "Bearer",
                "Bearer a",
                "Bearer a secretx",
                "Basic a secret",
                "Bearer é",
            ):
                headers = {**outside, "authorization": given.encode()}
                answer = made.get(path, headers=headers)
                assert answer.status_code == 401, (path, given)
                assert answer.headers["www-authenticate"] == "Bearer"
        assert ask(made).status_code == 401
        known = {**outside, "authorization": "Bearer a secret"}
        assert made.get("/v1/model", headers=known).json()["token"] is True


def test_every_answer_says_what_is_safe() -> None:
    with client() as made:
        for path in (*OPEN, *CLOSED):
            headers = made.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy
            assert "http:" not in policy and "https:" not in policy and "*" not in policy
            assert headers["x-content-type-options"] == "nosniff"
        refused = made.get("/", headers={"host": "evil.example"})
        assert "content-security-policy" in refused.headers


def test_only_the_pages_files_are_served() -> None:
    with client() as made:
        for path in ("/page/../server.py", "/page/%2e%2e/server.py", "/page/..%2fserver.py"):
            assert made.get(path).status_code in (403, 404)

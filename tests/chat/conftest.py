from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_keys_and_no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see neither the keys, the models nor the proxies of the machine they run on."""
    chat = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ZEROSEG_LLM")
    for name in (*chat, "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

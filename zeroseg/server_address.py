"""Keys and addresses as people paste them: cleaned, or named as the problem."""

from __future__ import annotations

import logging
import os
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from zeroseg.errors import ChatError, MissingKeyError

OWN_ADDRESS = "https://api.openai.com/v1"
"""Where OpenAI's own models answer."""

_AROUND = " \t\r\n\v\f\"'`\u201c\u201d\u2018\u2019\u200b\ufeff\u00a0"
"""What copying leaves around a key or an address."""
_OWN_HOSTS = ("openai.com", "openai.azure.com")
SHORTEST_SECRET = 6
"""Characters of a key or password that is hidden."""

_SCHEME = r"[A-Za-z][\w+.-]*://"
_ADDRESS = re.compile(rf"{_SCHEME}(?:(?!::{_SCHEME})[^\s'\"<>])+")  # of a chain, each alone
_LOGIN = re.compile(r"://(?:[^/?#]*@|[^/?#@:]+:(?!\d*/)[^?@]*@)")  # keys of stores may hold a slash
_VALUES = re.compile(r"([?&;][\w.%\[\]-]+=)[^&;#]+")
_TALKERS = frozenset(
    "openai httpx httpx2 httpcore httpcore2 urllib3 aiohttp asyncio fsspec s3fs gcsfs aiobotocore "
    "botocore".split()
)
_ROUTES = ("/chat/completions", "/completions", "/models", "/responses", "/embeddings")


def find_address(given: str | None) -> str:
    """The address that is given, else that of OPENAI_BASE_URL, else OpenAI's own.

    Raises:
        ChatError: It can be no address.
    """
    own = clean_address(given, "base_url")
    return own or clean_address(os.environ.get("OPENAI_BASE_URL"), "OPENAI_BASE_URL") or OWN_ADDRESS


def find_key(given: str | None, variable: str, component: str, needed: bool) -> str:
    """The key that is given, else that of an environment variable; "" where none is needed.

    Raises:
        MissingKeyError: There is none, or it cannot be one.
    """
    key, source = clean_key(given), "the one given as `api_key`"
    if not key:
        key, source = clean_key(os.environ.get(variable)), f"the one in {variable}"
    if problem := key_problem(key):
        raise MissingKeyError(variable, component, f"{source} {problem}")
    if needed and not key:
        raise MissingKeyError(variable, component)
    return key


def clean_key(key: str | None) -> str:
    """A key without the spaces, quotes and line ends around it; "" where there is none."""
    bare = (key or "").strip(_AROUND)
    return re.sub(r"^(?:authorization:\s*)?bearer\s+", "", bare, flags=re.IGNORECASE).strip(_AROUND)


def key_problem(key: str) -> str | None:
    """Why a text can be no key, without showing it; None if it can."""
    if any(character.isspace() for character in key):
        return "has a space or a line end inside"
    if not key.isascii():
        return "holds characters that no key has, such as accents or typographic dashes"
    if not key.isprintable():
        return "holds characters that cannot be printed"
    return None


def clean_address(address: str | None, source: str) -> str | None:
    """An address as the client wants it, None where there is none.

    Args:
        address: What was given; a route such as "/chat/completions" behind it is cut off.
        source: Who gave it, for the message.

    Raises:
        ChatError: It has no scheme, no host, or a space inside.
    """
    bare = (address or "").strip(_AROUND).rstrip("/")
    if not bare:
        return None
    scheme, _, rest = bare.partition("://")
    if not rest or scheme.lower() not in ("http", "https"):
        raise ChatError(
            f"{source} '{shown_address(bare)}' has no http:// or https:// in front; "
            f"expected an address such as http://localhost:8000/v1"
        )
    try:
        parts = urlsplit(bare)
        fits = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        (parts.hostname or "").encode("idna")
    except ValueError:  # of which errors of encodings are a kind
        fits = False
    if not fits or not bare.isprintable() or any(character.isspace() for character in bare):
        raise ChatError(f"{source} '{shown_address(bare)}' is no address of a server")
    path = parts.path.rstrip("/")
    for route in _ROUTES:
        path = path.removesuffix(route).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def shown_address(address: str) -> str:
    """An address without the password that may stand in it."""
    scheme, colon, rest = address.rpartition("://")
    return f"{scheme}{colon}{rest.partition('?')[0].rpartition('@')[2]}"


def without_passwords(text: str) -> str:
    """A text in which addresses have neither user and password nor the values of their query.

    It may be an address, several in a chain, or a message that holds some.
    """
    return _ADDRESS.sub(lambda found: _VALUES.sub(r"\1***", _LOGIN.sub("://", found[0])), text)


_hidden: set[str] = set()


def guard_logs(*secrets: str) -> None:
    """Have clients that talk to servers write no password, query or key into their own logs.

    They log whole addresses, and some of them all that goes along with a request. Nothing is
    logged by this, nor less than before.
    """
    _hidden.update(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
    make = logging.getLogRecordFactory()
    if getattr(make, "guards", False):
        return

    def guarded(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make(*arguments, **named)
        if record.name.partition(".")[0] in _TALKERS:
            text = without_passwords(record.getMessage())
            for secret in sorted(_hidden, key=len, reverse=True):  # one may hold another
                text = text.replace(secret, "***")
            record.msg, record.args = text, ()
        return record

    guarded.guards = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(guarded)


def is_own(address: str) -> bool:
    """Whether OpenAI's own models answer at an address, rather than somebody else's."""
    host = urlsplit(address).hostname or ""
    return any(host == own or host.endswith(f".{own}") for own in _OWN_HOSTS)

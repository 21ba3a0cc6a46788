"""Who may ask: hosts, origins and the token, looked at before anything of a request is read."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAID = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
_OPEN = ("/", "/review", "/compare", "/v1/health", "/v1/ready")
_PAGE = "/page/"


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses what comes from other sites or without the token; says on every answer what is safe.

    Without a token the server is for this machine alone, so the Host that is asked for has to be
    loopback's: a site whose name was made to mean 127.0.0.1 (DNS rebinding) has its own name there.
    The page and its files, health and readiness hold nothing of anybody's, and are open.

    Args:
        app: What is guarded.
        token: What has to be sent as `Authorization: Bearer TOKEN`; None for none.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SAID)
            await send(message)

        refused = self._refused(str(scope["path"]), Headers(scope=scope))
        await (refused or self.app)(scope, receive, say)

    def _refused(self, path: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if self.token is None and not is_loopback(_name(host)):
            return _refusal(403, f"this server answers for localhost alone, not for '{host[:100]}'")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.casefold() != host.casefold():
            return _refusal(403, "requests of other sites are refused")
        if path in _OPEN or path.startswith(_PAGE):
            return None
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _refusal(403, "requests of other sites are refused")
        if self.token is not None and not self._is_known(headers.get("authorization", "")):
            return _refusal(401, "send the server's token: Authorization: Bearer TOKEN")
        return None

    def _is_known(self, authorization: str) -> bool:
        kind, _, given = authorization.partition(" ")
        same = hmac.compare_digest(given.strip().encode(), (self.token or "").encode())
        return same and kind.casefold() == "bearer"


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _refusal(status: int, detail: str) -> JSONResponse:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"detail": detail}, status, headers)

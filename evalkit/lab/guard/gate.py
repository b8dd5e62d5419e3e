"""The gate that every request and every WebSocket goes through before a room sees it, and every answer after."""

from __future__ import annotations

from hmac import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evalkit.lab.guard.access import Access
from evalkit.lab.guard.failed_logins import FailedLogins
from evalkit.settings.addresses import Addresses

COOKIE = "evalkit_session"
CSRF_HEADER = "x-evalkit-token"
LOGIN = "/login"
BODY_BYTES = 2 * 1024 * 1024
TARGET_BYTES = 8 * 1024
SELF_ONLY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "media-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of an answer that has none of its own."""

_TOO_LARGE = f"the body is larger than {BODY_BYTES} bytes"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FOR_ALL = frozenset({"/health", LOGIN})
_ASSETS = "/ui/assets/"
_HEADERS = {
    "content-security-policy": SELF_ONLY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer a browser sends "Origin: null" with our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "private, no-cache",
}


class Gate:
    """Lets through to `application` what comes from where it may, with what it must have; pure ASGI.

    ============ ======================================================================================================
    refused with when
    ============ ======================================================================================================
    400          the Host is none of the lab's, whatever name was made to point here; or the address has a NUL in it
    401          a token is demanded, and there is neither it nor a session (a page leads to the login instead)
    403          the request, or the WebSocket, comes from a page of somebody else; or a change lacks our page's secret
    413, 414     the body, or the address, is larger than any that means well
    415          the body is compressed; or a program sends a change as anything but JSON
    429          too many wrong tokens from one address
    ============ ======================================================================================================

    A program, in contrast to a browser, sends neither an Origin nor cookies nor ``Sec-Fetch-`` headers; it needs no
    page's secret.
    """

    def __init__(self, application: ASGIApp, addresses: Addresses, access: Access, failed_logins: FailedLogins) -> None:
        self._application = application
        self._addresses = addresses
        self._access = access
        self._failed_logins = failed_logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or lead one WebSocket."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal = self._refuse(connection)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._application(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        answer = refusal or _Bounded(self._application)
        await answer(scope, receive, _with_headers(send))

    def _refuse(self, connection: HTTPConnection) -> Response | None:
        """Return what to answer instead, or None for a request that may go on."""
        scope, headers = connection.scope, connection.headers
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._addresses.answers_to(hosts[0]):
            return _say(400, f"this lab does not answer to that Host; open it at {self._addresses.url}")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET_BYTES:
            return _say(414, f"the address is longer than {TARGET_BYTES} bytes")
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return _say(400, "the address has a NUL in it, which no name has")
        if not _comes_from_here(scope, headers):
            return _say(403, "the request comes from a page that is not this lab's")
        changes = scope["type"] == "http" and scope["method"] not in _READING
        return self._refuse_stranger(connection) or (self._refuse_change(scope, headers) if changes else None)

    def _refuse_stranger(self, connection: HTTPConnection) -> Response | None:
        path = connection.scope["path"]
        if not self._access.demanded or path in _FOR_ALL or path.startswith(_ASSETS):
            return None
        session = read_cookie(connection.headers)
        if session and self._access.is_session(session):
            return None
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            address = connection.client.host if connection.client else ""
            wait_s = self._failed_logins.wait_s(address)
            if wait_s > 0:
                return too_often(wait_s)
            if self._access.is_token(token.strip()):
                return None
            self._failed_logins.add(address)
        if connection.scope["type"] == "http" and "text/html" in connection.headers.get("accept", ""):
            return RedirectResponse(LOGIN, 303)
        return _say(401, "a token is needed: Authorization: Bearer TOKEN", {"www-authenticate": "Bearer"})

    def _refuse_change(self, scope: Scope, headers: Headers) -> Response | None:
        if headers.get("content-encoding", "identity").lower() != "identity":
            return _say(415, "a compressed body is not taken")
        if scope["path"] == LOGIN and "origin" in headers:
            return None  # whoever has no session has no page of ours either; the Origin was checked
        if _is_a_browser(headers):
            sent = headers.get(CSRF_HEADER, "").encode()
            if not compare_digest(sent, self._access.csrf.encode()):
                return _say(403, f"the header {CSRF_HEADER} is missing or out of date; load the page again")
            return None
        kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            return _say(415, f"found Content-Type {kind[:80]!r}; a program sends application/json")
        return None


def read_cookie(headers: Headers) -> str:
    """Return the session that a browser sent, or nothing."""
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return value
    return ""


def too_often(wait_s: float) -> Response:
    """Return the answer to one who was wrong about the token too often."""
    seconds = int(wait_s) + 1
    return _say(429, f"too many wrong tokens; wait {seconds} s", {"retry-after": str(seconds)})


def _is_a_browser(headers: Headers) -> bool:
    return any(name in headers for name in ("origin", "cookie", "sec-fetch-site", "sec-fetch-mode"))


def _comes_from_here(scope: Scope, headers: Headers) -> bool:
    """Tell whether no other page is behind a request: by its Origin, and by what the browser says of its page."""
    own = f"{'https' if scope['scheme'] in ('https', 'wss') else 'http'}://{headers['host'].lower()}"
    origins = headers.getlist("origin")
    if any(origin.lower() != own for origin in origins) or len(origins) > 1:
        return False
    if scope["type"] == "websocket":
        return bool(origins) or not _is_a_browser(headers)
    if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
        return True
    # A link to a page, in a chat or a ticket, may be followed: nothing is changed, and nobody else sees what comes.
    is_link = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return is_link and scope["method"] == "GET" and (scope["path"] == "/" or scope["path"].startswith("/ui/"))


def _say(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


class _Bounded:
    """Ends a request whose body is larger than any that means well, however its length was announced."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = Headers(scope=scope).get("content-length", "0")
        received = 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_BYTES:
                raise HTTPException(413, _TOO_LARGE)
            return message

        if announced.isascii() and announced.isdigit() and int(announced) <= BODY_BYTES:
            await self._application(scope, receive_bounded, send)
        else:
            await _say(413, _TOO_LARGE, {"connection": "close"})(scope, receive, send)

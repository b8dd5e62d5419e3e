"""The tool host as an ASGI application: turns strangers away, sees which call a request names, and leads it on."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evalkit.settings.addresses import Addresses
from evalkit.tool_host.mcp_server import McpServer
from evalkit.tool_host.open_calls import CALL_HEADER, OpenCalls
from evalkit.tool_host.webhooks import answer_webhook, json_response

_FORMS = "POST to /tools/CALL/NAME, or to /mcp/CALL as an MCP client"
_STANDARD_PORTS = {"http": 80, "https": 443}


class ToolHostApp:
    """Answers requests for tools.

    ============ ===========================================================================
    refused with when
    ============ ===========================================================================
    400          the Host is none of its own, whatever name was made to point here
    403          the request comes from a page of somebody else, whose Origin is not the host
    404, 405     the path leads nowhere, or the request is no POST
    ============ ===========================================================================

    Args:
        calls: The calls that are open.
        mcp: Answers MCP.
        addresses: Where it listens.
        public_url: Where it is reached beside that, None: nowhere.

    """

    def __init__(self, calls: OpenCalls, mcp: McpServer, addresses: Addresses, public_url: str | None) -> None:
        self._calls, self._mcp, self._addresses = calls, mcp, addresses
        self._public_hosts = _hosts_of(public_url) if public_url else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        answer = self._refuse(headers)
        header = headers.getlist(CALL_HEADER)
        root, *parts = _split(scope["raw_path"])
        if answer is None and scope["method"] != "POST":
            answer = json_response(405, {"error": f"this takes no {scope['method']}; {_FORMS}"})
            answer.headers["allow"] = "POST"
        elif answer is None and root == "mcp" and len(parts) <= 1:
            await self._mcp.answer(scope, receive, send, [*header, *parts])
            return
        elif answer is None and root == "tools" and len(parts) <= 2:
            try:
                answer = await answer_webhook(Request(scope, receive), parts, header, self._calls)
            except ClientDisconnect:
                return
        await (answer or json_response(404, {"error": f"nothing is here; {_FORMS}"}))(scope, receive, send)

    def _refuse(self, headers: Headers) -> Response | None:
        """Return what a stranger is told, or None for a request that may go on."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._answers_to(hosts[0]):
            url = self._addresses.url
            return json_response(400, {"error": f"this tool host does not answer to that Host; it is at {url}"})
        if len(origins) > 1 or not all(self._answers_to(urlsplit(origin).netloc) for origin in origins):
            return json_response(403, {"error": "the request comes from a page that is not this tool host's"})
        return None

    def _answers_to(self, host: str) -> bool:
        return self._addresses.answers_to(host) or host.lower() in self._public_hosts


def _split(raw_path: bytes) -> Sequence[str]:
    """Return the parts of a path, each decoded by itself: a call's name may hold a slash."""
    path = raw_path.decode("latin-1").partition("?")[0]
    return [unquote(part) for part in path.removeprefix("/").removesuffix("/").split("/")]


def _hosts_of(url: str) -> frozenset[str]:
    """Return the Host headers of requests to `url`: a standard port may be left out."""
    parts = urlsplit(url)
    host = parts.netloc.lower()
    standard = _STANDARD_PORTS.get(parts.scheme)
    if parts.port is None:
        return frozenset({host, f"{host}:{standard}"})
    return frozenset({host, host.rpartition(":")[0]} if parts.port == standard else {host})

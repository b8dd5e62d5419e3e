"""No page of somebody else, and no name that was made to point here, calls a tool; a path leads where it says."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.mocks.session import MockSession
from evalkit.settings.addresses import Addresses
from evalkit.settings.types import ToolHostSettings
from evalkit.tool_host.app import ToolHostApp
from evalkit.tool_host.host import ToolHost
from evalkit.tool_host.hosted_call import HostedAnswer
from evalkit.tool_host.mcp_server import McpServer

OpenShop = Any
ORDER = {"order_id": "1"}
MCP_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_order", "arguments": ORDER}}


@pytest.mark.parametrize("path", ["/tools/CA1/get_order", "/mcp/CA1"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.test"}, 400),
        ({"host": "evil.test:{port}"}, 400),
        ({"host": "127.0.0.1:1"}, 400),
        ({"host": "mocks.example:{port}"}, 400),
        ({"host": ""}, 400),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:{port}.evil.test"}, 403),
        ({"origin": "http://127.0.0.1:{port}"}, 200),
        ({"host": "localhost:{port}"}, 200),
        ({"host": "mocks.example"}, 200),
        ({"host": "mocks.example:443"}, 200),
        ({"host": "mocks.example", "origin": "https://mocks.example"}, 200),
        ({"host": "mocks.example", "origin": "https://other.example"}, 403),
    ],
)
async def test_strangers_are_turned_away(open_shop: OpenShop, path: str, headers: dict[str, str], status: int) -> None:
    """By Host and Origin, at every door, and nothing is recorded of them; the public address is its own too."""
    async with open_shop(public_url="https://mocks.example/") as shop, httpx2.AsyncClient() as client:
        call = shop.open()
        port = shop.port
        sent = {name: value.format(port=port) for name, value in headers.items()}
        body = MCP_CALL if path.startswith("/mcp") else ORDER
        more = {"accept": "application/json", **sent}
        answer = await client.post(f"http://127.0.0.1:{port}{path}", json=body, headers=more)
        assert answer.status_code == status
        assert len(shop.told["CA1"]) == (status == 200)
        assert call.unknown_calls == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/tools/CA1/get_order", 405),
        ("OPTIONS", "/tools/CA1/get_order", 405),
        ("GET", "/", 405),
        ("POST", "/", 404),
        ("POST", "/tools/CA1/get_order/more", 404),
        ("POST", "/mcp/CA1/more", 404),
        ("POST", "/toolsCA1", 404),
        ("POST", "/elsewhere", 404),
    ],
)
async def test_what_leads_nowhere(open_shop: OpenShop, method: str, path: str, status: int) -> None:
    """It is told what to do."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open()
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert "POST to /tools/CALL/NAME, or to /mcp/CALL as an MCP client" in answer.json()["error"]
    assert shop.told["CA1"] == shop.unknown == []


@pytest.mark.parametrize("call_id", ["order/7", "a b", "ü", "x?y#z", "%2F", "tools", "get_order", "a" * 300])
async def test_a_call_may_have_any_name(open_shop: OpenShop, call_id: str) -> None:
    """The addresses that are handed out lead back to it."""
    async with open_shop() as shop, httpx2.AsyncClient() as client:
        call = shop.open(call_id)
        shop.open("another")
        webhook = await client.post(f"{call.parameters['evalkit_tools_url']}/get_order", json=ORDER)
        headers = {"accept": "application/json"}
        mcp = await client.post(call.parameters["evalkit_mcp_url"], json=MCP_CALL, headers=headers)
    assert webhook.json() == mcp.json()["result"]["structuredContent"] == {"status": "shipped"}
    assert len(shop.told[call_id]) == 2


@given(st.text(min_size=1, max_size=20).filter(lambda name: name not in (".", "..")))
def test_every_name_is_read_back_from_its_address(call_id: str) -> None:
    """It is one part of the path, whatever is in it."""
    told: list[HostedAnswer] = []
    host = ToolHost(ToolHostSettings(enabled=True, port=None, bind="127.0.0.1", public_url=None))
    app = ToolHostApp(host._calls, McpServer(host._calls), Addresses("127.0.0.1", 80), None)

    async def ask() -> int:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            with host.open_call(call_id, MockSession((), ()), lambda: 0.0, told.append) as call:
                return (await client.post(f"{call.parameters['evalkit_tools_url']}/get_order", json=ORDER)).status_code

    assert asyncio.run(ask()) == 200
    assert [each.call.name for each in told] == ["get_order"]

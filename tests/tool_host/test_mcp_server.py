"""An MCP client of somebody else lists a call's tools and calls them over a real socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from evalkit.tool_host.hosted_call import Via

OpenShop = Any
ORDER = {"order_id": "1"}


@asynccontextmanager
async def connected(url: str, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
    """Yield a client of the official SDK; `mode` legacy shakes hands first, as clients before 2026 do."""
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_lists_and_calls_the_tools_of_its_call(open_shop: OpenShop, mode: str) -> None:
    """The schema is that of the tools file; an output is text, and where it is an object, structured as well."""
    async with open_shop() as shop:
        call = shop.open()
        async with connected(call.parameters["evalkit_mcp_url"], mode) as client:
            listed = (await client.list_tools()).tools
            result = await client.call_tool("get_order", ORDER)
    assert [(tool.name, tool.description) for tool in listed] == [
        ("get_order", "Where an order is."), ("cancel_order", None),
    ]  # fmt: skip
    assert listed[0].input_schema == call.tools[0]["parameters"]
    assert listed[1].input_schema == {"type": "object"}
    assert (result.is_error, result.structured_content) == (False, {"status": "shipped"})
    assert json.loads(result.content[0].text) == {"status": "shipped"}
    (told,) = shop.told["CA1"]
    assert (told.call.name, told.call.arguments, told.via) == ("get_order", ORDER, Via.MCP)
    assert told.answered_at_ms >= told.called_at_ms > 0


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_delays_failures_and_states_are_as_mocked(open_shop: OpenShop, mode: str) -> None:
    """A tool that fails is marked as an error, with the words of its mock."""
    async with open_shop() as shop:
        call = shop.open()
        async with connected(call.parameters["evalkit_mcp_url"], mode) as client:
            began_s = time.perf_counter()
            await client.call_tool("get_order", {"order_id": "slow"})
            assert time.perf_counter() - began_s >= 0.2
            down = await client.call_tool("get_order", {"order_id": "down"})
            words = await client.call_tool("get_order", {"order_id": "words"})
            odd = await client.call_tool("no_such_tool", {})
            wrong = await client.call_tool("get_order", {"order_id": 1})
            await client.call_tool("cancel_order")
            after = await client.call_tool("get_order", ORDER)
    assert (down.is_error, down.content[0].text) == (True, '{"error":"the shop is closed"}')
    assert (words.content[0].text, words.structured_content) == ("It is\non its way.", None)
    assert (odd.is_error, odd.structured_content) == (False, {"status": "Unsupported tool"})
    assert (wrong.is_error, after.structured_content) == (False, {"status": "cancelled"})
    assert [len(told.answer.schema_problems) for told in shop.told["CA1"]] == [0, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_header_says_whose_it_is(open_shop: OpenShop, mode: str) -> None:
    """At one address for all calls; two clients at once."""
    async with open_shop() as shop:
        for name in ("CA1", "CA2"):
            shop.open(name)

        async def use(name: str) -> None:
            async with connected(f"{shop.host.url}/mcp", mode, **{"x-evalkit-call": name}) as client:
                for number in range(10):
                    await client.call_tool("get_order", {"order_id": f"{name}-{number}"})

        await asyncio.gather(use("CA1"), use("CA2"))
    for name in ("CA1", "CA2"):
        found = [told.call.arguments for told in shop.told[name]]
        assert found == [{"order_id": f"{name}-{number}"} for number in range(10)]
    assert shop.unknown == []


async def test_one_connection_serves_all_calls_by_an_argument(open_shop: OpenShop) -> None:
    """An agent that connects once when it starts tells with each call of a tool which call it is of."""
    async with open_shop() as shop, connected(f"{shop.host.url}/mcp") as client:
        shop.open("CA1")
        shop.open("CA2")
        assert [tool.name for tool in (await client.list_tools()).tools] == ["get_order", "cancel_order"]
        await client.call_tool("get_order", {**ORDER, "evalkit_call": "CA2"})
    assert (shop.told["CA1"], len(shop.told["CA2"])) == ([], 1)
    assert shop.told["CA2"][0].answer.schema_problems == ()


async def test_a_stranger_is_recorded_and_told(open_shop: OpenShop) -> None:
    """A result that is an error, and no answer of any mock."""
    async with open_shop() as shop:
        calls = [shop.open("CA1"), shop.open("CA2")]
        async with connected(f"{shop.host.url}/mcp") as client:
            result = await client.call_tool("get_order", ORDER)
        assert result.is_error
        assert "it does not say which of several calls it belongs to" in result.content[0].text
        assert [call.unknown_calls for call in calls] == [shop.unknown, shop.unknown]
    assert (shop.told, len(shop.unknown)) == ({"CA1": [], "CA2": []}, 1)


@pytest.mark.parametrize(
    ("arguments", "raw", "kept"),
    [
        (
            '{"n": 1234567890123456789012}',
            '{"n": 1234567890123456789012}',
            {"n": 1.2345678901234568e21},
        ),
        ('{"a": {"b": [null, true]}}', '{"a": {"b": [null, true]}}', {"a": {"b": [None, True]}}),
    ],
)
async def test_odd_arguments_are_kept(open_shop: OpenShop, arguments: str, raw: str, kept: Any) -> None:
    """A number that no record could hold as it is loses its last figures, and not the call."""
    message = (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"cancel_order","arguments":{arguments}}}}}'
    )
    headers = {"content-type": "application/json", "accept": "application/json"}
    async with open_shop() as shop, httpx2.AsyncClient() as client:
        call = shop.open()
        answer = await client.post(call.parameters["evalkit_mcp_url"], content=message, headers=headers)
    assert answer.json()["result"]["structuredContent"] == {"done": True}
    (told,) = shop.told["CA1"]
    assert (told.call.raw_arguments, told.call.arguments) == (raw, kept)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_is_nothing_to_listen_to(open_shop: OpenShop, method: str) -> None:
    """A stream that never says anything would hold up the end of the run."""
    async with open_shop() as shop, httpx2.AsyncClient() as client:
        call = shop.open()
        answer = await client.request(method, call.parameters["evalkit_mcp_url"])
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

"""An agent whose tools are webhooks gets what the mocks say, over a real socket, and every call is told."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx2
import pytest

from evalkit.tool_host.hosted_call import Via
from evalkit.tool_host.webhooks import LARGEST_BODY_BYTES

OpenShop = Any
SHIPPED = {"status": "shipped"}
ORDER = {"order_id": "1"}


def envelope(*entries: dict[str, Any], **further: Any) -> dict[str, Any]:
    return {"message": {"type": "tool-calls", "toolCallList": list(entries), **further}}


async def test_a_tool_answers_at_the_address_that_the_call_was_started_with(open_shop: OpenShop) -> None:
    """What came is told with its arguments, what was answered with its verdict."""
    async with open_shop() as shop, httpx2.AsyncClient() as client:
        call = shop.open()
        answer = await client.post(f"{call.parameters['evalkit_tools_url']}/get_order", json=ORDER)
        assert (answer.status_code, answer.json()) == (200, SHIPPED)
        assert answer.headers["content-type"] == "application/json"
    (told,) = shop.told["CA1"]
    assert (told.call.name, told.call.arguments, told.via) == ("get_order", ORDER, Via.WEBHOOK)
    assert told.answered_at_ms >= told.called_at_ms > 0


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/tools/CA1/get_order", {}, ORDER),
        ("/tools/get_order", {"x-evalkit-call": "CA1"}, ORDER),
        ("/tools/get_order", {}, {**ORDER, "evalkit_call": "CA1"}),
        ("/tools/get_order/", {}, {**ORDER, "call_sid": "CA1"}),
    ],
)
async def test_every_way_to_say_whose_it_is(
    open_shop: OpenShop, path: str, headers: dict[str, str], body: dict[str, Any]
) -> None:
    """Path, header, argument, and the agent's own id of the call; with another call open at the same time."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open("CA1")
        shop.open("CA2")
        answer = await client.post(path, headers=headers, json=body)
        assert answer.json() == SHIPPED
    assert (len(shop.told["CA1"]), len(shop.told["CA2"]), shop.unknown) == (1, 0, [])


async def test_a_stranger_is_recorded_and_answered_nothing(open_shop: OpenShop) -> None:
    """Of two calls that are open, neither is guessed, and both learn of it."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        calls = [shop.open("CA1"), shop.open("CA2")]
        answer = await client.post("/tools/get_order", json=ORDER)
        assert answer.status_code == 404
        assert "it does not say which of several calls it belongs to" in answer.json()["error"]
        assert [call.unknown_calls for call in calls] == [shop.unknown, shop.unknown]
    (unknown,) = shop.unknown
    assert (unknown.asked.name, unknown.asked.raw_arguments) == ("get_order", '{"order_id":"1"}')
    assert shop.told == {"CA1": [], "CA2": []}


async def test_a_call_that_is_over_answers_no_more(open_shop: OpenShop) -> None:
    """Whoever is late is told so, and no other call hears of it."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        other = shop.open("CA2")
        shop.open("CA1").__exit__(None, None, None)
        shop.stack.pop_all()
        answer = await client.post("/tools/CA1/get_order", json=ORDER)
        assert (answer.status_code, answer.json()) == (410, {"error": "call 'CA1' is over"})
        assert other.unknown_calls == []
        other.__exit__(None, None, None)


async def test_delays_failures_and_states_are_as_mocked(open_shop: OpenShop) -> None:
    """A tool that fails says so in its answer, whatever a framework makes of other statuses than 200."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open()
        began_s = time.perf_counter()
        slow = await client.post("/tools/CA1/get_order", json={"order_id": "slow"})
        assert time.perf_counter() - began_s >= 0.2
        down = await client.post("/tools/CA1/get_order", json={"order_id": "down"})
        await client.post("/tools/CA1/cancel_order")
        after = await client.post("/tools/CA1/get_order", json=ORDER)
        odd = await client.post("/tools/CA1/no_such_tool", json=ORDER)
    assert (slow.json(), slow.status_code) == ({"status": "late"}, 200)
    assert (down.json(), down.status_code) == ({"error": "the shop is closed"}, 200)
    assert after.json() == {"status": "cancelled"}
    assert (odd.json(), odd.status_code) == ({"status": "Unsupported tool"}, 200)
    took_ms = shop.told["CA1"][0].answered_at_ms - shop.told["CA1"][0].called_at_ms
    assert took_ms >= 200
    assert [each.answer.fails for each in shop.told["CA1"]] == [False, True, False, False, False]


@pytest.mark.parametrize(
    ("body", "arguments", "problem"),
    [
        (b'{"order_id": 1}', {"order_id": 1}, "order_id: 1 is not of type 'string'"),
        (b"", {}, "arguments: 'order_id' is a required property"),
        (b"[1]", None, "the arguments are not a JSON object"),
        (b"order_id=1", None, "the arguments are not a JSON object"),
        (b"\xff\xfe", None, "the arguments are not a JSON object"),
    ],
)
async def test_arguments_are_checked_and_kept(open_shop: OpenShop, body: bytes, arguments: Any, problem: str) -> None:
    """What is wrong with them stands beside the answer, as for a call over the wire; no body is lost."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open()
        assert (await client.post("/tools/CA1/get_order", content=body)).status_code == 200
    (told,) = shop.told["CA1"]
    assert told.call.arguments == arguments
    assert told.call.raw_arguments == body.decode(errors="replace")
    assert told.answer.schema_problems == (problem,)


@pytest.mark.parametrize("path", ["/tools/CA1", "/tools/CA1/get_order", "/tools/CA1/", "/tools", "/tools/get_order"])
async def test_vapis_envelope_is_taken_everywhere(open_shop: OpenShop, path: str) -> None:
    """At the call's address, at a tool's, and at one that names neither; the calls in it are answered at once."""
    body = envelope(
        {"id": "t1", "name": "get_order", "arguments": {"order_id": "slow"}},
        {"id": "t2", "name": "get_order", "arguments": {"order_id": "words"}},
        {"id": "t3", "function": {"name": "get_order", "arguments": '{"order_id": "down"}'}},
        call={"id": "CA1"},
    )
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open("CA1")
        shop.open("CA2")
        answer = await client.post(path, json=body)
    assert answer.status_code == 200
    assert answer.json() == {
        "results": [
            {"toolCallId": "t1", "name": "get_order", "result": '{"status":"late"}'},
            {"toolCallId": "t2", "name": "get_order", "result": "It is on its way."},
            {"toolCallId": "t3", "name": "get_order", "error": '{"error":"the shop is closed"}'},
        ]
    }
    assert [each.call.call_id for each in shop.told["CA1"]] == ["t2", "t3", "t1"]
    assert shop.told["CA2"] == shop.unknown == []


async def test_an_envelope_of_nobody_is_answered_in_its_form(open_shop: OpenShop) -> None:
    """Each call in it is recorded."""
    entries = [{"id": name, "name": name, "arguments": {}} for name in ("get_order", "cancel_order")]
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open("CA1")
        answer = await client.post("/tools/CA9", json=envelope(*entries))
    assert answer.json() == {
        "results": [
            {"toolCallId": name, "name": name, "error": "no call 'CA9' is open"}
            for name in ("get_order", "cancel_order")
        ]
    }
    assert [unknown.asked.name for unknown in shop.unknown] == ["get_order", "cancel_order"]


async def test_what_else_vapi_tells_wants_no_answer(open_shop: OpenShop) -> None:
    """Its messages of a call's life go to the same address, and call no tool."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open()
        answer = await client.post("/tools/CA1", json={"message": {"type": "status-update", "status": "ringing"}})
        assert (answer.status_code, answer.json()) == (200, {})
        tool = await client.post("/tools/CA1/get_order", json={"message": {"type": "of the tool's own"}})
        assert tool.json() == SHIPPED
    assert len(shop.told["CA1"]) == 1
    assert shop.unknown == []


@pytest.mark.parametrize("path", ["/tools", "/tools/", "/tools/CA1"])
async def test_an_address_without_a_tool_says_what_is_missing(open_shop: OpenShop, path: str) -> None:
    """It is no call of a tool, and recorded as none."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open()
        answer = await client.post(path, json=ORDER)
    assert answer.status_code == 404
    assert answer.json() == {"error": "the address names no tool; POST JSON arguments to /tools/CALL/NAME"}
    assert shop.told["CA1"] == shop.unknown == []


async def test_a_body_beyond_the_limit_is_refused(open_shop: OpenShop) -> None:
    """Before it is read whole."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open()
        answer = await client.post("/tools/CA1/get_order", content=b" " * (LARGEST_BODY_BYTES + 1))
    assert answer.status_code == 413


async def test_two_calls_at_once_keep_their_own_state(open_shop: OpenShop) -> None:
    """What one cancels is not cancelled for the other, however the requests are mixed."""
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url) as client:
        shop.open("CA1")
        shop.open("CA2")

        async def ask(call_id: str, number: int) -> Any:
            body = {"order_id": f"{call_id}-{number}"}
            return (await client.post(f"/tools/{call_id}/get_order", json=body)).json()

        await client.post("/tools/CA1/cancel_order")
        answers = await asyncio.gather(*(ask(call_id, number) for number in range(50) for call_id in ("CA1", "CA2")))
    assert answers == [{"status": "cancelled"}, SHIPPED] * 50
    for call_id in ("CA1", "CA2"):
        ids = sorted(told.call.arguments["order_id"] for told in shop.told[call_id] if told.call.name == "get_order")
        assert ids == sorted(f"{call_id}-{number}" for number in range(50))


async def test_nothing_is_kept_of_the_headers(open_shop: OpenShop) -> None:
    """An agent's own key, which its framework may send along, stands in nothing that is told."""
    canary = "sk-canary-7d1f"
    headers = {"authorization": f"Bearer {canary}", "cookie": f"session={canary}"}
    async with open_shop() as shop, httpx2.AsyncClient(base_url=shop.host.url, headers=headers) as client:
        shop.open("CA1")
        shop.open("CA2")
        await client.post(f"/tools/CA1/get_order?key={canary}", json=ORDER)
        await client.post("/tools/get_order", json=ORDER)
    assert (len(shop.told["CA1"]), len(shop.unknown)) == (1, 1)
    assert canary not in json.dumps([told.event for told in shop.told["CA1"]])
    assert canary not in repr((shop.told, shop.unknown))

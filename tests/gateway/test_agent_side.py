"""The agent's side of a call, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from fake_clock import FakeClock
from gateway_partner import request_of

from evalkit.gateway.agent_side import AgentSide, ClientGone, read_body, while_connected
from evalkit.gateway.calls import OpenCall


class _Line:
    """What a server and its client say to each other, written down."""

    def __init__(self, *messages: MutableMapping[str, Any]) -> None:
        self.sent: list[MutableMapping[str, Any]] = []
        self._coming = list(messages)
        self.gone = asyncio.Event()

    async def receive(self) -> MutableMapping[str, Any]:
        if self._coming:
            return self._coming.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)


def _part(body: bytes, *, more: bool) -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_what_is_given_is_noted_at_the_same_moment() -> None:
    """Status, bytes and the time of the first one."""
    line, call, clock = _Line(), OpenCall(0, request_of("chat"), 100.0), FakeClock(100.5)
    agent = AgentSide(line.send, call, clock)
    await agent.begin(200, [("content-type", "application/json")])
    await agent.give(b"")
    assert call.first_byte_s is None
    await agent.give(b"{}")
    await agent.finish()
    assert (call.status, call.bytes_out, call.first_byte_s, call.body) == (200, 2, 100.5, b"{}")
    assert [message.get("body") for message in line.sent] == [None, b"{}", b""]


async def test_a_refusal_for_good_forbids_retries() -> None:
    """In the header that clients heed."""
    line = _Line()
    agent = AgentSide(line.send, OpenCall(0, request_of("messages"), 0.0), FakeClock())
    await agent.refuse(429, "budget", "enough", for_good=True)
    assert (b"x-should-retry", b"false") in line.sent[0]["headers"]
    assert json.loads(line.sent[1]["body"])["error"]["message"] == "enough"


async def test_a_body_is_read_up_to_its_limit() -> None:
    """The rest is read away, so that the client comes to read the answer; but not for ever."""
    assert await read_body(_Line(_part(b"ab", more=True), _part(b"c", more=False)).receive, 3) == b"abc"
    assert await read_body(_Line(_part(b"ab", more=True), _part(b"cd", more=False)).receive, 3) is None
    endless = _Line(*(_part(b"x" * 10, more=True) for _ in range(100)))
    assert await asyncio.wait_for(read_body(endless.receive, 20), 5) is None
    gone = _Line(_part(b"ab", more=True))
    gone.gone.set()
    with pytest.raises(ClientGone):
        await read_body(gone.receive, 10)


async def test_work_ends_when_the_client_leaves() -> None:
    """It is cancelled, and its own clearing up is waited for."""
    line, cleared = _Line(), []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleared.append(True)

    asyncio.get_running_loop().call_soon(line.gone.set)
    await asyncio.wait_for(while_connected(line.receive, work(), lambda _: None), 5)
    assert cleared == [True]


async def test_work_that_fails_fails_aloud() -> None:
    """A defect of ours is not swallowed."""

    async def work() -> None:
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        await while_connected(_Line().receive, work(), lambda _: None)

"""A tool host on a free port, the tools of a shop, and what was told of every call of them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from evalkit.clock import Clock
from evalkit.mocks.definitions import parse_mocks
from evalkit.mocks.session import MockSession
from evalkit.settings.types import ToolHostSettings
from evalkit.tool_host.host import ToolHost
from evalkit.tool_host.hosted_call import HostedAnswer, HostedCall, UnknownCall

TOOLS: tuple[dict[str, Any], ...] = (
    {
        "type": "function",
        "name": "get_order",
        "description": "Where an order is.",
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    },
    {"type": "function", "name": "cancel_order"},
)
MOCKS: list[dict[str, Any]] = [
    {"name": "get_order", "state": {"order": "cancelled"}, "output": {"status": "cancelled"}},
    {"name": "get_order", "match": {"order_id": "slow"}, "delay_ms": 200, "output": {"status": "late"}},
    {"name": "get_order", "match": {"order_id": "words"}, "output": "It is\non its way."},
    {"name": "get_order", "match": {"order_id": "down"}, "error": "the shop is closed"},
    {"name": "get_order", "output": {"status": "shipped"}},
    {"name": "cancel_order", "set": {"order": "cancelled"}, "output": {"done": True}},
]


def new_mocks() -> MockSession:
    """Return the tools of a new conversation."""
    return MockSession(parse_mocks(MOCKS, "test", TOOLS), TOOLS)


@dataclass
class Shop:
    """A host with calls; `told` has each call's answers by its id, `unknown` what belonged to none."""

    host: ToolHost
    stack: ExitStack
    told: dict[str, list[HostedAnswer]] = field(default_factory=dict)
    unknown: list[UnknownCall] = field(default_factory=list)

    def open(self, call_id: str = "CA1") -> HostedCall:
        """Open a call, which ends with the test."""
        began_s = time.perf_counter()
        told = self.told.setdefault(call_id, [])
        call = self.host.open_call(call_id, new_mocks(), lambda: (time.perf_counter() - began_s) * 1000, told.append)
        return self.stack.enter_context(call)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.host.port)


OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def open_shop() -> OpenShop:
    """Return what opens a shop."""

    @asynccontextmanager
    async def opened(clock: Clock | None = None, **settings: Any) -> AsyncIterator[Shop]:
        unknown: list[UnknownCall] = []
        where = ToolHostSettings(**{"enabled": True, "port": None, "bind": "127.0.0.1", "public_url": None, **settings})
        async with ToolHost(where, clock=clock, on_unknown=unknown.append) as host:
            with ExitStack() as stack:
                yield Shop(host, stack, unknown=unknown)

    return opened


@pytest.fixture
def new_call() -> Callable[..., HostedCall]:
    """Return what makes a call that no host serves; its answers go to `told`."""

    def made(call_id: str, told: list[HostedAnswer], clock: Any, leave: Any = lambda _: None) -> HostedCall:
        return HostedCall(
            call_id,
            new_mocks(),
            now_ms=lambda: clock.now() * 1000,
            on_answer=told.append,
            clock=clock,
            parameters={},
            leave=leave,
        )

    return made

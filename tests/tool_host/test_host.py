"""A run's tool host: where it listens, what it hands out, and how it ends."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import time
from typing import Any

import httpx2
import pytest

from evalkit import event_loop
from evalkit.clock import MonotonicClock
from evalkit.errors import ConfigError
from evalkit.settings.types import ToolHostSettings
from evalkit.tool_host import host as host_module
from evalkit.tool_host.host import ToolHost

OpenShop = Any
ORDER = {"order_id": "1"}


async def test_what_is_handed_to_the_agent(open_shop: OpenShop) -> None:
    """The call's name, and where its tools are: as webhooks and over MCP."""
    async with open_shop() as shop:
        call = shop.open("CA1")
        url = f"http://127.0.0.1:{shop.port}"
        assert shop.host.url == url
        assert call.parameters == {
            "evalkit_call": "CA1",
            "evalkit_tools_url": f"{url}/tools/CA1",
            "evalkit_mcp_url": f"{url}/mcp/CA1",
        }


async def test_an_agent_elsewhere_is_handed_the_public_address(open_shop: OpenShop) -> None:
    """With the path that a tunnel may have."""
    async with open_shop(public_url="https://mocks.example/shop/") as shop:
        assert shop.open("CA1").parameters["evalkit_tools_url"] == "https://mocks.example/shop/tools/CA1"


async def test_the_port_may_be_given(open_shop: OpenShop) -> None:
    """One that is taken is named with what to do."""
    async with open_shop() as shop:
        with pytest.raises(ConfigError) as caught:
            async with open_shop(port=shop.port):
                pass
        (problem,) = caught.value.problems
        assert problem.startswith(f"tool_host: cannot listen on 127.0.0.1 port {shop.port}: ")
        assert "another tool_host.port" in problem
        port = shop.port
    async with open_shop(port=port) as again:
        assert again.port == port


@pytest.mark.parametrize("bind", ["no.such.host.invalid", "203.0.113.7"])
async def test_an_address_of_somebody_else_is_named(open_shop: OpenShop, bind: str) -> None:
    """Nothing is left open."""
    with pytest.raises(ConfigError, match=f"tool_host: cannot listen on {bind} port 0"):
        async with open_shop(bind=bind):
            pass


async def test_what_belongs_to_nobody_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Of a run that says nothing else of it: also what comes when no call is open; never more than a line of it."""
    settings = ToolHostSettings(enabled=True, port=None, bind="127.0.0.1", public_url=None)
    async with ToolHost(settings) as host, httpx2.AsyncClient() as client:
        await client.post(f"{host.url}/tools/get_order", content='{"order_id": "\x1b[31m\n' + "1" * 1000)
    (said,) = [record.getMessage() for record in caplog.records if record.name == "evalkit.tool_host.host"]
    assert said.startswith("a tool was called by webhook and not answered: get_order ")
    assert said.endswith(": no call is open")
    assert ("\x1b" in said, "\n" in said, len(said) < 500) == (False, False, True)


@pytest.mark.parametrize("call_id", ["", ".", ".."])
async def test_a_name_that_no_path_can_hold_is_refused(open_shop: OpenShop, call_id: str) -> None:
    """A client would take it for a way up."""
    async with open_shop() as shop:
        with pytest.raises(ValueError, match="cannot name a call"):
            shop.open(call_id)


async def test_a_host_ends_at_once_although_agents_stay_connected(open_shop: OpenShop) -> None:
    """A connection that is kept open does not hold up the end of a run."""
    async with httpx2.AsyncClient() as client:
        async with open_shop() as shop:
            shop.open()
            await client.post(f"{shop.host.url}/tools/CA1/get_order", json=ORDER)
            began_s = time.perf_counter()
        assert time.perf_counter() - began_s < 3
        with pytest.raises(httpx2.ConnectError):
            await client.post(f"{shop.host.url}/tools/CA1/get_order", json=ORDER)


class EndlessClock(MonotonicClock):
    """A clock on which every wait is endless."""

    def __init__(self) -> None:
        self.is_waited_on = asyncio.Event()

    async def sleep_until(self, deadline: float) -> None:
        self.is_waited_on.set()
        await asyncio.Event().wait()


async def test_a_tool_that_takes_long_does_not_hold_up_the_end(open_shop: OpenShop) -> None:
    """It is told as not answered, and the agent is told that something went wrong."""
    clock = EndlessClock()
    async with httpx2.AsyncClient() as client:
        async with open_shop(clock) as shop:
            shop.open()
            url = f"{shop.host.url}/tools/CA1/get_order"
            slow = asyncio.ensure_future(client.post(url, json={"order_id": "slow"}))
            await clock.is_waited_on.wait()
            began_s = time.perf_counter()
        assert time.perf_counter() - began_s < 5
        assert (await slow).status_code == 500
    assert [told.answered_at_ms for told in shop.told["CA1"]] == [None]


def test_it_runs_in_the_loop_that_everything_runs_in(open_shop: OpenShop) -> None:
    """Uvloop's where there is one."""

    async def main() -> Any:
        async with open_shop() as shop, httpx2.AsyncClient() as client:
            shop.open()
            return (await client.post(f"{shop.host.url}/tools/CA1/get_order", json=ORDER)).json()

    assert event_loop.run(main()) == {"status": "shipped"}


async def test_missing_packages_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is bound."""
    found = importlib.util.find_spec
    monkeypatch.setattr(host_module, "find_spec", lambda name: None if name == "mcp" else found(name))
    with pytest.raises(ConfigError) as caught:
        async with ToolHost(ToolHostSettings(enabled=True, port=None, bind="127.0.0.1", public_url=None)):
            pass
    assert list(caught.value.problems) == [
        "the tool host needs packages that are not installed: mcp; install them with: pip install '.[tools]'"
    ]


async def test_it_listens_at_the_other_loopback_too(open_shop: OpenShop) -> None:
    """IPv6, where the machine has it."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    async with open_shop(bind="::1") as shop, httpx2.AsyncClient() as client:
        call = shop.open()
        assert call.parameters["evalkit_tools_url"].startswith("http://[::1]:")
        answer = await client.post(f"{call.parameters['evalkit_tools_url']}/get_order", json=ORDER)
        assert answer.json() == {"status": "shipped"}

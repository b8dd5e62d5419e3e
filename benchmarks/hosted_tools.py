"""How much longer than its mocks the tool host takes under load, and whether a call is lost or recorded twice.

    python benchmarks/hosted_tools.py [--rate 200] [--seconds 60] [--calls 16] [--json FILE]

A host has `--calls` calls open. An agent in a process of its own calls their tools at moments that were fixed before,
`--rate` a second, whether it has been answered or not: one as a webhook, the next over MCP (2026-07-28), the next over
MCP as older clients speak it. Every tenth tool takes 100 ms. The overhead of a call is what the agent waited, less what
the tool takes; what its own requests take to be written and read is in it.

Exit code 1: a call was not answered, not recorded or recorded twice, or p99 of the overhead is 10 ms or more. The bar
says something on an idle machine only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from installed import missing_packages_named

with missing_packages_named():
    import mcp.types as mcp_types
    import psutil

    from evalkit import event_loop
    from evalkit.mocks.definitions import parse_mocks
    from evalkit.mocks.session import MockSession
    from evalkit.settings.types import ToolHostSettings
    from evalkit.tool_host.host import ToolHost
    from evalkit.tool_host.hosted_call import MCP_PARAMETER, TOOLS_PARAMETER, HostedAnswer

MOST_P99_MS = 10.0
SLOW_MS = 100.0
WAYS = ("webhook", "mcp", "mcp_legacy")
TOOLS: tuple[dict[str, Any], ...] = (
    {
        "name": "get_order",
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}, "slow": {"type": "boolean"}},
            "required": ["order_id"],
        },
    },
)
MOCKS = [
    {"name": "get_order", "match": {"slow": True}, "delay_ms": SLOW_MS, "output": {"status": "late"}},
    {"name": "get_order", "output": {"status": "shipped"}},
]


@dataclass(frozen=True)
class Asked:
    """One call of a tool as the agent saw it; times in milliseconds."""

    order_id: str
    way: str
    slow: bool
    late_ms: float
    took_ms: float
    answered: bool

    @property
    def overhead_ms(self) -> float:
        """How much longer than the tool it took."""
        return self.took_ms - (SLOW_MS if self.slow else 0.0)


@dataclass
class Findings:
    """All that was measured. Times in milliseconds or seconds, as named."""

    cpus: int | None = field(default_factory=os.cpu_count)
    rate_per_s: float = 0.0
    seconds: float = 0.0
    asked: int = 0
    unanswered: int = 0
    unrecorded: int = 0
    twice: int = 0
    overhead_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    host_overhead_ms: dict[str, float] = field(default_factory=dict)
    agent_late_ms: dict[str, float] = field(default_factory=dict)
    host_cpu_s: float = 0.0


def main() -> int:
    """Measure, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--calls", type=int, default=16)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = event_loop.run(_measure(options.rate, options.seconds, options.calls))
    if options.json:
        options.json.write_text(json.dumps(asdict(found), indent=2), encoding="utf-8")
    _show(found)
    kept = found.unanswered == found.unrecorded == found.twice == 0
    return 0 if kept and found.overhead_ms["all"]["p99"] < MOST_P99_MS else 1


async def _measure(rate: float, seconds: float, calls: int) -> Findings:
    told: list[HostedAnswer] = []
    process = psutil.Process()
    async with ToolHost(ToolHostSettings(enabled=True, port=None, bind="127.0.0.1", public_url=None)) as host:
        with ExitStack() as stack:
            places = []
            for number in range(calls):
                mocks = MockSession(parse_mocks(MOCKS, "benchmark", TOOLS), TOOLS)
                call = stack.enter_context(
                    host.open_call(f"CA{number}", mocks, lambda: time.perf_counter() * 1000, told.append)
                )
                places.append((call.parameters[TOOLS_PARAMETER], call.parameters[MCP_PARAMETER]))
            before = process.cpu_times()
            asked = await asyncio.to_thread(_in_a_process, places, rate, seconds)
            after = process.cpu_times()
    recorded = Counter(str((answer.call.arguments or {})["order_id"]) for answer in told)
    overheads = {"all": [each.overhead_ms for each in asked]}
    overheads |= {way: [each.overhead_ms for each in asked if each.way == way] for way in WAYS}
    return Findings(
        rate_per_s=rate,
        seconds=seconds,
        asked=len(asked),
        unanswered=sum(not each.answered for each in asked),
        unrecorded=sum(recorded[each.order_id] == 0 for each in asked),
        twice=sum(recorded[each.order_id] > 1 for each in asked),
        overhead_ms={name: _spread(values) for name, values in overheads.items()},
        host_overhead_ms=_spread([_host_overhead_ms(answer) for answer in told]),
        agent_late_ms=_spread([each.late_ms for each in asked]),
        host_cpu_s=after.user + after.system - before.user - before.system,
    )


def _host_overhead_ms(answer: HostedAnswer) -> float:
    """Return how much longer than its mock a call waited within the host, without the way there and back."""
    return (answer.answered_at_ms or 0.0) - answer.called_at_ms - answer.answer.delay_ms


def _spread(values: list[float]) -> dict[str, float]:
    cuts = quantiles(values, n=1000) if len(values) > 1 else values * 999
    return {"p50": cuts[499], "p95": cuts[949], "p99": cuts[989], "max": max(values)}


def _in_a_process(places: list[tuple[str, str]], rate: float, seconds: float) -> list[Asked]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    agent = context.Process(target=_agent, args=(places, rate, seconds, theirs))
    agent.start()
    try:
        asked: list[Asked] = ours.recv()
    finally:
        agent.join(10)
        agent.kill()
    return asked


def _agent(places: list[tuple[str, str]], rate: float, seconds: float, results: Connection) -> None:
    results.send(event_loop.run(_ask_all(places, rate, seconds)))


class _Connections:
    """Connections to the host that are used again; little more than what HTTP needs, so that the host has the CPU."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, url: str, content: Any, headers: dict[str, str]) -> Any:
        """Return what is answered to a request, as JSON."""
        body = json.dumps(content).encode()
        host = self._parts.netloc
        lines = [f"POST {urlsplit(url).path} HTTP/1.1", f"host: {host}", "content-type: application/json"]
        lines += [f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        reader, writer = (
            self._free.pop() if self._free else await asyncio.open_connection(self._parts.hostname, self._parts.port)
        )
        writer.write("\r\n".join(lines).encode() + body)
        length = re.search(rb"content-length: (\d+)", (await reader.readuntil(b"\r\n\r\n")).lower())
        answer = await reader.readexactly(int(length[1]) if length else 0)
        self._free.append((reader, writer))
        return json.loads(answer)


async def _ask_all(places: list[tuple[str, str]], rate: float, seconds: float) -> list[Asked]:
    connections = _Connections(places[0][0])
    for number in range(-20, 0):  # connections and caches are there before it counts
        await _ask(connections, places[0], number, time.perf_counter())
    began_s = time.perf_counter() + 0.5
    asking = []
    for number in range(round(rate * seconds)):
        due_s = began_s + number / rate
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        asking.append(asyncio.ensure_future(_ask(connections, places[number % len(places)], number, due_s)))
    return list(await asyncio.gather(*asking))


async def _ask(connections: _Connections, place: tuple[str, str], number: int, due_s: float) -> Asked:
    webhooks, mcp_url = place
    way, slow = WAYS[number % len(WAYS)], number % 10 == 0
    arguments = {"order_id": str(number), "slow": slow}
    sent_s = time.perf_counter()
    try:
        if way == "webhook":
            answer = await connections.post(f"{webhooks}/get_order", arguments, {})
        else:
            headers, meta = _mcp_words(way)
            params = {"name": "get_order", "arguments": arguments, **meta}
            body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            answer = (await connections.post(mcp_url, body, headers))["result"]["structuredContent"]
        answered = answer == {"status": "late" if slow else "shipped"}
    except (OSError, EOFError, ValueError, KeyError):
        answered = False
    took_ms = (time.perf_counter() - sent_s) * 1000
    return Asked(str(number), way, slow, (sent_s - due_s) * 1000, took_ms, answered)


def _mcp_words(way: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the headers of a request, and what its parameters hold beside those of the tool."""
    accept = {"accept": "application/json, text/event-stream"}
    if way == "mcp_legacy":
        return {**accept, "mcp-protocol-version": "2025-06-18"}, {}
    version = "2026-07-28"
    meta = {mcp_types.PROTOCOL_VERSION_META_KEY: version, mcp_types.CLIENT_CAPABILITIES_META_KEY: {}}
    routing = {"mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": "get_order"}
    return {**accept, **routing}, {"_meta": meta}


def _show(found: Findings) -> None:
    print(f"{found.asked} calls, {found.rate_per_s:g} a second for {found.seconds:g} s; {found.cpus} CPUs")
    print(f"not answered {found.unanswered}, not recorded {found.unrecorded}, recorded twice {found.twice}")
    rows = {**found.overhead_ms, "in the host": found.host_overhead_ms, "agent late": found.agent_late_ms}
    print(f"{'overhead, ms':14}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}")
    for name, spread in rows.items():
        print(f"{name:14}" + "".join(f"{spread[cut]:8.2f}" for cut in ("p50", "p95", "p99", "max")))
    print(f"CPU of the host: {found.host_cpu_s:.1f} s, {1000 * found.host_cpu_s / found.asked:.2f} ms a call")


if __name__ == "__main__":
    sys.exit(main())

"""Calls to an application that reaches its tools by itself: served by the run's tool host, told in the record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from duplex_calls import FIRST, LIMITS, TOOL, ScriptedCaller, plan_of, tones
from mcp import Client
from media_stream_peer import MediaStreamPeer, speech

from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.graders.context import GraderContext
from evalkit.graders.registry import GRADER_TYPES
from evalkit.mocks.definitions import Mock
from evalkit.modes.voice.call import CallSetup, hold_call
from evalkit.modes.voice.dialogue import CallPlan
from evalkit.modes.voice.recogniser import HeardWords
from evalkit.realtime.events import DetectionSpec, SessionSpec
from evalkit.realtime.media_stream.session import MediaStreamTarget
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Fault
from evalkit.records.grade import GraderSpec
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import prepare
from evalkit.settings.types import ToolHostSettings
from evalkit.simulator.caller import CallerTurn
from evalkit.store.run_directory import RunDirectory
from evalkit.tool_host import host as host_module
from evalkit.tool_host.host import ToolHost

ULAW = AudioFormat.G711_ULAW
ORDER = {"order_id": "49903"}
MOCKS = (
    Mock("mock #1", "get_order_status", ({"status": "late"},), match={"order_id": "slow"}, delay_ms=20_000),
    Mock("mock #2", "get_order_status", ({"error": "down"},), match={"order_id": "down"}, fails=True),
    Mock("mock #3", "get_order_status", ({"status": "shipped"},)),
)
Ask = Callable[[httpx2.AsyncClient, dict[str, str]], Awaitable[Any]]


@dataclass
class ToolUser(MediaStreamPeer):
    """An application that asks its tools before it answers; `asked` does so with what it was handed."""

    asks: Sequence[Ask] = ()
    background: list[asyncio.Task[Any]] = field(default_factory=list)

    async def _answer(self) -> None:
        start = self.told("start")[0]["start"]
        handed = {**start["customParameters"], "callSid": start["callSid"]}
        if self._count < len(self.asks):
            async with httpx2.AsyncClient() as client:
                await self.asks[self._count](client, handed)
        await super()._answer()


@dataclass
class Line:
    """Calls of one run, over one tool host."""

    host: ToolHost
    run: RunDirectory

    async def call(self, *asks: Ask, name: str = "sim", lines: Sequence[str] = ("END_CALL",), **odd: Any) -> CaseRecord:
        """Hold a call with an application that asks its tools so, once for each thing that it hears."""
        async with ToolUser([speech(400)], asks=asks, **odd).serving() as peer:
            target = MediaStreamTarget(peer.url, peer.dialect, agent_speaks_first=False)
            call_plan = self._plan(target, ScriptedCaller(lines))
            setup = CallSetup(self.run, MonotonicClock(), LIMITS, lambda _: call_plan, lambda _, __: None)
            return await hold_call(setup, CaseTrial(Case(name, "run", {}), 1, 7), 1)

    def _plan(self, target: MediaStreamTarget, caller: ScriptedCaller) -> CallPlan:
        async def speak(text: str) -> CallerTurn:
            return CallerTurn(text, tones(400 if text == FIRST else 300))

        async def recognise(_pcm: Any, _rate_hz: int) -> HeardWords:
            return HeardWords("It is shipped.", 0.0)

        return plan_of(
            SessionSpec("help", ULAW, ULAW, tools=(TOOL,), turn_detection=DetectionSpec("application")),
            caller,
            MOCKS,
            url=target.url,
            assistant_model="application",
            speak=speak,
            media_stream=target,
            recognise=recognise,
            tool_host=self.host,
        )

    def events(self, name: str = "sim") -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run.events_path(name).read_text().splitlines()]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Line]:
    settings = ToolHostSettings(enabled=True, port=None, bind="127.0.0.1", public_url=None)
    async with ToolHost(settings) as host:
        yield Line(host, RunDirectory(folder))


async def by_webhook(client: httpx2.AsyncClient, handed: dict[str, str]) -> Any:
    answer = await client.post(f"{handed['evalkit_tools_url']}/get_order_status", json=ORDER)
    assert answer.json() == {"status": "shipped"}


async def by_call_sid(client: httpx2.AsyncClient, handed: dict[str, str]) -> Any:
    root = handed["evalkit_tools_url"].partition("/tools/")[0]
    arguments = {**ORDER, "call_sid": handed["callSid"]}
    answer = await client.post(f"{root}/tools/get_order_status", json=arguments)
    assert answer.json() == {"status": "shipped"}


async def by_mcp(_: httpx2.AsyncClient, handed: dict[str, str]) -> Any:
    async with Client(handed["evalkit_mcp_url"]) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool(names[0], ORDER)
    assert result.structured_content == {"status": "shipped"}


async def by_nobody(client: httpx2.AsyncClient, handed: dict[str, str]) -> Any:
    root = handed["evalkit_tools_url"].partition("/tools/")[0]
    assert (await client.post(f"{root}/tools/get_order_status", json=ORDER)).status_code == 404


async def twice(client: httpx2.AsyncClient, handed: dict[str, str]) -> Any:
    await by_webhook(client, handed)
    await by_webhook(client, handed)


async def without_waiting(client: httpx2.AsyncClient, handed: dict[str, str]) -> Any:
    url = f"{handed['evalkit_tools_url']}/get_order_status"
    with pytest.raises(httpx2.ReadTimeout):
        await client.post(url, json={"order_id": "slow"}, timeout=0.2)


async def grade(record: CaseRecord, name: str) -> float | None:
    return (await GRADER_TYPES[name].grade(GraderContext(record, None, GraderSpec(name, name)))).grade


async def test_what_it_calls_stands_in_the_record_as_if_it_had_come_over_the_wire(tmp_path: Path) -> None:
    """Call and answer in the turn, before the words that follow; the verdict in the notes and in the log."""
    async with opened(tmp_path) as line:
        record = await line.call(by_webhook)
    assert record.failure is None
    assert [step["kind"] if isinstance(step, dict) else type(step).__name__ for step in record.turns[0].steps] == [
        "ToolCall", "ToolOutput", "Words",
    ]  # fmt: skip
    call, output, _ = record.turns[0].steps
    assert isinstance(call, ToolCall)
    assert isinstance(output, ToolOutput)
    assert (call.name, call.arguments, output.output) == ("get_order_status", ORDER, {"status": "shipped"})
    (told,) = record.notes["tool_answers"]
    assert (told["answered_by"], told["schema_problems"], told["via"]) == ("mock #3", [], "webhook")
    assert 0 < told["called_at_ms"] <= told["answered_at_ms"]
    (logged,) = [event["event"] for event in line.events() if event["type"] == "mocked_tool_call"]
    assert logged == told
    assert len(record.notes["turn_taking"]["tool_calls"]) == 1
    assert "tool_calls" not in record.notes["not_shown"]
    assert await grade(record, "no_duplicate_calls") == 1


async def test_an_mcp_client_is_served_alike(tmp_path: Path) -> None:
    """It connects when the call begins, and finds the tools of that call."""
    async with opened(tmp_path) as line:
        record = await line.call(by_mcp)
    assert record.failure is None
    assert [call.arguments for call in record.turns[0].tool_calls] == [ORDER]
    assert [told["via"] for told in record.notes["tool_answers"]] == ["mcp"]


async def test_it_may_say_whose_it_is_by_the_telephone_calls_own_id(tmp_path: Path) -> None:
    """What an application knows anyhow is enough, with other calls at the same time."""
    async with opened(tmp_path) as line:
        records = await asyncio.gather(*(line.call(by_call_sid, name=name) for name in ("a", "b")))
    assert [record.failure for record in records] == [None, None]
    assert [len(record.turns[0].tool_calls) for record in records] == [1, 1]


async def test_calls_at_once_have_tools_of_their_own(tmp_path: Path) -> None:
    """Each call's are told in its own record, turn by turn."""
    async with opened(tmp_path) as line:
        a, b = await asyncio.gather(
            line.call(by_webhook, by_webhook, name="a", lines=("And now?", "END_CALL")),
            line.call(by_webhook, name="b"),
        )
    assert [len(turn.tool_calls) for turn in a.turns] == [1, 1]
    assert [len(turn.tool_calls) for turn in b.turns] == [1]
    assert await grade(a, "no_duplicate_calls") == 0


async def test_a_tool_called_twice_loses_the_grade_for_that(tmp_path: Path) -> None:
    """And no other."""
    async with opened(tmp_path) as line:
        record = await line.call(twice)
    assert await grade(record, "no_duplicate_calls") == 0


async def test_whose_call_is_not_known_is_nobodys_fault_but_the_mocks(tmp_path: Path) -> None:
    """With two calls open, neither is guessed, and neither is held to what it did without an answer."""
    async with opened(tmp_path) as line:
        records = await asyncio.gather(line.call(by_nobody, name="a"), line.call(by_webhook, name="b"))
    for record in records:
        assert record.failure is not None
        assert (record.failure.stage, record.failure.error_type) == ("tool_host", "unknown_tool_call")
        assert (record.fault, record.scored) == (Fault.TOOL_MOCK, False)
        assert "a tool was called (get_order_status) and it is not known by which call" in record.failure.message


async def test_a_tool_that_is_not_answered_when_the_call_ends_is_told_so(tmp_path: Path) -> None:
    """The application hangs up while its tool is at work: the call stands in the record, and no answer."""
    async with opened(tmp_path) as line:
        record = await line.call(without_waiting, paced=True, hangs_up_after=1)
    assert (record.failure, record.notes["ended_by"]) == (None, "assistant")
    assert len(record.turns[0].tool_calls) == 1
    assert record.turns[0].tool_outputs == ()
    (told,) = record.notes["tool_answers"]
    assert told["answered_at_ms"] is None


async def test_an_application_that_calls_none_is_known_to_have_called_none(tmp_path: Path) -> None:
    """Served its tools, it could have."""
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(opened(tmp_path))
        record = await line.call()
    assert (record.turns[0].tool_calls, record.notes["tool_answers"]) == ((), [])
    assert "tool_calls" not in record.notes["not_shown"]


@pytest.mark.parametrize("mode", ["run", "crawl", "walk"])
@pytest.mark.parametrize(
    ("overrides", "hidden", "problem"),
    [
        (("target=media_stream", "target.url=ws://127.0.0.1:1/ws"), "mcp", "packages that are not installed: mcp"),
        ((), "", "tool_host.enabled: true, but target.kind=realtime, whose tools are asked for over the wire"),
    ],
)
def test_what_stands_in_the_way_is_told_before_anybody_is_called(
    monkeypatch: pytest.MonkeyPatch, mode: str, overrides: tuple[str, ...], hidden: str, problem: str
) -> None:
    """In one message with what to do."""
    monkeypatch.setattr(host_module, "find_spec", lambda name: None if name == hidden else name)
    config = plan((f"mode={mode}", "tool_host.enabled=true", *overrides), packaged_source()).jobs[0].config
    with pytest.raises(ConfigError) as refused:
        prepare(config, Path.cwd(), {})
    assert problem in str(refused.value)

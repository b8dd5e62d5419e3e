"""One call whose tools the agent reaches by itself: what it asks is answered from the call's mocks, on its clock.

Nothing here knows how a request came: :mod:`evalkit.tool_host.webhooks` and :mod:`evalkit.tool_host.mcp_server` read
it, :mod:`evalkit.tool_host.open_calls` says whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType

import orjson

from evalkit.clock import Clock
from evalkit.mocks.session import MockAnswer, MockSession
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import ToolCall, ToolOutput

CALL_PARAMETER = "evalkit_call"
"""The parameter that tells an agent how its call is named; an argument of this name is never one of a tool's."""

TOOLS_PARAMETER = "evalkit_tools_url"
MCP_PARAMETER = "evalkit_mcp_url"


class Via(StrEnum):
    """How an agent reached a tool."""

    MCP = "mcp"
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class AskedTool:
    """A call of a tool as an agent made it.

    Attributes:
        name: The tool.
        arguments: None where what was sent is no JSON object.
        raw_arguments: What was sent, as text.
        via: How it came.
        call_id: What the agent's own framework calls it; empty: nothing.

    """

    name: str
    arguments: JsonObject | None
    raw_arguments: str
    via: Via
    call_id: str = ""


@dataclass(frozen=True)
class HostedAnswer:
    """A call of a tool and what was answered.

    Attributes:
        call: The call, with an id that no other has in the conversation.
        answer: The output, which mock gave it, and what is wrong with the arguments.
        called_at_ms: When it came, on the call's clock.
        answered_at_ms: When it was answered; None: the conversation ended before.
        via: How it came.

    """

    call: ToolCall
    answer: MockAnswer
    called_at_ms: float
    answered_at_ms: float | None
    via: Via

    @property
    def output(self) -> ToolOutput:
        """What the agent was given."""
        return self.answer.output

    @property
    def event(self) -> dict[str, Json]:
        """What trace and record hold of it: what they hold of any mocked call, and how and when it came."""
        return {
            **self.answer.event,
            "via": str(self.via),
            "called_at_ms": self.called_at_ms,
            "answered_at_ms": self.answered_at_ms,
        }


def output_text(output: Json) -> str:
    """Return a tool's output as the text that an agent is given: a text as it is, all else as JSON in one line."""
    return output if isinstance(output, str) else orjson.dumps(output).decode()


def read_arguments(text: str | bytes) -> JsonObject | None:
    """Return the arguments in `text`, none where it is blank; None where it holds anything but a JSON object."""
    if not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class UnknownCall:
    """A call of a tool that belongs to no call that is open.

    Attributes:
        asked: What was asked.
        why: Why it is not known whose it is, and what to do.
        is_over: Whether it names a call that has ended.

    """

    asked: AskedTool
    why: str
    is_over: bool


class HostedCall:
    """One call's tools, from its start to its end; a context manager. :meth:`ToolHost.open_call` makes it.

    Args:
        call_id: Names it among the calls of its host.
        mocks: What its tools answer.
        now_ms: The call's clock.
        on_answer: Is given each call of a tool once: as it is answered, or when this ends.
        clock: What delays are waited on.
        parameters: What to hand to the agent when the call starts.
        leave: Called when it ends.

    Attributes:
        call_id: As given.
        parameters: As given.
        tools: What may be called, as the tools file has it.
        unknown_calls: The calls of tools that came meanwhile, of which nobody knows whose they are.

    """

    def __init__(
        self,
        call_id: str,
        mocks: MockSession,
        *,
        now_ms: Callable[[], float],
        on_answer: Callable[[HostedAnswer], None],
        clock: Clock,
        parameters: Mapping[str, str],
        leave: Callable[[HostedCall], None],
    ) -> None:
        self.call_id, self.parameters, self.tools = call_id, parameters, mocks.tools
        self.unknown_calls: list[UnknownCall] = []
        self._mocks, self._now_ms, self._on_answer, self._clock, self._leave = mocks, now_ms, on_answer, clock, leave
        self._waiting: dict[str, HostedAnswer] = {}
        self._ids: set[str] = set()

    def __enter__(self) -> HostedCall:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it: what is not answered by now never is, and is told so."""
        self._leave(self)
        waiting, self._waiting = self._waiting, {}
        for told in waiting.values():
            self._on_answer(told)

    @property
    def is_at_work(self) -> bool:
        """Whether a tool has been called and not answered yet."""
        return bool(self._waiting)

    @property
    def calls_made(self) -> int:
        """How many calls of tools came by now, answered or not."""
        return len(self._ids)

    async def answer(self, asked: AskedTool) -> MockAnswer:
        """Return the answer when the tool has taken its time."""
        arguments = asked.arguments
        if arguments is not None and CALL_PARAMETER in arguments:
            arguments = {name: value for name, value in arguments.items() if name != CALL_PARAMETER}
        call = ToolCall(asked.name, arguments, asked.raw_arguments, self._new_id(asked.call_id))
        began_s, called_at_ms = self._clock.now(), self._now_ms()
        answer = self._mocks.answer(call)
        self._waiting[call.call_id] = HostedAnswer(call, answer, called_at_ms, None, asked.via)
        if answer.delay_ms > 0:
            await self._clock.sleep_until(began_s + answer.delay_ms / 1000)
        if self._waiting.pop(call.call_id, None) is not None:
            self._on_answer(HostedAnswer(call, answer, called_at_ms, self._now_ms(), asked.via))
        return answer

    def _new_id(self, given: str) -> str:
        call_id = given if given and given not in self._ids else f"hosted_{len(self._ids) + 1}"
        while call_id in self._ids:
            call_id = f"{call_id}_"
        self._ids.add(call_id)
        return call_id

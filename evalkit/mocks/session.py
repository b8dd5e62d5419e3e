"""The tools of one conversation: answers calls from mocks and remembers what it answered.

Nothing here is random and nothing waits: the same mocks and the same calls give the same answers, and the mode
waits the `delay_ms` of an answer on its own clock. A call that no mock takes is answered ``{"status": "Unsupported
tool"}``, and the answer says so. The arguments of each call are checked against the tool's own JSON Schema; the verdict
stands beside the answer and does not change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from evalkit.mocks.definitions import Mock
from evalkit.mocks.matching import holds, takes
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import ToolCall, ToolOutput

UNSUPPORTED: Mapping[str, Json] = MappingProxyType({"status": "Unsupported tool"})
UNMATCHED_EVENT = "unmatched_tool_call"
ANSWERED_EVENT = "mocked_tool_call"
_LONGEST = 300


@dataclass(frozen=True)
class MockAnswer:
    """The answer to one call.

    Attributes:
        output: What the assistant is given.
        answered_by: The mock's origin; empty when no mock took the call.
        schema_problems: What is wrong with the arguments by the tool's own schema; empty: nothing.
        delay_ms: How long the tool takes to answer.
        fails: Whether the mock is of a tool that fails.

    """

    output: ToolOutput
    answered_by: str
    schema_problems: tuple[str, ...]
    delay_ms: float
    fails: bool = False

    @property
    def matched(self) -> bool:
        """Whether a mock took the call."""
        return bool(self.answered_by)

    @property
    def event(self) -> JsonObject:
        """What the event trace holds of it: ``unmatched_tool_call``, or ``mocked_tool_call`` when a mock took it."""
        return {
            "type": ANSWERED_EVENT if self.matched else UNMATCHED_EVENT,
            "call_id": self.output.call_id,
            "name": self.output.name,
            "arguments": self.output.arguments,
            "output": self.output.output,
            "answered_by": self.answered_by,
            "schema_problems": list(self.schema_problems),
            "delay_ms": self.delay_ms,
        }


class MockSession:
    """One conversation with mocked tools. Make a new one for each; it is not for sharing.

    Args:
        mocks: The first that takes a call answers it.
        tools: What the assistant was told it may call, as :func:`evalkit.datasets.tools.load_tools` read it.

    Attributes:
        tools: As given.

    """

    def __init__(self, mocks: Sequence[Mock], tools: Sequence[JsonObject]) -> None:
        self.tools = tuple(tools)
        self._mocks = tuple(mocks)
        self._answered = [0] * len(self._mocks)
        self._parameters: dict[str, Any] = {str(tool["name"]): tool.get("parameters", {}) for tool in tools}
        self._state: dict[str, Json] = {}

    def answer(self, call: ToolCall) -> MockAnswer:
        """Return the answer to `call`, and remember that it was given. Never raises."""
        problems = self._check_arguments(call)
        for index, mock in enumerate(self._mocks):
            if self._takes(index, mock, call):
                output = mock.outputs[min(self._answered[index], len(mock.outputs) - 1)]
                self._answered[index] += 1
                self._state.update(mock.sets)
                return MockAnswer(_output(call, output), mock.origin, problems, mock.delay_ms, mock.fails)
        return MockAnswer(_output(call, dict(UNSUPPORTED)), "", problems, 0.0)

    def _takes(self, index: int, mock: Mock, call: ToolCall) -> bool:
        used_up = mock.times is not None and self._answered[index] >= mock.times
        return (
            mock.name == call.name
            and not used_up
            and holds(mock.state, self._state)
            and takes(mock.match, call.arguments)
        )

    def _check_arguments(self, call: ToolCall) -> tuple[str, ...]:
        from jsonschema import Draft202012Validator
        from referencing import Registry

        if call.name not in self._parameters:
            return (f"no tool is called {call.name!r}",)
        if call.arguments is None:
            return ("the arguments are not a JSON object",)
        # A registry of our own: the default one would fetch an unknown reference from the network.
        validator = Draft202012Validator(self._parameters[call.name], registry=Registry())
        try:
            found = [(error.json_path, error.message) for error in validator.iter_errors(call.arguments)]
        except RecursionError:
            return ("the arguments are nested too deeply to be checked",)
        return tuple(
            _shorten(f"{path.removeprefix('$').lstrip('.') or 'arguments'}: {text}") for path, text in sorted(found)
        )


def _output(call: ToolCall, output: Json) -> ToolOutput:
    return ToolOutput(call.call_id, call.name, call.arguments, output)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

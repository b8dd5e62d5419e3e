"""What an agent asks of its tools is answered once each, on the call's clock, and told as any mocked call is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fake_clock import FakeClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.mocks.session import MockSession
from evalkit.tool_host.hosted_call import AskedTool, HostedAnswer, HostedCall, Via, output_text, read_arguments

NewCall = Callable[..., HostedCall]
ONE = {"order_id": "1"}


def asked(name: str = "get_order", arguments: Any = None, call_id: str = "") -> AskedTool:
    given_arguments = ONE if arguments is None else arguments
    return AskedTool(name, given_arguments, json.dumps(given_arguments), Via.MCP, call_id)


async def test_a_call_is_told_with_its_verdict_and_its_times(new_call: NewCall) -> None:
    """As the record holds a call that came over the wire, and beside that how it came and when."""
    told: list[HostedAnswer] = []
    clock = FakeClock(5.0)
    with new_call("CA1", told, clock) as call:
        answer = await call.answer(asked())
    (only,) = told
    assert only.output.output == answer.output.output == {"status": "shipped"}
    assert (only.call.name, only.call.arguments, only.call.raw_arguments) == ("get_order", ONE, '{"order_id": "1"}')
    assert only.event == {
        "type": "mocked_tool_call",
        "call_id": "hosted_1",
        "name": "get_order",
        "arguments": ONE,
        "output": {"status": "shipped"},
        "answered_by": "mock #5",
        "schema_problems": [],
        "delay_ms": 0.0,
        "via": "mcp",
        "called_at_ms": 5000.0,
        "answered_at_ms": 5000.0,
    }


async def test_the_answer_is_that_of_the_mocks_alone(new_call: NewCall) -> None:
    """The same calls of a conversation over the wire get the same answers: state, failures, unsupported tools."""
    calls = [
        asked(),
        asked("cancel_order", {}),
        asked(),
        asked("get_order", {"order_id": 7}),
        asked("no_such_tool", {}),
    ]
    told: list[HostedAnswer] = []
    with new_call("CA1", told, FakeClock()) as call:
        wire = MockSession(call._mocks._mocks, call.tools)
        for each in calls:
            await call.answer(each)
    expected = [wire.answer(each.call) for each in told]
    assert [each.answer for each in told] == expected
    assert [each.answer.matched for each in told] == [True, True, True, True, False]
    assert told[3].answer.schema_problems == ("order_id: 7 is not of type 'string'",)


async def test_a_delay_is_waited_on_the_clock(new_call: NewCall) -> None:
    """Nothing waits where nothing takes time."""
    told: list[HostedAnswer] = []
    clock = FakeClock(1.0)
    with new_call("CA1", told, clock) as call:
        await call.answer(asked(arguments={"order_id": "slow"}))
        assert (told[0].called_at_ms, told[0].answered_at_ms, clock.now_s) == (1000.0, 1200.0, 1.2)
        await call.answer(asked())
    assert clock.now_s == 1.2


async def test_a_call_that_ends_tells_what_it_left_unanswered(new_call: NewCall) -> None:
    """Once: the answer that still comes is not told again."""
    told: list[HostedAnswer] = []
    clock = HeldClock()
    with new_call("CA1", told, clock) as call:
        answering = asyncio.ensure_future(call.answer(asked(arguments={"order_id": "slow"})))
        await asyncio.sleep(0)
        assert told == []
    assert [(each.answered_at_ms, each.answer.matched) for each in told] == [(None, True)]
    clock.released.set()
    assert (await answering).output.output == {"status": "late"}
    assert len(told) == 1


async def test_slow_tools_do_not_hold_up_others(new_call: NewCall) -> None:
    """They are told in the order in which they are answered."""
    told: list[HostedAnswer] = []
    clock = HeldClock()
    with new_call("CA1", told, clock) as call:
        slow = asyncio.ensure_future(call.answer(asked(arguments={"order_id": "slow"})))
        await asyncio.sleep(0)
        await call.answer(asked())
        clock.released.set()
        await slow
    assert [each.output.output for each in told] == [{"status": "shipped"}, {"status": "late"}]
    assert [each.call.call_id for each in told] == ["hosted_2", "hosted_1"]


async def test_the_argument_that_names_the_call_is_none_of_the_tools(new_call: NewCall) -> None:
    """It is neither checked nor kept among the arguments; what was sent is kept as it came."""
    told: list[HostedAnswer] = []
    with new_call("CA1", told, FakeClock()) as call:
        await call.answer(asked(arguments={**ONE, "evalkit_call": "CA1"}))
    assert told[0].call.arguments == ONE
    assert told[0].answer.schema_problems == ()
    assert "evalkit_call" in told[0].call.raw_arguments


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["", "a", "a_", "hosted_1", "hosted_2"]) | st.text(max_size=3), max_size=12))
def test_no_two_calls_have_one_id(new_call: NewCall, given_ids: list[str]) -> None:
    """An id that the agent's framework gives is kept where it is new."""
    told: list[HostedAnswer] = []

    async def ask() -> None:
        with new_call("CA1", told, FakeClock()) as call:
            for given_id in given_ids:
                await call.answer(asked(call_id=given_id))

    asyncio.run(ask())
    ids = [each.call.call_id for each in told]
    assert len(set(ids)) == len(given_ids)
    assert all(each.output.call_id == each.call.call_id for each in told)
    if given_ids and given_ids[0]:
        assert ids[0] == given_ids[0]


@pytest.mark.parametrize(
    ("output", "text"), [("plain\nwords", "plain\nwords"), ({"a": "é"}, '{"a":"é"}'), (None, "null"), ([1.5], "[1.5]")]
)
def test_an_output_as_text(output: Any, text: str) -> None:
    """A text is not quoted."""
    assert output_text(output) == text


@pytest.mark.parametrize(
    ("text", "arguments"),
    [("", {}), (b" \n", {}), ("{}", {}), ("[]", None), ("{", None), (b"\xff", None), ('{"a": NaN}', None)],
)
def test_what_arguments_are(text: str | bytes, arguments: Any) -> None:
    """A blank body is a call without arguments; what is no object has none that can be named."""
    assert read_arguments(text) == arguments


class HeldClock(FakeClock):
    """A clock whose sleepers wait until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    async def sleep_until(self, deadline: float) -> None:
        await self.released.wait()
        await super().sleep_until(deadline)

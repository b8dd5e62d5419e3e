"""A call of a tool goes to the call that it names, or to the only one there is, and to no other whatever it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fake_clock import FakeClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.tool_host.hosted_call import AskedTool, HostedCall, UnknownCall, Via
from evalkit.tool_host.open_calls import OpenCalls

NewCall = Callable[..., HostedCall]

NOT_SAID = (
    "it does not say which of several calls it belongs to; use the address that the call was started with, "
    "or the header x-evalkit-call"
)


def asked(**arguments: Any) -> AskedTool:
    return AskedTool("get_order", arguments, json.dumps(arguments), Via.WEBHOOK)


@pytest.fixture
def book(new_call: NewCall) -> Callable[..., OpenCalls]:
    """Return what opens calls of these names."""

    def opened(*names: str, on_unknown: Callable[[UnknownCall], None] = lambda _: None) -> OpenCalls:
        calls = OpenCalls(on_unknown)
        for name in names:
            calls.add(new_call(name, [], FakeClock()))
        return calls

    return opened


def whose(found: HostedCall | UnknownCall) -> str:
    return found.call_id if isinstance(found, HostedCall) else f"unknown: {found.why}"


@pytest.mark.parametrize(
    ("named", "arguments", "call_ids", "owner"),
    [
        (["a"], {}, [], "a"),
        (["a", "a"], {}, [], "a"),
        ([], {"evalkit_call": "b"}, [], "b"),
        (["b"], {"evalkit_call": "b"}, [], "b"),
        (["b"], {"call_sid": "a"}, ["a"], "b"),
        ([], {"callSid": "a"}, [], "a"),
        ([], {"call_id": "order 7"}, ["b"], "b"),
        ([], {}, ["a", "of somebody's"], "a"),
        (["a", "b"], {}, [], "unknown: it names several calls: 'a', 'b'; name one"),
        (["a"], {"evalkit_call": "b"}, [], "unknown: it names several calls: 'a', 'b'; name one"),
        (["c"], {}, ["a"], "unknown: no call 'c' is open"),
        ([], {"evalkit_call": 3}, ["a"], "unknown: no call '3' is open"),
        (["ended"], {}, [], "unknown: call 'ended' is over"),
        ([], {"call_id": "a", "callSid": "b"}, [], "unknown: it belongs to several calls that are open: 'a', 'b'"),
        (
            [],
            {"order_id": "a"},
            [],
            f"unknown: {NOT_SAID}",
        ),
    ],
)
def test_whose_it_is(
    book: Any, named: list[str], arguments: dict[str, Any], call_ids: list[str], owner: str, new_call: NewCall
) -> None:
    """By path, header and argument first, by the agent's own id of the call next; two that differ are no name."""
    calls = book("a", "b")
    ended = new_call("ended", [], FakeClock())
    calls.add(ended)
    calls.remove(ended)
    assert whose(calls.claim(asked(**arguments), named, call_ids)) == owner


def test_the_only_call_need_not_be_named(book: Any) -> None:
    """An agent that cannot pass anything on is served, one call at a time."""
    assert whose(book("a").claim(asked(), [])) == "a"
    assert whose(book().claim(asked(), [])) == "unknown: no call is open"


def test_a_wrong_name_is_never_taken_for_the_only_call(book: Any) -> None:
    """What names another call is not of this one, though there is no other."""
    assert whose(book("a").claim(asked(), ["b"])) == "unknown: no call 'b' is open"


def test_a_call_that_was_not_always_alone_has_to_be_named(new_call: NewCall) -> None:
    """What comes late may be the other's."""
    calls = OpenCalls()
    first, second, third = (new_call(name, [], FakeClock()) for name in "abc")
    calls.add(first)
    calls.add(second)
    calls.remove(first)
    assert whose(calls.claim(asked(), [])).startswith("unknown: it does not say")
    calls.remove(second)
    calls.add(third)
    assert whose(calls.claim(asked(), [])) == "c"


def test_every_open_call_learns_of_what_nobody_owns(book: Any) -> None:
    """One of them got an answer that its mocks did not give; what names an ended call is nobody else's."""
    heard: list[UnknownCall] = []
    calls = book("a", "b", on_unknown=heard.append)
    unknown = calls.claim(asked(), [])
    a, b = (calls.claim(asked(), [name]) for name in "ab")
    assert a.unknown_calls == b.unknown_calls == heard == [unknown]
    calls.remove(a)
    late = calls.claim(asked(), ["a"])
    assert late.is_over
    assert heard == [unknown, late]
    assert b.unknown_calls == [unknown]


def test_what_is_kept_of_strangers_is_bounded(book: Any) -> None:
    """A program that goes on asking fills no memory."""
    calls = book("a")
    for _ in range(1000):
        calls.claim(asked(), ["x" * 10_000])
    call = calls.claim(asked(), ["a"])
    assert len(call.unknown_calls) == 100
    assert len(call.unknown_calls[0].why) < 200


def test_an_id_may_come_back(new_call: NewCall) -> None:
    """But not while it is open."""
    calls = OpenCalls()
    first = new_call("a", [], FakeClock())
    calls.add(first)
    with pytest.raises(ValueError, match="call 'a' is open already"):
        calls.add(new_call("a", [], FakeClock()))
    calls.remove(first)
    again = new_call("a", [], FakeClock())
    calls.add(again)
    assert calls.claim(asked(), ["a"]) is again


def test_whose_tools_are_listed(book: Any) -> None:
    """Those of the call that is named, of all that are open where none is, and none for a wrong name."""
    calls = book("a", "b")
    names = ["get_order", "cancel_order"]
    assert [tool["name"] for tool in calls.tools(["a"])] == names
    assert [tool["name"] for tool in calls.tools([])] == names
    assert calls.tools(["c"]) == book().tools([]) == []


NAMES = st.sampled_from(["a", "b", "c", "", "A", "a/b", "ü"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(NAMES, max_size=4),
    st.lists(NAMES, max_size=2),
    st.dictionaries(st.sampled_from(["evalkit_call", "call_id", "call_sid", "a"]), NAMES | st.none(), max_size=3),
    st.lists(NAMES, max_size=2),
)
def test_no_call_gets_what_names_another(
    book: Any, opened: set[str], named: list[str], arguments: dict[str, Any], call_ids: list[str]
) -> None:
    """Whatever is open and whatever a request says: a name decides alone, and no name is guessed among several."""
    found = book(*sorted(opened)).claim(asked(**arguments), named, call_ids)
    names = {*named, *([str(arguments["evalkit_call"])] if "evalkit_call" in arguments else [])}
    if names:
        owners = names & opened if len(names) == 1 else set()
    else:
        told = {*call_ids, *(arguments.get(key) for key in ("call_id", "call_sid"))} & opened
        owners = told or opened
    expected = owners if len(owners) == 1 else set()
    assert ({found.call_id} if isinstance(found, HostedCall) else set()) == expected

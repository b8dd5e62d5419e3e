"""Timelines of calls in full duplex as a record keeps them, small enough to calculate on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def heard(waits_s: Sequence[float], *, cut_in: bool = False) -> dict[str, Any]:
    """Return a call: the caller speaks for 2 s at a time, and is answered for 2 s after each of `waits_s`.

    With `cut_in` the agent also says a word of 0.2 s one second into the caller's first words.
    """
    caller, agent, now_s = [], [], 1.0
    for wait_s in waits_s:
        caller.append({"act": "turn", "parts": [[now_s, now_s + 2]]})
        if cut_in and len(caller) == 1:
            agent.append({"parts": [[now_s + 1, now_s + 1.2]], "was_cut": True})
        agent.append({"parts": [[now_s + 2 + wait_s, now_s + 4 + wait_s]], "was_cut": False})
        now_s += 4 + wait_s + 1
    return call(caller, agent, now_s)


def interrupted(spoke_on_s: float) -> dict[str, Any]:
    """Return a call in which the agent speaks from 0 s, the caller for 2 s from 2 s, and the agent on for a while."""
    caller = [{"act": "interruption", "parts": [[2.0, 4.0]]}]
    agent = [{"parts": [[0.0, 2.0 + spoke_on_s]], "was_cut": True}, {"parts": [[7.0, 8.0]], "was_cut": False}]
    return call(caller, agent, 9.0)


def call(caller: list[dict[str, Any]], agent: list[dict[str, Any]], duration_s: float) -> dict[str, Any]:
    """Return a call without tools that ended well."""
    return {"duration_s": duration_s, "caller": caller, "agent": agent, "tool_calls": [], "ended_waiting": False}

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


def eventful() -> dict[str, Any]:
    """Return a call of 40 s in which everything happens once that a caller and an agent can do to each other."""
    caller = [
        {"turn_index": 1, "act": "turn", "parts": [[1.0, 2.0], [2.6, 3.5]]},
        {"turn_index": 2, "act": "interruption", "parts": [[8.5, 9.8]], "words": "No, wait."},
        {"turn_index": 2, "act": "backchannel", "parts": [[12.0, 12.4]], "words": "mm-hmm"},
        {"turn_index": 2, "act": "vocal_tic", "parts": [[14.0, 14.3]], "words": "(coughs)"},
        {"turn_index": 3, "act": "interruption", "parts": [[16.5, 17.5]], "words": "One more thing:"},
        {"turn_index": 4, "act": "turn", "parts": [[21.0, 23.0]]},
        {"turn_index": 4, "act": "side_speech", "parts": [[26.2, 27.4]], "words": "Put it on the table, please."},
        {"turn_index": 4, "act": "nudge", "parts": [[36.0, 37.0]], "words": "Are you still there?"},
    ]
    agent = [
        {"turn_index": 1, "parts": [[4.3, 9.0]], "was_cut": True},
        {"turn_index": 2, "parts": [[10.6, 15.0], [15.4, 20.0]], "was_cut": False},
        {"turn_index": 4, "parts": [[22.0, 22.6]], "was_cut": True},
        {"turn_index": 4, "parts": [[24.0, 27.0]], "was_cut": True},
        {"turn_index": 4, "parts": [[29.0, 31.0]], "was_cut": False},
    ]
    made = [(1, 4.1, 6.0, 9.0, 4.9), (2, 10.4, 13.0, 9.6, 9.6), (4, 21.8, 22.4, 3.0, 0.8), (4, 23.8, 24.9, 5.0, 3.2)]
    return {
        **call(caller, agent, 40.0),
        "generated": [
            {"turn_index": turn, "first_arrived_s": first, "last_arrived_s": last, "sound_s": sound, "played_s": played}
            for turn, first, last, sound, played in [*made, (4, 28.8, 29.4, 2.2, 2.2)]
        ],
        "tool_calls": [{"called_s": 10.2, "answered_s": 10.3}],
        "silences": [{"turn_index": 4, "start_s": 31.5, "end_s": 36.0}],
        "left_out": [{"turn_index": 4, "act": "vocal_tic", "words": "Um.", "reason": "the call ended first"}],
        "server": {"speech_started_s": [1.1, 8.6, 16.6, 21.1, 36.2], "speech_stopped_s": [4.0, 10.2, 18.0, 23.5]},
    }


def long_call(exchanges: int = 30) -> dict[str, Any]:
    """Return a call of 10 s an exchange: two seconds of caller, an answer of five with a backchannel in it."""
    caller, agent = [], []
    for number in range(exchanges):
        at_s, turn = 10.0 * number + 0.5, number + 1
        caller.append({"turn_index": turn, "act": "turn", "parts": [[at_s, at_s + 2]], "words": f"Question {turn}?"})
        heard_s = at_s + 5
        caller.append({"turn_index": turn, "act": "backchannel", "parts": [[heard_s, heard_s + 0.4]], "words": "mm"})
        agent.append({"turn_index": turn, "parts": [[at_s + 3, at_s + 8]], "was_cut": False})
    return call(caller, agent, 10.0 * exchanges)

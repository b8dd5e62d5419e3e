"""What the agent does next: call tools, ask for what is missing, report what a tool answered, or just talk.

The whole conversation is read again for every reply, so a reply depends on nothing but the conversation. A request
stays open until everything its tool requires was said; meanwhile the caller may correct, add, change the request or
drop it. What was said once is remembered for later requests under the same field name ("and then cancel it").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from evalkit.service.brain.conversation import Answered, Call, Called, Conversation, UserTurn
from evalkit.service.brain.rules.agent.candidates import EitherHalf
from evalkit.service.brain.rules.agent.fields import Field, Kind, Tool, read_tools
from evalkit.service.brain.rules.agent.intent import Scored, score_tools
from evalkit.service.brain.rules.agent.slots import Filling, fill
from evalkit.service.brain.rules.agent.soundalikes import as_meant
from evalkit.service.brain.rules.agent.wishes import asks_to_know, is_unsure
from evalkit.service.brain.rules.language.dates import today_from
from evalkit.service.brain.rules.language.readings import Reading, read_utterance
from evalkit.service.brain.rules.language.times import OpenHours, half_said, read_open_hours
from evalkit.service.brain.rules.language.words import SpokenText, word_set

_DROPPED = re.compile(
    r"\b(?:never ?mind|forget (?:it|about it|that)|leave it|drop it|don't bother|that's all|changed my mind about)\b"
)
_FIXES = re.compile(r"^(?:no|nope|sorry|actually|wait|oh|i meant|i mean|make that|make it|that's wrong|not)\b")
MINIMUM_COMPLETE, MINIMUM, SWITCH = 2.0, 3.0, 1.5


class Move(StrEnum):
    """What the agent does; WAIT: nothing was said since it spoke or called last."""

    CALL = "call"
    ASK = "ask"
    REPORT = "report"
    TALK = "talk"
    WAIT = "wait"


@dataclass(frozen=True)
class Decision:
    """What the agent does next.

    Attributes:
        move: The kind of thing.
        calls: For CALL, the calls in order.
        tool: For ASK, the tool that is wanted.
        missing: For ASK, the fields that are missing, in the schema's order.
        known: For ASK, what was said so far.
        began_earlier: For ASK, whether the request was already open.
        progress: For ASK, whether the caller's last words brought anything new.
        misheard: For ASK, whether an id was said that is not of the shape it must have.
        either: For ASK, the time of which nobody knows the half of the day, where that is what is missing.
        heard: What the caller said last.
        answers: For REPORT, the calls that were answered, each with the raw output.
        tools: The session's tools.

    """

    move: Move
    calls: tuple[Call, ...] = ()
    tool: Tool | None = None
    missing: tuple[Field, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)
    began_earlier: bool = False
    progress: bool = True
    misheard: bool = False
    either: EitherHalf | None = None
    heard: str = ""
    answers: tuple[tuple[Called, str], ...] = ()
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True)
class _State:
    """What is open and what is known while a conversation is read."""

    pending: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    unclear: Mapping[str, EitherHalf] = field(default_factory=dict)
    asked: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)
    last_call: Call | None = None


def decide(conversation: Conversation) -> Decision:
    """Return what the agent does next in `conversation`."""
    tools = read_tools(conversation.tools)
    conversation = _as_meant(conversation, tools)
    now = _now(conversation.instructions, tools)
    answered, is_new = _fresh_answers(conversation)
    if answered and is_new:
        return Decision(Move.REPORT, answers=answered, tools=tools, heard=_last_turn(conversation).text)
    state, decision = _State(), Decision(Move.TALK, tools=tools)
    for item in conversation.items:
        if isinstance(item, UserTurn):
            state, decision = _hear(state, _read(item, now), tools)
        elif isinstance(item, Called):
            memory = {**state.memory, **item.arguments}
            state = _State(memory=memory, last_call=Call(item.name, item.arguments))
            decision = Decision(Move.WAIT)
        elif decision.move is not Move.ASK:
            decision = Decision(Move.WAIT)
    if answered and decision.move is Move.TALK:
        decision = Decision(Move.REPORT, answers=answered)
    decision = replace(decision, tools=tools, heard=_last_turn(conversation).text)
    last = _read(_last_turn(conversation), now)
    decision = _obey_choice(decision, conversation.tool_choice, last)
    misheard = decision.move is Move.ASK and decision.either is None and _has_unfit_id(decision, last)
    return replace(decision, misheard=misheard)


@dataclass(frozen=True)
class _Now:
    """What day it is, and when somebody is there, as far as the session says."""

    today: date | None
    opening: tuple[OpenHours, ...]


def _now(instructions: str, tools: Sequence[Tool]) -> _Now:
    descriptions = tuple(one.description for tool in tools for one in tool.fields)
    today = today_from((instructions, *(tool.description for tool in tools), *descriptions))
    return _Now(today, read_open_hours(instructions))


def _as_meant(conversation: Conversation, tools: tuple[Tool, ...]) -> Conversation:
    """Return the conversation with what was heard as it was meant."""
    items = [
        replace(item, text=as_meant(item.text, tools)) if isinstance(item, UserTurn) and item.is_heard else item
        for item in conversation.items
    ]
    return replace(conversation, items=items)


def _read(turn: UserTurn, now: _Now) -> Reading:
    return read_utterance(turn.text, now.today, now.opening, is_heard=turn.is_heard)


def _has_unfit_id(decision: Decision, last: Reading) -> bool:
    """Tell whether the first thing missing is an id, and one was said that can't be it."""
    runs = [run for run in last.ids if len(run.text) > 3]
    used = {re.sub(r"\W", "", str(value)).upper() for value in decision.known.values()}
    return decision.missing[0].kind in (Kind.ID, Kind.PHONE) and any(run.text not in used for run in runs)


def _last_turn(conversation: Conversation) -> UserTurn:
    return next((item for item in reversed(conversation.items) if isinstance(item, UserTurn)), UserTurn(""))


def _fresh_answers(conversation: Conversation) -> tuple[tuple[tuple[Called, str], ...], bool]:
    """Return the calls answered since the agent last spoke, and whether the caller has been silent since."""
    called = {item.call_id: item for item in conversation.items if isinstance(item, Called)}
    fresh: list[tuple[Called, str]] = []
    is_new = True
    for item in reversed(conversation.items):
        if isinstance(item, Answered):
            if item.call_id in called:
                fresh.insert(0, (called[item.call_id], item.output))
        elif isinstance(item, UserTurn) and not fresh:
            is_new = False
        elif not isinstance(item, Called):
            break
    return tuple(fresh), is_new


def _obey_choice(decision: Decision, choice: str, last: Reading) -> Decision:
    """Return `decision` as `tool_choice` allows it, where a call is demanded by what was said `last`."""
    if choice == "none":
        return replace(decision, move=Move.TALK, calls=()) if decision.move is Move.CALL else decision
    named = [tool for tool in decision.tools if choice in ("required", tool.name)]
    allowed = {tool.name for tool in named}
    if not named or (decision.calls and all(call.name in allowed for call in decision.calls)):
        return decision
    scored = score_tools(named, last)[0]
    known = dict(decision.known) if decision.tool == scored.tool else {}
    return replace(decision, move=Move.CALL, calls=(Call(scored.tool.name, {**known, **scored.filling.values}),))


def _hear(state: _State, reading: Reading, tools: tuple[Tool, ...]) -> tuple[_State, Decision]:
    if not tools or not reading.said.tokens:
        return state, Decision(Move.TALK)
    scored = score_tools(tools, reading)
    if state.pending:
        return _go_on(state, reading, scored)
    if _asks(scored, reading, state.memory):
        return _take_up(state, scored[0])
    fixed = _fix_last(state, reading, tools)
    if fixed:
        return _call(state, [fixed])
    return state, Decision(Move.TALK)


def _asks(scored: Sequence[Scored], reading: Reading, memory: Mapping[str, Any]) -> bool:
    """Tell whether the best tool is asked for at all."""
    best = scored[0]
    if is_unsure(reading.said) and not best.filling.said:
        return False
    said = all(one.name in best.filling.said for one in best.tool.required)
    known = said or (best.action > 0 and all(one.name in {*best.filling.said, *memory} for one in best.tool.required))
    ahead = best.score - (scored[1].score if len(scored) > 1 else 0.0)
    sure_values = sum(one.kind not in (Kind.THING, Kind.TEXT) for one in best.tool.required)
    intended = best.named > 0.3 or best.action > 0
    spelled_out = said and (best.words > 1 or len(best.tool.required) > 2 or (sure_values > 1 and ahead >= 1.0))
    if not intended and not spelled_out and not (len(best.filling.said) > 1 and best.score >= 4):
        return False
    if best.score >= MINIMUM:
        return True
    if best.score < MINIMUM_COMPLETE:
        return False
    if not known:
        return _is_worth_asking(best, reading)
    return sure_values > 0 or (best.words >= 1.0 and best.action > 0 and ahead >= 1.0)


def _is_worth_asking(best: Scored, reading: Reading) -> bool:
    """Tell whether a request that lacks something is clear enough to ask for it; a question only about one's own."""
    words = reading.said.words()
    own = bool({"my", "our", "mine"} & set(words)) or any(len(run.text) > 1 for run in reading.ids)
    wanted = (best.named > 0 and best.action > 0) or len(best.filling.said) > 1
    return wanted and (own or not asks_to_know(reading.said))


def _take_up(state: _State, scored: Scored) -> tuple[_State, Decision]:
    values = dict(scored.filling.values)
    for one in scored.tool.required:
        if one.name not in scored.filling.said and one.name in state.memory:
            values[one.name] = state.memory[one.name]
    opened = replace(state, pending=scored.tool.name, values=values, unclear=scored.filling.unclear)
    return _pursue(opened, scored.tool)


def _pursue(state: _State, tool: Tool) -> tuple[_State, Decision]:
    unclear = [one for one in tool.fields if one.name in state.unclear]
    missing = (*unclear, *(one for one in tool.required if one.name not in {*state.values, *state.unclear}))
    if missing:
        asked = missing[0].name
        return replace(state, asked=asked), Decision(
            Move.ASK, tool=tool, missing=missing, known=dict(state.values), either=state.unclear.get(asked)
        )
    return _call(state, [Call(tool.name, _ordered(tool, state.values))])


def _ordered(tool: Tool, values: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: values[one.name] for one in tool.fields if one.name in values}


def _call(state: _State, calls: Sequence[Call]) -> tuple[_State, Decision]:
    memory = dict(state.memory)
    for call in calls:
        memory |= call.arguments
    after = replace(_closed(state), memory=memory, last_call=calls[-1])
    return after, Decision(Move.CALL, calls=tuple(calls))


def _closed(state: _State) -> _State:
    return replace(state, pending="", values={}, unclear={}, asked="")


def _go_on(state: _State, reading: Reading, scored: Sequence[Scored]) -> tuple[_State, Decision]:
    """Read an utterance while a request is open."""
    current = next(one for one in scored if one.tool.name == state.pending)
    best = scored[0]
    if _DROPPED.search(" ".join(reading.said.words())):
        return _closed(state), Decision(Move.TALK)
    explicit = best.action >= 1.0 and current.action <= 0 and not _is_plain_answer(current.tool, reading, state.asked)
    ahead = best.score - current.score
    switched = (explicit and ahead > 0.5) or (
        best.named > 0 and best.action > 0 and ahead > SWITCH and not _answers(current.tool, reading, state.asked)
    )
    if best is not current and switched and _asks(scored, reading, state.memory):
        memory = {**state.memory, **state.values}
        return _take_up(replace(_closed(state), memory=memory), best)
    filling = fill(current.tool, reading, asked=state.asked)
    values = _merge(state, current.tool, filling, reading)
    unclear = {name: either for name, either in {**state.unclear, **filling.unclear}.items() if name not in values}
    after, decision = _pursue(replace(state, values=values, unclear=unclear), current.tool)
    return after, replace(decision, began_earlier=True, progress=(values, unclear) != (state.values, state.unclear))


def _answers(tool: Tool, reading: Reading, asked: str) -> bool:
    wanted = next((one for one in tool.fields if one.name == asked), None)
    if wanted is None or wanted.kind in (Kind.TEXT, Kind.THING):
        return False
    return asked in fill(tool, reading, asked=asked).values


_ANSWER_BEGINS = word_set("the my it it's its that's this number id yes sure okay ok yeah um uh so well oh order code")
_WISH = word_set("i i'd i'll i've can can't could want need actually instead rather would let's don't")


def _is_plain_answer(tool: Tool, reading: Reading, asked: str) -> bool:
    """Tell whether this only answers what was asked: "the order number is …", with no wish of its own."""
    words = reading.said.words()
    begins = bool(words) and (words[0] in _ANSWER_BEGINS or words[0].isdigit())
    return begins and not _WISH & set(words) and _answers(tool, reading, asked)


def _merge(state: _State, tool: Tool, filling: Filling, reading: Reading) -> dict[str, Any]:
    values = dict(state.values)
    corrects = bool(reading.corrections) or bool(_FIXES.match(" ".join(reading.said.words())))
    said = {**filling.values, **_halved(filling.unclear, state.values)}
    if state.asked in state.unclear and state.asked not in filling.said:
        said |= _half_of_day(state.unclear[state.asked], state.asked, reading.said)
    for one in tool.fields:
        if one.name not in said:
            continue
        new = said[one.name]
        if one.name not in values or one.name == state.asked or corrects:
            values[one.name] = _with_prefix(values.get(one.name), new)
    return values


def _halved(unclear: Mapping[str, EitherHalf], before: Mapping[str, Any]) -> dict[str, str]:
    """Return the times that correct an earlier one: "make it quarter past eight" is in the same half of the day."""
    found = {name: either.beside(before.get(name)) for name, either in unclear.items()}
    return {name: time for name, time in found.items() if time}


def _half_of_day(either: EitherHalf, name: str, said: SpokenText) -> dict[str, str]:
    """Return the time that an answer to "in the morning or in the evening?" tells, under its field's name."""
    half = half_said(said)
    return {name: either.morning if half == "am" else either.evening} if half else {}


def _with_prefix(old: Any, new: Any) -> Any:
    """Return a corrected id with the letters of the old one, where only its digits were said again."""
    match = re.fullmatch(r"(?P<prefix>[A-Z]+\W?)(?P<digits>\d+)", old) if isinstance(old, str) else None
    if match and isinstance(new, str) and new.isdigit() and len(new) == len(match["digits"]):
        return match["prefix"] + new
    return new


def _fix_last(state: _State, reading: Reading, tools: Sequence[Tool]) -> Call | None:
    """Return the last call once more with what the caller now corrects, or None."""
    words = " ".join(reading.said.words())
    if state.last_call is None or not _FIXES.match(words) or _DROPPED.search(words):
        return None
    tool = next((one for one in tools if one.name == state.last_call.name), None)
    if tool is None:
        return None
    filling = fill(tool, reading)
    before = state.last_call.arguments
    fixed = {**filling.values, **_halved(filling.unclear, before)}
    said = {name: _with_prefix(before.get(name), value) for name, value in fixed.items()}
    changed = {name: value for name, value in said.items() if before.get(name) != value}
    known = {one.name for one in tool.fields if one.kind not in (Kind.TEXT, Kind.THING)}
    changed = {name: value for name, value in changed.items() if name in known}
    return Call(tool.name, _ordered(tool, {**before, **changed})) if changed else None

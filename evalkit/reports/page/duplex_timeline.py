"""A call in full duplex on one time axis: both sides as they were heard, what was made, tools, and what became of it.

Made of ``notes.turn_taking``, whose clock is that of ``conversation.wav``. The lanes:

============= =========================================================================================================
lane          blocks
============= =========================================================================================================
caller        what the caller did, by its act, the pauses in which he had not finished, silences that he held on purpose
assistant     what was heard of each response, and the measured wait before an answer
generated     what the server had made of each response, from the arrival of its first sound for as long as it plays
overlap       where both are heard at once
reaction      what the assistant made of interruptions, backchannels, tics, side speech and pauses; where its sound
              came so late over a telephone line that words were cut in two
tool          tool calls, from the call to the answer
detection     from ``speech_started`` to ``speech_stopped``, as the server reported them
============= =========================================================================================================

Records made before the arrival of sound was noted have no lane ``generated``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from evalkit.metrics.turn_taking import exchanges as ex
from evalkit.metrics.turn_taking.timeline import CallerAct, CallTimeline, Segment, merge_segments
from evalkit.records.line_findings import LineFinding, findings_of
from evalkit.records.record import CaseRecord, Turn, Words
from evalkit.reports.page.events import TurnMarks
from evalkit.reports.page.timeline import Block, CaseTimeline, Lane, place_tools

_ROUNDING_MS = 0.5
_ACTS = {
    CallerAct.TURN: "Caller",
    CallerAct.INTERRUPTION: "Interruption",
    CallerAct.NUDGE: "Asks again",
    CallerAct.BACKCHANNEL: "Backchannel",
    CallerAct.VOCAL_TIC: "Vocal tic",
    CallerAct.SIDE_SPEECH: "Side speech",
}
_YIELDS = {
    ex.YieldOutcome.YIELDED: ("yields", "Yields"),
    ex.YieldOutcome.NOT_YIELDED: ("no_yield", "Does not yield"),
    ex.YieldOutcome.NATURAL_END: ("neutral", "Was at its end"),
    ex.YieldOutcome.CALL_ENDED: ("neutral", "Call ends"),
}
_DISTRACTIONS = {
    ex.DistractionOutcome.IGNORED: ("ignored", "Undisturbed"),
    ex.DistractionOutcome.STOPPED: ("disturbed", "Stops for it"),
    ex.DistractionOutcome.SPOKE_UP: ("disturbed", "Answers it"),
    ex.DistractionOutcome.NATURAL_END: ("neutral", "Was at its end"),
    ex.DistractionOutcome.ANSWER_DUE: ("neutral", "Answer was due"),
    ex.DistractionOutcome.CALLER_SPOKE: ("neutral", "Caller spoke to it"),
    ex.DistractionOutcome.CALL_ENDED: ("neutral", "Call ends"),
}


def lay_out_duplex(record: CaseRecord, marks: Mapping[int, TurnMarks]) -> CaseTimeline | None:
    """Return the timeline of a call in full duplex; None where the record has none that can be read."""
    notes: Any = record.notes.get("turn_taking")
    try:
        if not isinstance(notes, Mapping):
            return None
        call = CallTimeline.from_json(record.case.case_id, notes)
        turns = {turn.turn_index: turn for turn in record.turns}
        blocks = [
            *_caller(notes["caller"], turns),
            *_silences(notes.get("silences", ())),
            *_assistant(notes["agent"], turns),
            *_waits(call),
            *_generated(notes.get("generated", ())),
            *_overlaps(call),
            *_reactions(call),
            *_holes(record),
            *_tools(call, record, marks),
            *_detections(notes.get("server", {})),
        ]
        left_out = tuple(_left_out(notes.get("left_out", ())))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    duration_ms = call.duration_s * 1000
    return CaseTimeline(_place(blocks, duration_ms), constructed=False, duration_ms=duration_ms, left_out=left_out)


def _caller(said: Sequence[Mapping[str, Any]], turns: Mapping[int, Turn]) -> Iterator[Block]:
    for one in said:
        act, turn_index = CallerAct(one["act"]), one.get("turn_index")
        turn = turns.get(turn_index) if act.wants_answer and turn_index is not None else None
        words = str(one.get("words") or (turn.user_text if turn else ""))
        presses_keys = one.get("plan", {}).get("act") == "keypress"
        parts = merge_segments((Segment(*part) for part in one["parts"]), ex.MIN_PAUSE_S)
        for number, (part, after) in enumerate(zip_longest(parts, parts[1:])):
            label = words if number == 0 else "…"
            kind, name = ("keypress", "Keys") if presses_keys else (str(act), _ACTS[act])
            yield _block(Lane.CALLER, part.start_s, part.end_s, label, turn_index, kind, name)
            if after is not None:
                told = f"pause {after.start_s - part.end_s:.1f} s"
                yield _block(Lane.CALLER, part.end_s, after.start_s, told, turn_index, "pause", "Pause")


def _silences(held: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    for one in held:
        told = f"{one['end_s'] - one['start_s']:.1f} s, on purpose"
        yield _block(Lane.CALLER, one["start_s"], one["end_s"], told, one.get("turn_index"), "silence", "Silence")


def _left_out(acts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in acts:
        words = f" ({one['words']})" if one.get("words") else ""
        yield f"{str(one['act']).replace('_', ' ')}{words} in turn {one['turn_index']}: {one['reason']}"


def _assistant(heard: Sequence[Mapping[str, Any]], turns: Mapping[int, Turn]) -> Iterator[Block]:
    of_turn: dict[int | None, list[Mapping[str, Any]]] = defaultdict(list)
    for one in heard:
        of_turn[one.get("turn_index")].append(one)
    for turn_index, own in of_turn.items():
        turn = turns.get(turn_index) if turn_index is not None else None
        said = [step.text for step in turn.steps if isinstance(step, Words)] if turn else []
        words = said if len(said) == len(own) else [turn.assistant_text if turn else ""] * len(own)
        for one, label in zip(own, words, strict=True):
            stretches = merge_segments((Segment(*part) for part in one["parts"]), ex.BREAK_S)
            for stretch in stretches:
                is_cut = one["was_cut"] or stretch is not stretches[-1]
                kind, name = ("cut", "Assistant, cut short") if is_cut else ("", "Assistant")
                yield _block(Lane.ASSISTANT, stretch.start_s, stretch.end_s, label, turn_index, kind, name)


def _waits(call: CallTimeline) -> Iterator[Block]:
    for exchange in ex.follow_exchanges(call):
        if exchange.latency_s is not None and exchange.answer_start_s is not None and exchange.latency_s > 0:
            label = f"{exchange.latency_s * 1000:,.0f} ms"
            yield _block(Lane.WAIT, exchange.said.extent.end_s, exchange.answer_start_s, label, None, "", "Waiting")


def _generated(made: Sequence[Mapping[str, float]]) -> Iterator[Block]:
    for one in made:
        took_s = one["last_arrived_s"] - one["first_arrived_s"]
        sound_s, played_s = one["sound_s"], one["played_s"]
        is_whole = sound_s - played_s < 0.02  # a chunk of sound
        played = "all of it played" if is_whole else f"{played_s:.1f} s played"
        label = f"{sound_s:.1f} s, {played}, arrived within {took_s:.1f} s"
        start_s, turn_index = one["first_arrived_s"], int(one["turn_index"])
        kind = "" if is_whole else "cut"
        yield _block(Lane.GENERATED, start_s, start_s + sound_s, label, turn_index, kind, "Assistant, as generated")


def _overlaps(call: CallTimeline) -> Iterator[Block]:
    spoken = [part for speech in call.agent for part in speech.parts]
    both = [
        Segment(max(said.start_s, heard.start_s), min(said.end_s, heard.end_s))
        for speech in call.caller
        for said in speech.parts
        for heard in spoken
        if said.overlap_s(heard) > 0
    ]
    for overlap in merge_segments(both, ex.REACTION_S):
        label = f"both {overlap.duration_s:.2f} s"
        yield _block(Lane.OVERLAP, overlap.start_s, overlap.end_s, label, None, "both", "Both speak")


def _reactions(call: CallTimeline) -> Iterator[Block]:
    for barge_in in ex.find_barge_ins(call):
        start_s = barge_in.said.extent.start_s
        kind, name = _YIELDS[barge_in.outcome]
        is_late = barge_in.outcome is ex.YieldOutcome.NOT_YIELDED
        label = f"spoke on {barge_in.spoke_on_s:.1f} s" if is_late else f"after {barge_in.spoke_on_s:.2f} s"
        yield _block(Lane.REACTION, start_s, start_s + barge_in.spoke_on_s, label, None, kind, name)
    for distraction in ex.find_distractions(call):
        extent = distraction.heard.extent
        kind, name = _DISTRACTIONS[distraction.reaction]
        end_s = max(extent.end_s, distraction.reacted_s or 0.0)
        label = _ACTS[distraction.heard.act].lower()
        yield _block(Lane.REACTION, extent.start_s, end_s, label, None, kind, name)
    for exchange in ex.follow_exchanges(call):
        for cut_in_s in exchange.cut_ins_s:
            end_s = exchange.said.extent.end_s
            label = f"{end_s - cut_in_s:.1f} s before the caller's end"
            yield _block(Lane.REACTION, cut_in_s, end_s, label, None, "disturbed", "Cuts in")
    for pause in ex.find_pauses(call):
        if pause.taken_s is not None:
            end_s = pause.extent.end_s
            label = f"{pause.extent.duration_s:.1f} s long"
            yield _block(Lane.REACTION, pause.taken_s, end_s, label, None, "disturbed", "Takes the pause")


def _holes(record: CaseRecord) -> Iterator[Block]:
    starved = (findings_of(record) or {}).get(LineFinding.STARVED_PLAYBACK)
    for start_s, end_s in () if starved is None else starved.spans_s:
        label = f"{(end_s - start_s) * 1000:.0f} ms inside a word"
        yield _block(Lane.REACTION, start_s, end_s, label, None, "disturbed", "Starved playback")


def _tools(call: CallTimeline, record: CaseRecord, marks: Mapping[int, TurnMarks]) -> Iterator[Block]:
    logged = [
        block
        for turn in record.turns
        if turn.turn_index in marks
        for block in place_tools(turn, marks[turn.turn_index], 0.0)
    ]
    yield from logged
    for group in call.tool_calls if not logged else ():
        yield _block(Lane.TOOL, group.called_s, group.answered_s, "tools", None, "", "Tools")


def _detections(server: Mapping[str, Sequence[float]]) -> Iterator[Block]:
    """Each report of a beginning with that of its end; what has no other is a moment of its own."""
    reports = [(at_s, "speech_started") for at_s in server.get("speech_started_s", ())]
    reports += [(at_s, "speech_stopped") for at_s in server.get("speech_stopped_s", ())]
    since_s: float | None = None
    name = "Turn detection"
    for at_s, report in sorted(reports):
        if report == "speech_started":
            if since_s is not None:
                yield _block(Lane.DETECTION, since_s, since_s, "speech_started", None, "", name)
            since_s = at_s
        elif since_s is None:
            yield _block(Lane.DETECTION, at_s, at_s, "speech_stopped", None, "", name)
        else:
            yield _block(Lane.DETECTION, since_s, at_s, "speech_started to speech_stopped", None, "", name)
            since_s = None
    if since_s is not None:
        yield _block(Lane.DETECTION, since_s, since_s, "speech_started", None, "", name)


def _place(blocks: Sequence[Block], until_ms: float) -> tuple[Block, ...]:
    """Return the blocks by their starts, those of a lane that overlap below each other, each with its room."""
    placed: list[Block] = []
    next_ms: dict[tuple[Lane, int], float] = {}
    for block in reversed(list(_stack(blocks))):
        place = block.row, block.level
        placed.append(replace(block, room_ms=max(0.0, next_ms.get(place, until_ms) - block.end_ms)))
        next_ms[place] = block.start_ms
    return tuple(reversed(placed))


def _stack(blocks: Sequence[Block]) -> Iterator[Block]:
    free_ms: dict[Lane, list[float]] = defaultdict(list)
    for block in sorted(blocks, key=lambda one: (one.start_ms, one.end_ms)):
        ends_ms = free_ms[block.row]
        free = (number for number, end_ms in enumerate(ends_ms) if end_ms <= block.start_ms + _ROUNDING_MS)
        level = next(free, len(ends_ms))
        ends_ms[level : level + 1] = [block.end_ms]
        yield replace(block, level=level)


def _block(lane: Lane, start_s: float, end_s: float, label: str, turn_index: int | None, kind: str, name: str) -> Block:
    return Block(lane, turn_index, start_s * 1000, end_s * 1000, label, kind, name)

"""Who spoke when: a case's turns as blocks on lanes, in milliseconds on the clock of its recording.

In a paced run everything lies where the event log has it. In an unpaced one those moments say nothing about a call, so
turns are laid end to end with the measured wait between them, exactly as ``conversation.wav`` is; the page says which.
Without an event log the record's own latencies and durations have to do. A call in full duplex has lanes of its own:
:mod:`evalkit.reports.page.duplex_timeline`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from evalkit.records.record import CaseRecord, Turn, Words
from evalkit.reports.page.events import TurnMarks


class Lane(StrEnum):
    """Which row of the timeline a block stands in."""

    CALLER = "caller"
    WAIT = "wait"
    ASSISTANT = "assistant"
    TOOL = "tool"
    GENERATED = "generated"
    OVERLAP = "overlap"
    REACTION = "reaction"
    DETECTION = "detection"


@dataclass(frozen=True)
class Block:
    """Something that took time.

    Attributes:
        lane: Where it stands; waits stand among what the assistant says.
        turn_index: The turn it belongs to; None where it belongs to none.
        start_ms: When it began.
        end_ms: When it ended; not before it began.
        label: Its words.
        kind: What it is among others of its lane; empty where that is plain.
        name: What people call it; empty: by its lane.
        level: How many blocks of its lane it has to lie below, since they last at the same time.
        room_ms: For how long its place in the lane is free behind it.

    """

    lane: Lane
    turn_index: int | None
    start_ms: float
    end_ms: float
    label: str
    kind: str = ""
    name: str = ""
    level: int = 0
    room_ms: float = 0.0

    @property
    def row(self) -> Lane:
        """The lane that it is drawn in."""
        return Lane.ASSISTANT if self.lane is Lane.WAIT else self.lane


@dataclass(frozen=True)
class CaseTimeline:
    """All blocks of a case.

    Attributes:
        blocks: The blocks.
        constructed: Whether turns were laid end to end.
        duration_ms: How long a call in full duplex lasted; None for any other.
        left_out: What the caller was to do in it and did not, each with the reason.

    """

    blocks: tuple[Block, ...]
    constructed: bool
    duration_ms: float | None = None
    left_out: tuple[str, ...] = ()


def lay_out(record: CaseRecord, marks: Mapping[int, TurnMarks]) -> CaseTimeline:
    """Return the timeline of `record`, from its event log's `marks` where there are any."""
    constructed = record.notes.get("timeline") == "constructed" or record.settings.get("real_time") is not True
    blocks: list[Block] = []
    now_ms = 0.0
    for turn in record.turns:
        turn_marks = marks.get(turn.turn_index, TurnMarks())
        moved_ms, caller = _place_caller(turn, turn_marks, now_ms, constructed=constructed)
        answer = [block for block in _place_answer(turn, turn_marks, moved_ms) if block.end_ms >= block.start_ms]
        blocks += [*([caller] if caller.end_ms > caller.start_ms else []), *_place_wait(turn, caller, answer), *answer]
        now_ms = max([caller.end_ms, *(block.end_ms for block in answer)])
    return CaseTimeline(tuple(blocks), constructed)


def _place_caller(turn: Turn, marks: TurnMarks, now_ms: float, *, constructed: bool) -> tuple[float, Block]:
    """Return by how much the turn's moments are moved, and the caller's block."""
    sound_ms = turn.measures.get("input_audio_ms", 0.0)
    asked_ms = marks.asked_ms or 0.0
    if constructed or marks.sound_began_ms is None:
        return now_ms + sound_ms - asked_ms, Block(
            Lane.CALLER, turn.turn_index, now_ms, now_ms + sound_ms, turn.user_text
        )
    start_ms = marks.sound_began_ms
    return 0.0, Block(Lane.CALLER, turn.turn_index, start_ms, start_ms + sound_ms, turn.user_text)


def _place_answer(turn: Turn, marks: TurnMarks, moved_ms: float) -> list[Block]:
    """Return what the assistant said, response by response, none before the last has ended, and the tools it used."""
    asked_ms = (marks.asked_ms or 0.0) + moved_ms
    spoken_ms = turn.measures.get("output_audio_ms", 0.0)
    responses = [(r.first_sound_ms, r.sound_bytes) for r in marks.responses.values() if r.first_sound_ms is not None]
    total_bytes = sum(sound_bytes for _, sound_bytes in responses)
    blocks: list[Block] = []
    free_ms = 0.0
    for (first_ms, sound_bytes), said in zip(responses, _words_of_responses(turn, len(responses)), strict=True):
        start_ms = max(first_ms + moved_ms, free_ms)
        free_ms = start_ms + (spoken_ms * sound_bytes / total_bytes if total_bytes else 0.0)
        blocks.append(Block(Lane.ASSISTANT, turn.turn_index, start_ms, free_ms, said))
    if not blocks and turn.latencies:
        begun_ms = asked_ms + min(turn.latencies.values())
        ended_ms = max(begun_ms + spoken_ms, asked_ms + turn.latencies.get("latency_response_done_ms", 0.0))
        blocks.append(Block(Lane.ASSISTANT, turn.turn_index, begun_ms, ended_ms, turn.assistant_text))
    return [*blocks, *place_tools(turn, marks, moved_ms)]


def place_tools(turn: Turn, marks: TurnMarks, moved_ms: float) -> list[Block]:
    """Return the tool calls of a turn from the call to the answer, moved by `moved_ms`."""
    names = {call.call_id: call.name for call in turn.tool_calls}
    blocks = []
    for call_id, call in marks.calls.items():
        start_ms = call.called_ms + moved_ms
        end_ms = start_ms if call.answered_ms is None else call.answered_ms + moved_ms
        blocks.append(Block(Lane.TOOL, turn.turn_index, start_ms, end_ms, call.name or names.get(call_id, "")))
    return blocks


def _words_of_responses(turn: Turn, count: int) -> list[str]:
    """Return what was said in each of the turn's `count` responses with sound; all of it where that is not known."""
    said = [step.text for step in turn.steps if isinstance(step, Words)]
    return said if len(said) == count else [turn.assistant_text] * count


def _place_wait(turn: Turn, caller: Block, answer: list[Block]) -> list[Block]:
    """Return the silence between the end of the caller's sound and the assistant's first."""
    first_ms = min((block.start_ms for block in answer if block.lane is Lane.ASSISTANT), default=caller.end_ms)
    if first_ms <= caller.end_ms:
        return []
    return [
        Block(
            Lane.WAIT, turn.turn_index, caller.end_ms, first_ms, f"{first_ms - caller.end_ms:,.0f} ms", name="Waiting"
        )
    ]

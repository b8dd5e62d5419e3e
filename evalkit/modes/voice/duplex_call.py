"""What a call in full duplex leaves for its record: its sound, who was heard when, and what both say of each turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.caller_truth import find_caller_spans, what_else_the_caller_did
from evalkit.modes.voice.turn_evidence import DuplexEvidence, TurnEvidence
from evalkit.modes.voice.turn_taking import (
    REACTION_MS,
    AgentSpan,
    CallSpans,
    GeneratedSound,
    HeardSpan,
    find_spans,
)
from evalkit.realtime.call_sound import CallSound, join_sides
from evalkit.realtime.live_call import CallResponse, LiveCall
from evalkit.realtime.playout import PlayedPiece


def join_call_sound(left: DuplexEvidence) -> CallSound:
    """Return both sides from the beginning of the case to the end of the call."""
    sound = join_sides(left.session.uplink, left.session.playout, until_ms=left.until_ms)
    before = round(left.session.began_at_ms * sound.sample_rate_hz / 1000)
    caller, assistant = (np.pad(side, (before, 0)) for side in (sound.caller, sound.assistant))
    return CallSound(caller, assistant, sound.sample_rate_hz)


def find_call_spans(left: DuplexEvidence, turns: Sequence[TurnEvidence], input_format: AudioFormat) -> CallSpans:
    """Return who was heard when: the caller by the sound that he made, the assistant by what was played."""
    session = left.session
    until_ms = session.began_at_ms + left.until_ms
    heard = [(response, _heard_parts(left, response)) for response in session.responses]
    agent = [AgentSpan(response.turn_index, parts, _was_cut(left, response)) for response, parts in heard if parts]
    agent.sort(key=lambda span: span.parts[0].start_ms)
    ended_waiting = left.ended_waiting
    generated = tuple(sorted(_generated(left), key=lambda sound: sound.arrived_ms.start_ms))
    return CallSpans(
        until_ms,
        find_caller_spans(left, turns, input_format),
        tuple(agent),
        tuple(left.tool_times_ms),
        ended_waiting,
        generated,
        what_else_the_caller_did(left, turns, input_format),
    )


def wait_for_sound_ms(left: DuplexEvidence, call: CallSpans, turn_index: int) -> float | None:
    """Return the wait from the end of the caller's speech to the first sound of the answer, be it silence at first."""
    said = next((each for each in call.caller if each.turn_index == turn_index and each.aside is None), None)
    if said is None:
        return None
    session, ended_ms = left.session, said.extent.end_ms
    of_turn = {each.playout_id for each in session.responses if each.turn_index == turn_index}
    starts_ms = [_at_ms(session, piece.start) for piece in _pieces(left) if piece.response_id in of_turn]
    return min((start_ms - ended_ms for start_ms in starts_ms if start_ms > ended_ms - REACTION_MS), default=None)


def _pieces(left: DuplexEvidence) -> tuple[PlayedPiece, ...]:
    playout = left.session.playout
    return playout.pieces(playout.sample_at(left.until_ms))


def _heard_parts(left: DuplexEvidence, response: CallResponse) -> tuple[HeardSpan, ...]:
    playout = left.session.playout
    heard = playout.heard_of(response.playout_id, playout.sample_at(left.until_ms))
    if heard is None:
        return ()
    began, pcm = heard
    return find_spans(pcm, playout.audio_format.sample_rate_hz, _at_ms(left.session, began))


def _generated(left: DuplexEvidence) -> Iterator[GeneratedSound]:
    session = left.session
    audio_format = session.playout.audio_format
    for response in session.responses:
        if response.first_sound_at_ms is not None and response.last_sound_at_ms is not None:
            played = sum(piece.samples for piece in _pieces(left) if piece.response_id == response.playout_id)
            yield GeneratedSound(
                response.turn_index,
                HeardSpan(response.first_sound_at_ms, response.last_sound_at_ms),
                audio_format.duration_ms(response.received_bytes),
                played / audio_format.sample_rate_hz * 1000.0,
            )


def _was_cut(left: DuplexEvidence, response: CallResponse) -> bool:
    """Whether the response was stopped by anybody but the end of the call."""
    width = left.session.playout.audio_format.bytes_per_sample
    scheduled = left.session.playout.pieces(left.session.playout.end)
    played = sum(piece.samples for piece in scheduled if piece.response_id == response.playout_id)
    return response.was_interrupted or played < response.received_bytes // width


def _at_ms(session: LiveCall, sample: int) -> float:
    return session.began_at_ms + sample / session.playout.audio_format.sample_rate_hz * 1000.0

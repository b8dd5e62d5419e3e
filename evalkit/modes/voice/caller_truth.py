"""What the caller of a call in full duplex did, as it was done: the ground truth that turn-taking is measured against.

The caller's side knows what it played and why. Everything has its samples on the uplink's clock; where it sounds is
found in what it said before any line added its noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.turn_acts import DoneAct
from evalkit.modes.voice.turn_evidence import DuplexEvidence, TurnEvidence
from evalkit.modes.voice.turn_taking import CallerSpan, HeardSpan, find_spans
from evalkit.realtime.uplink import PlacedClip
from evalkit.records.json import JsonObject

_NO_GAP = "its words have no gap between two of them that is shorter"
_NO_TURN = "the call ended first"


def find_caller_spans(
    left: DuplexEvidence, turns: Sequence[TurnEvidence], input_format: AudioFormat
) -> tuple[CallerSpan, ...]:
    """Return all that the caller was heard to do, by its start, in milliseconds since the case began."""
    spans = []
    for turn in turns:
        clip = left.clips.get(turn.index)
        if clip is not None:
            parts = _heard_parts(left, turn.clean_wire, clip, input_format)
            pauses = turn.pauses_at(clip.start, input_format.sample_rate_hz)
            cut_in = left.cut_greeting
            plan = _tell_plan(left, cut_in) if cut_in is not None and cut_in.clip == clip else None
            spans.append(CallerSpan(turn.index, parts, turn.user_text, None, (clip.start, clip.end), pauses, plan))
    spans += [_span_of_act(left, done, input_format) for done in left.done]
    return tuple(sorted((span for span in spans if span.parts), key=lambda span: span.parts[0].start_ms))


def what_else_the_caller_did(
    left: DuplexEvidence, turns: Sequence[TurnEvidence], input_format: AudioFormat
) -> JsonObject:
    """Return the clock of its samples, the silences it held, and what it was to do and did not, with the reason."""
    rate_hz, began_at_ms = input_format.sample_rate_hz, left.session.began_at_ms
    return {
        "uplink": {"sample_rate_hz": rate_hz, "began_s": _seconds(began_at_ms)},
        "silences": [
            {
                "turn_index": silence.turn_index,
                "duration_ms": silence.plan.duration_ms,
                "start_s": _seconds(began_at_ms + silence.start_ms),
                "end_s": _seconds(began_at_ms + silence.end_ms),
                "samples": [round(silence.start_ms * rate_hz / 1000), round(silence.end_ms * rate_hz / 1000)],
            }
            for silence in left.silences
        ],
        "left_out": list(_left_out(left, turns)),
    }


def _left_out(left: DuplexEvidence, turns: Sequence[TurnEvidence]) -> Iterator[JsonObject]:
    for turn in turns:
        for plan in turn.pauses_left_out:
            yield {"turn_index": turn.index, **plan.to_json(), "reason": _NO_GAP}
    for acts in left.acts:
        for act in acts.left_out():
            yield {"turn_index": act.turn_index, **act.plan.to_json(), "reason": act.reason}


def _span_of_act(left: DuplexEvidence, done: DoneAct, input_format: AudioFormat) -> CallerSpan:
    parts = _heard_parts(left, done.clean_wire, done.clip, input_format)
    plan = _tell_plan(left, done)
    aside = None if done.plan.act.wants_answer else str(done.plan.act)
    samples = done.clip.start, done.clip.end
    return CallerSpan(done.turn_index, parts, done.plan.words, aside, samples, plan=plan)


def _tell_plan(left: DuplexEvidence, done: DoneAct) -> JsonObject:
    triggered_s = _seconds(left.session.began_at_ms + done.trigger_ms)
    return {**done.plan.to_json(), "triggered_s": triggered_s, "waited_ms": round(done.waited_ms, 1)}


def _heard_parts(
    left: DuplexEvidence, clean_wire: bytes, clip: PlacedClip, input_format: AudioFormat
) -> tuple[HeardSpan, ...]:
    """Return where a clip sounds, as far as the call lasted; all of it where it is too soft to be found."""
    began_at_ms = left.session.began_at_ms
    until_ms = began_at_ms + left.until_ms
    found = find_spans(input_format.from_wire(clean_wire), input_format.sample_rate_hz, began_at_ms + clip.start_ms)
    spans = found or (HeardSpan(began_at_ms + clip.start_ms, began_at_ms + clip.end_ms),)
    return tuple(HeardSpan(span.start_ms, min(span.end_ms, until_ms)) for span in spans if span.start_ms < until_ms)


def _seconds(time_ms: float) -> float:
    return round(time_ms / 1000, 4)

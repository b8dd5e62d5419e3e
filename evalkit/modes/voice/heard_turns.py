"""The turns of a call in full duplex as they were heard: a response is what was played of it, and not what was sent.

Of a response that was cut the caller heard the first part. How many of its words that is nobody says, so they are taken
for evenly spread over its sound. A tool call counts when its response was completed: one that a cancellation took back
did not happen, as it was never answered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from evalkit.realtime.live_call import CallResponse, LiveCall
from evalkit.realtime.pacer import Pacing
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.realtime.uplink import PlacedClip
from evalkit.records.record import CallerWords, Step, Words, join_words
from evalkit.simulator.conversation import Exchange


def heard_turn(session: LiveCall, turn_index: int) -> TurnResult:
    """Return all responses that began in a turn, as far as they have been heard by now.

    Their times count from when the server began the response, since nobody asks for them.
    """
    return TurnResult(
        tuple(_heard(session, response) for response in session.responses if response.turn_index == turn_index)
    )


def standing_answer(turn: TurnResult) -> TurnResult:
    """Return the responses behind the last one that the caller cut short: the answer that stood; all where none did."""
    cut = [place for place, response in enumerate(turn.responses, 1) if response.status == "cancelled"]
    return TurnResult(turn.responses[cut[-1] :]) if cut and cut[-1] < len(turn.responses) else turn


def heard_exchanges(user_text: str, steps: Sequence[Step]) -> list[Exchange]:
    """Return a turn as the caller knows it: what he said, what he heard, what he said into that, and so on.

    What was not meant for the assistant is no part of what they said to each other.
    """
    said, heard = [user_text], list[str]()
    exchanges = []
    for step in steps:
        match step:
            case Words(text):
                heard.append(text)
            case CallerWords(text) if step.is_addressed:
                if heard:
                    exchanges.append(Exchange(join_words(said), join_words(heard)))
                    said, heard = [], []
                said.append(text)
    return [*exchanges, Exchange(join_words(said), join_words(heard))]


def _heard(session: LiveCall, response: CallResponse) -> ResponseResult:
    playout, sent = session.playout, response.result
    pieces = playout.pieces(playout.sample_at(session.now_ms))
    audio = b"".join(playout.wire_of(piece) for piece in pieces if piece.response_id == response.playout_id)
    share = len(audio) / len(sent.audio) if sent.audio else 1.0
    return replace(
        sent,
        audio=audio,
        transcript=first_words(sent.transcript, share),
        tool_calls=response.calls,
    )


def first_words(text: str, share: float) -> str:
    """Return the first words of `text`, as many as `share` of its sound may hold; all of it where that is all."""
    if share >= 1.0:
        return text
    words = text.split()
    return " ".join(words[: math.floor(len(words) * share)])


def pacing_of(session: LiveCall, clip: PlacedClip, chunk_ms: float) -> Pacing:
    """Return how the chunks were sent that held a clip."""
    first, behind = math.floor(clip.start_ms / chunk_ms), math.ceil(clip.end_ms / chunk_ms)
    lateness_ms = tuple(session.lateness_ms[first:behind])
    began_at_ms = session.began_at_ms + clip.start_ms
    finished_at_ms = session.began_at_ms + behind * chunk_ms + (lateness_ms[-1] if lateness_ms else 0.0)
    return Pacing(chunk_ms, behind - first, True, began_at_ms + chunk_ms, finished_at_ms, lateness_ms)  # noqa: FBT003

"""The measures of a spoken turn, and the reasons why one has failed, for all voice modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.audio.levels import measure_levels
from evalkit.records.faults import Failure, Stage

if TYPE_CHECKING:
    from evalkit.audio.formats import AudioFormat
    from evalkit.realtime.pacer import Pacing
    from evalkit.realtime.results import TurnResult


def find_misbehaviour(turn: TurnResult, *, must_speak: bool = False) -> Failure | None:
    """Return what is wrong with a turn that ended without an error, or None.

    `must_speak`: calling tools is not enough, the caller waits for an answer.
    """
    broken = [call for call in turn.tool_calls if call.arguments is None]
    if broken:
        message = (
            f"{broken[0].name} was called with arguments that are not a JSON object: {broken[0].raw_arguments[:200]!r}"
        )
        return Failure(Stage.RESPONSE_STATUS, "invalid_tool_arguments", message)
    if turn.assistant_text or turn.audio or (turn.tool_calls and not must_speak):
        return None
    did = "called tools but said nothing" if turn.tool_calls else "said nothing and called no tool"
    return Failure(Stage.RESPONSE_EMPTY, "no_answer", f"the assistant {did}")


def voice_to_voice(
    clean_wire: bytes, input_format: AudioFormat, pacing: Pacing | None, turn: TurnResult
) -> dict[str, float]:
    """Return the wait from the end of the caller's speech to the first assistant audio; nothing in an unpaced run.

    The end of speech is looked for in `clean_wire`, before any line added its noise.
    """
    if pacing is None or not pacing.real_time or turn.first_audio_ms is None:
        return {}
    levels = measure_levels(input_format.from_wire(clean_wire), input_format.sample_rate_hz)
    if levels.speech_end_ms is None:
        return {}
    answered_at_ms = turn.responses[0].created_at_ms + turn.first_audio_ms
    return {"latency_voice_to_voice_ms": answered_at_ms - (pacing.audio_began_at_ms + levels.speech_end_ms)}


def lateness(pacing: Pacing | None) -> dict[str, float]:
    """Return how late the chunks of a turn were sent; nothing in an unpaced run."""
    if pacing is None or not pacing.lateness_ms:
        return {}
    p50, p99 = np.percentile(pacing.lateness_ms, [50, 99])
    return {
        "lateness_p50_ms": float(p50),
        "lateness_p99_ms": float(p99),
        "lateness_max_ms": max(pacing.lateness_ms),
    }

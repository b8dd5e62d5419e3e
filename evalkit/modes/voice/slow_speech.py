"""Speech that is played at another rate than it was made at: slow, low, and garbled to who listens.

An application whose voice makes 24 kHz and that sends it as a line's 8 kHz is heard three times too slowly. Frameworks
say so in a log at most. It is told by two signs together: a voice lower than people's, and hardly a word a second.
"""

from __future__ import annotations

from evalkit.audio.levels import find_speech
from evalkit.audio.pitch import median_pitch_hz
from evalkit.realtime.live_call import LiveCall
from evalkit.records.faults import Failure, Stage

WRONG_SAMPLE_RATE = "wrong_sample_rate"
"""The kind of failure that an application which is heard so is."""

LOWEST_PITCH_HZ = 90.0
FEWEST_WORDS_PER_S = 1.5
SHORTEST_S = 3.0
"""So much speech of a turn is needed to tell."""


def find_slow_speech(session: LiveCall, turn_index: int) -> Failure | None:
    """Return what is wrong with how the words of a turn sound, when a recogniser has heard them; None: nothing."""
    playout, rate_hz = session.playout, session.playout.audio_format.sample_rate_hz
    until, spoken_s, words = playout.sample_at(session.now_ms), 0.0, 0
    pitches = []
    for response in session.responses:
        heard = playout.heard_of(response.playout_id, until) if response.turn_index == turn_index else None
        if heard is not None:
            spoken_s += float(find_speech(heard[1], rate_hz).sum()) / rate_hz
            words += len(response.result.transcript.split())
            pitches.append(median_pitch_hz(heard[1], rate_hz))
    known = [pitch for pitch in pitches if pitch is not None]
    is_slow = spoken_s >= SHORTEST_S and words < FEWEST_WORDS_PER_S * spoken_s
    if not is_slow or not known or max(known) >= LOWEST_PITCH_HZ:
        return None
    found = f"{words / spoken_s:.1f} words a second at {max(known):.0f} Hz"
    return Failure(
        Stage.RESPONSE_STATUS,
        WRONG_SAMPLE_RATE,
        f"the application's speech is too slow and too low ({found}): it is probably made at another rate than the "
        f"{rate_hz} Hz of the line; 24 kHz sent as 8 kHz sounds so",
    )

"""A turn as a record keeps it, whatever the mode and whoever took the turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalkit.modes.voice.turn_measures import lateness, voice_to_voice
from evalkit.records.record import Turn

if TYPE_CHECKING:
    from evalkit.modes.voice.duplex_account import DuplexAccount
    from evalkit.modes.voice.turn_evidence import TurnEvidence
    from evalkit.realtime.events import SessionSpec


def make_turn(
    session: SessionSpec, turn: TurnEvidence, artifacts: Mapping[str, str], account: DuplexAccount | None
) -> Turn:
    """Return a turn for the record.

    Args:
        session: As the assistant was configured.
        turn: What it left.
        artifacts: Its sound files.
        account: Of its call in full duplex; None: the client took the turns.

    """
    result = turn.result
    if account is None:
        waited = voice_to_voice(turn.clean_wire, session.input_format, turn.pacing, result)
        latencies, taken = {**result.latencies, **waited}, dict[str, float]()
    else:
        latencies, taken = account.latencies(turn), account.measures(turn)
    return Turn(
        turn_index=turn.index,
        user_text=turn.first_words,
        steps=turn.steps,
        heard_text=turn.heard,
        latencies=latencies,
        measures={
            **_sound_lengths(session, turn),
            **lateness(turn.pacing),
            **turn.channel_measures,
            **taken,
        },
        artifacts=artifacts,
        labels=result.labels,
        usage=result.usage,
        status=result.status,
    )


def _sound_lengths(session: SessionSpec, turn: TurnEvidence) -> dict[str, float]:
    """Return how long both sides sound; nothing in writing."""
    if session.in_writing:
        return {}
    return {
        "input_audio_ms": session.input_format.duration_ms(len(turn.wire)),
        "output_audio_ms": session.output_format.duration_ms(len(turn.result.audio)),
    }

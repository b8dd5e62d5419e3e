"""Points in a session are reached once, at the event that the documentation names."""

from __future__ import annotations

import pytest

from evalkit.service.faults.moments import Moment, PointSide

LONG = [
    "session.created",
    "session.updated",
    "input_audio_buffer.committed",
    "response.created",
    *["response.output_audio_transcript.delta", "response.output_audio.delta"] * 3,
    "response.done",
]
SHORT = ["response.created", "response.function_call_arguments.delta", "response.done"]


@pytest.mark.parametrize(
    ("at", "index", "side"),
    [
        ("session_created", 0, PointSide.BEFORE),
        ("session_updated", 1, PointSide.BEFORE),
        ("committed", 2, PointSide.BEFORE),
        ("response_created", 3, PointSide.AFTER),
        ("mid_response", 7, PointSide.BEFORE),
        ("response_done", 10, PointSide.AFTER),
    ],
)
def test_where_a_point_lies(at: str, index: int, side: PointSide) -> None:
    """Each point lies at one event of one response, and never again."""
    moment = Moment(at, 1)
    seen = [moment.look(event_type) for event_type in (*LONG, *LONG)]
    assert [number for number, found in enumerate(seen) if found] == [index]
    assert seen[index] is side


def test_a_short_response_has_its_middle_before_its_end() -> None:
    """A fault that waits for a fourth delta still strikes."""
    moment = Moment("mid_response", 1)
    assert [moment.look(event_type) for event_type in SHORT] == [None, None, PointSide.BEFORE]


def test_the_nth_response() -> None:
    """Earlier ones are left alone."""
    moment = Moment("response_created", 2)
    assert [moment.look(event_type) is not None for event_type in (*SHORT, *SHORT)].index(True) == 3

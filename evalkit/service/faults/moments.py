"""When a rule strikes: watches the types of the events that go out and says when its point is reached, once."""

from __future__ import annotations

from enum import StrEnum

_BEFORE = {
    "session_created": "session.created",
    "session_updated": "session.updated",
    "committed": "input_audio_buffer.committed",
}
_AFTER = {"response_created": "response.created", "response_done": "response.done"}
_DELTAS_BEFORE_THE_MIDDLE = 3


class PointSide(StrEnum):
    """On which side of an event a point lies."""

    BEFORE = "before"
    AFTER = "after"


class Moment:
    """A point in a session that is reached once.

    Args:
        at: One of :data:`evalkit.service.faults.catalogue.POINTS`.
        nth: In which response (or commit), from 1.

    """

    def __init__(self, at: str, nth: int) -> None:
        self._at, self._left = at, nth
        self._is_over = False
        self._deltas = 0

    def look(self, event_type: str) -> PointSide | None:
        """Return on which side of this event the point lies, None when it does not lie here."""
        side = None if self._is_over else self._side(event_type)
        self._is_over = self._is_over or side is not None
        return side

    def _side(self, event_type: str) -> PointSide | None:
        if self._at == "mid_response":
            return PointSide.BEFORE if self._is_middle(event_type) else None
        side = PointSide.BEFORE if self._at in _BEFORE else PointSide.AFTER
        if event_type != {**_BEFORE, **_AFTER}[self._at]:
            return None
        self._left -= 1
        return side if self._left == 0 else None

    def _is_middle(self, event_type: str) -> bool:
        if event_type == "response.created":
            self._left -= 1
        if self._left != 0:
            return False
        if event_type.startswith("response.") and event_type.endswith(".delta"):
            self._deltas += 1
            return self._deltas > _DELTAS_BEFORE_THE_MIDDLE
        return event_type == "response.done"

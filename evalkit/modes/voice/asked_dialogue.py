"""Calls and conversations in which the client asks for each answer: the kind of session that they have in common."""

from __future__ import annotations

from functools import cached_property

from evalkit.modes.voice.dialogue import Dialogue
from evalkit.realtime.session import RealtimeSession


class AskedDialogue(Dialogue):
    """One call; see :class:`Dialogue`."""

    @cached_property
    def _assistant(self) -> RealtimeSession:
        plan = self._plan
        return plan.sessions.asked(
            plan.url,
            {**plan.headers, **self._introduction.headers(plan.url, "assistant")},
            source="assistant",
            trace=self._trace,
            timeline=self._timeline,
            on_rate_limits=plan.on_rate_limits,
        )

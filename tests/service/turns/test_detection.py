"""How a session detects turns."""

from __future__ import annotations

import pytest

from evalkit.service.turns.detection import TurnDetection, completed


def test_the_silence_that_ends_a_turn():
    """With server_vad a turn ends after a silence, and nobody waits beyond it."""
    detection = TurnDetection.from_wire(completed({"type": "server_vad", "silence_duration_ms": 900}))
    assert (detection.pause_ms, detection.max_wait_ms) == (900, None)
    assert (detection.threshold, detection.prefix_padding_ms, detection.idle_timeout_ms) == (0.5, 300, None)


@pytest.mark.parametrize(("eagerness", "wait_ms"), [("low", 8000), ("medium", 4000), ("auto", 4000), ("high", 2000)])
def test_eagerness(eagerness, wait_ms):
    """With semantic_vad a pause of 200 ms raises the question, and eagerness bounds how long more is waited for."""
    detection = TurnDetection.from_wire(completed({"type": "semantic_vad", "eagerness": eagerness}))
    assert (detection.pause_ms, detection.max_wait_ms) == (200, wait_ms)

"""From probabilities to edges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.turns.speech_tracker import Edge, SpeechTracker


def edges(tracker: SpeechTracker, probabilities: list[float]) -> dict[int, Edge]:
    """Return the edges by the number of their frame."""
    found = ((frame, tracker.take(probability)) for frame, probability in enumerate(probabilities))
    return {frame: edge for frame, edge in found if edge is not None}


def test_speech_and_a_pause():
    """Speech begins with its first frame; 500 ms of silence are over with the sixteenth frame of them."""
    assert edges(SpeechTracker(0.5, 500, None), [0, 0, 0.5, 1, 1] + [0] * 30) == {2: Edge.BEGINS, 20: Edge.PAUSES}


def test_a_voice_that_gets_softer_is_no_pause():
    """Between the two thresholds neither silence begins nor speech."""
    assert edges(SpeechTracker(0.5, 64, None), [0.4] * 9 + [0.6] + [0.4] * 9) == {9: Edge.BEGINS}


def test_silence_lasts_until_a_voice_is_sure():
    """A silence that has begun goes on through frames between the thresholds, and ends with one above both."""
    assert edges(SpeechTracker(0.5, 96, None), [1, 0, 0.4, 0.4]) == {0: Edge.BEGINS, 3: Edge.PAUSES}
    assert edges(SpeechTracker(0.5, 96, None), [1, 0, 0.4, 0.6, 0, 0]) == {0: Edge.BEGINS}


def test_waiting_ends():
    """A pause is told once, and once more when nobody waits any longer; speech in between begins a new silence."""
    tracker = SpeechTracker(0.5, 64, 160)
    assert edges(tracker, [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]) == {
        0: Edge.BEGINS,
        2: Edge.PAUSES,
        6: Edge.PAUSES,
        9: Edge.WAITED_OUT,
    }


def test_after_an_end_speech_begins_anew():
    """An utterance that was ended is over at once."""
    tracker = SpeechTracker(0.5, 64, None)
    assert edges(tracker, [1, 1]) == {0: Edge.BEGINS}
    tracker.stop()
    assert edges(tracker, [0, 1]) == {1: Edge.BEGINS}


def test_no_silence_at_all():
    """A silence of 0 ms ends an utterance with the first frame that holds no voice."""
    assert edges(SpeechTracker(0.5, 0, None), [1, 1, 0]) == {0: Edge.BEGINS, 2: Edge.PAUSES}


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.integers(0, 300))
def test_any_probabilities(probabilities, threshold, pause_ms):
    """Whatever is heard, speech begins before it pauses, and does not begin twice."""
    speaking = False
    for edge in edges(SpeechTracker(threshold, pause_ms, pause_ms + 100), probabilities).values():
        assert (edge is Edge.BEGINS) is not speaking
        speaking = True

"""Which of an answer has been heard by now."""

from __future__ import annotations

from evalkit.service.input_buffer import TICKS_PER_MS
from evalkit.service.turns.playback import REACTION_MS, Playback


def at(ms: float) -> int:
    return round(ms * TICKS_PER_MS)


def test_an_answer_is_played_from_its_first_sound_on():
    """It sounds as soon as some of it was sent, for as long as what was sent lasts; reactions come a moment later."""
    playback = Playback()
    playback.sent("a", 0, at(900))
    assert not playback.is_playing(at(900))
    playback.sent("a", 100, at(1000))
    playback.sent("a", 2000, at(1500))
    assert [playback.is_playing(at(ms)) for ms in (999, 1000, 2999, 3000)] == [False, True, True, False]
    assert [playback.is_heard(at(1000 + ms)) for ms in (REACTION_MS - 1, REACTION_MS)] == [False, True]
    assert playback.played_ms(at(1700)) == 700
    assert playback.played_ms(at(9000)) == 2000


def test_what_follows_is_played_behind():
    """A second answer sounds when the first has been played, without a break."""
    playback = Playback()
    playback.sent("a", 2000, at(1000))
    playback.sent("b", 1000, at(1500))
    assert playback.is_heard(at(3100))
    assert not playback.is_playing(at(4000))
    assert playback.played_ms(at(3100)) == 100


def test_a_stop():
    """What is stopped sounds no more, and begins anew with the next."""
    playback = Playback()
    playback.sent("a", 2000, at(1000))
    playback.stop(at(1600))
    assert not playback.is_playing(at(1600))
    assert playback.played_ms(at(1900)) == 600
    playback.sent("b", 500, at(2000))
    assert not playback.is_heard(at(2100))
    assert playback.is_playing(at(2100))

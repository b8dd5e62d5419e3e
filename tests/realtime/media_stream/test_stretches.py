"""What was said, found in what was heard, piece by piece."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.media_stream.stretches import GAP_MS, SHORTEST_MS, SpeechStretch, SpeechStretches
from evalkit.realtime.playout import CutItem

MS = 8  # samples
PIECE = 20 * MS


class Heard:
    """Feeds pieces of 20 ms, one behind the other."""

    def __init__(self) -> None:
        self.stretches = SpeechStretches(8000)
        self.stretches.began_at_ms = 100.0
        self.at = 0
        self.said_end = 0
        self.level_dbfs = -20.0
        self.ids: list[str] = []

    def hear(self, duration_ms: float, *, is_sound: bool = True, turn_index: int = 1) -> None:
        for _ in range(int(duration_ms / 20)):
            stretch = self.stretches.take(
                self.at,
                PIECE,
                is_sound=is_sound,
                level_dbfs=self.level_dbfs if is_sound else -120.0,
                at_ms=self.at / MS,
                turn_index=turn_index,
                said_end=self.said_end,
            )
            self.ids.append(stretch)
            self.at += PIECE

    def pause(self, duration_ms: float) -> None:
        """Nothing is sent."""
        self.at += int(duration_ms) * MS

    def spans_ms(self) -> list[tuple[float, float]]:
        return [(each.start / MS, each.sound_end / MS) for each in self.stretches.spoken]


def test_sentences_with_gaps_between_them_are_one_answer() -> None:
    """Silence of up to a second belongs to it, sent or not; a longer one ends it."""
    heard = Heard()
    heard.hear(400)
    heard.pause(760)
    heard.hear(300)
    heard.hear(980, is_sound=False)
    heard.hear(200)
    heard.pause(1000)
    heard.hear(100)
    assert heard.spans_ms() == [(0, 2640), (3640, 3740)]
    first, second = heard.stretches.spoken
    assert (first.began_at_ms, first.done_at_ms, second.done_at_ms) == (100.0, 2740.0, None)
    assert first.result.status == "completed"
    assert second.result.status == "in_progress"
    assert first.received_bytes == (400 + 300 + 980 + 200) * MS


def test_silence_that_is_sent_is_silence() -> None:
    """An application that fills every gap with silence has finished when its speech has."""
    heard = Heard()
    heard.hear(3000, is_sound=False)
    assert set(heard.ids) == {""}
    heard.hear(200)
    assert heard.stretches.is_open()
    heard.hear(1020, is_sound=False)
    assert not heard.stretches.is_open()
    assert heard.spans_ms() == [(3000, 3200)]
    assert heard.ids[-1] == ""


def test_speech_that_breaks_off_inside_a_word_is_told_from_speech_that_ends() -> None:
    """By how loud its last 20 ms are beside its loudest; silence that is sent behind it is an end."""
    heard = Heard()
    heard.hear(400)
    (stretch,) = heard.stretches.spoken
    assert stretch.ends_loud
    assert heard.stretches.is_open_and_loud()
    heard.level_dbfs = -36.0
    heard.hear(20)
    assert not stretch.ends_loud
    heard.level_dbfs = -34.0
    heard.hear(20)
    assert stretch.ends_loud
    heard.hear(20, is_sound=False)
    assert not stretch.ends_loud


def test_a_click_is_no_speech() -> None:
    """Less than the shortest word is not an answer."""
    heard = Heard()
    heard.hear(SHORTEST_MS - 20)
    assert heard.stretches.spoken == ()
    heard.pause(GAP_MS)
    heard.hear(SHORTEST_MS)
    assert len(heard.stretches.spoken) == 1


def test_what_begins_behind_the_callers_last_word_answers_it() -> None:
    """Though the gap is short: the caller finished in between. What goes on through his words is one stretch."""
    heard = Heard()
    heard.hear(300)
    heard.said_end = heard.at + 100 * MS
    heard.pause(400)
    heard.hear(200, turn_index=2)
    assert [(each.turn_index, each.start / MS) for each in heard.stretches.spoken] == [(1, 0), (2, 700)]
    heard.said_end = heard.at + 500 * MS
    heard.pause(400)
    heard.hear(100, turn_index=2)
    assert len(heard.stretches.spoken) == 2


def test_what_is_said_behind_a_tools_answer_is_said_anew() -> None:
    """A word to bridge the wait and what the tool told are two, though only half a second lies between them."""
    stretches = SpeechStretches(8000)

    def hear(start_ms: int, arrived_ms: float, told_at_ms: float) -> str:
        return stretches.take(
            start_ms * MS,
            PIECE,
            is_sound=True,
            level_dbfs=-20.0,
            at_ms=arrived_ms,
            turn_index=1,
            said_end=0,
            told_at_ms=told_at_ms,
        )

    assert {hear(0, 0, 0), hear(100, 10, 0), hear(140, 50, 40)} == {"speech_1"}
    assert hear(700, 60, 40) == "speech_2"
    assert hear(1400, 70, 40) == "speech_2"


def _cut(stretch: SpeechStretch, played: int, received: int) -> CutItem:
    return CutItem(stretch.playout_id, played, received, played // MS)


def test_thrown_away_sound_is_an_interruption_and_silence_is_none() -> None:
    """The stretch ends where playing stopped; what had only silence left had been heard to its end."""
    heard = Heard()
    heard.hear(1000)
    (stretch,) = heard.stretches.spoken
    assert heard.stretches.cut(400 * MS, [_cut(stretch, 400 * MS, 1000 * MS)])
    assert (stretch.was_interrupted, stretch.sound_end, stretch.done_at_ms) == (True, 400 * MS, 500.0)
    assert stretch.result.status == "cancelled"
    other = Heard()
    other.hear(200)
    other.hear(500, is_sound=False)
    (stretch,) = other.stretches.spoken
    assert not other.stretches.cut(300 * MS, [_cut(stretch, 300 * MS, 700 * MS)])
    assert (stretch.was_interrupted, stretch.received_bytes) == (False, 300 * MS)
    assert not other.stretches.is_open()
    assert not other.stretches.cut(300 * MS, [])


def test_what_was_thrown_away_before_any_of_it_was_heard_was_not_said() -> None:
    """A burst holds two answers; the line is cleared during the first."""
    heard = Heard()
    heard.hear(500)
    heard.hear(1500, is_sound=False)
    heard.hear(500)
    first, second = heard.stretches.spoken
    heard.stretches.cut(100 * MS, [_cut(first, 100 * MS, 2000 * MS), _cut(second, 0, 500 * MS)])
    assert heard.stretches.spoken == (first,)
    assert heard.stretches.sound_end == 100 * MS


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 80)), max_size=30))
def test_stretches_hold_all_sound_and_are_a_second_apart(runs: list[tuple[bool, int]]) -> None:
    """Whatever comes: every sounding piece is in a stretch, in order, and between two of them it is long silent."""
    heard = Heard()
    for is_sound, pieces in runs:
        heard.hear(pieces * 20, is_sound=is_sound)
    stretches = [each for each in heard.stretches.spoken if each.sound_samples]
    for before, after in itertools.pairwise(stretches):
        assert after.start - before.sound_end >= GAP_MS * MS
    begin = 0
    for is_sound, pieces in runs:
        if is_sound:
            assert "" not in heard.ids[begin : begin + pieces]
        begin += pieces


def test_who_sends_as_it_is_heard_is_stopped_too() -> None:
    """The line was cleared right behind the last sound, or in a gap between words; later than that nothing stops."""
    for silence_ms, cleared_ms in ((0, 500), (100, 500)):
        heard = Heard()
        heard.hear(400)
        heard.hear(silence_ms, is_sound=False)
        (stretch,) = heard.stretches.spoken
        assert heard.stretches.cut(cleared_ms * MS, [])
        assert (stretch.was_interrupted, stretch.done_at_ms) == (True, 500.0)
        assert not heard.stretches.is_open()
    for silence_ms, cleared_ms in ((0, 800), (200, 600)):
        heard = Heard()
        heard.hear(400)
        heard.hear(silence_ms, is_sound=False)
        assert not heard.stretches.cut(cleared_ms * MS, [])
        assert not heard.stretches.spoken[0].was_interrupted

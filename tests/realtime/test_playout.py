"""What is heard of what a server sends: held against a player that plays one sample at a time."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.playout import CutItem, Playout

ULAW = AudioFormat.G711_ULAW


def _play(playout: Playout, wire: bytes, at: int, item: str = "i1", response: str = "r1") -> bool:
    return playout.receive(wire, response_id=response, item_id=item, at=at)


def _heard(playout: Playout, until: int) -> list[tuple[int, bytes]]:
    return [(piece.start, playout.wire_of(piece)) for piece in playout.pieces(until)]


def test_sound_is_played_when_it_comes_or_behind_what_waits() -> None:
    """Faster than real time: what came together is heard one after the other; a later answer begins when it comes."""
    playout = Playout(ULAW)
    _play(playout, b"abcd", 10)
    _play(playout, b"efgh", 11)
    _play(playout, b"xy", 30, "i2", "r2")
    assert _heard(playout, 100) == [(10, b"abcdefgh"), (30, b"xy")]
    assert (playout.end, playout.underruns) == (32, 0)
    assert [playout.is_playing(at) for at in (9, 17, 31, 32)] == [True, True, True, False]


def test_a_response_that_comes_too_slowly_is_heard_with_a_gap() -> None:
    """The gap is where it was, and is counted; the silence between two responses is none."""
    playout = Playout(ULAW)
    _play(playout, b"ab", 0)
    _play(playout, b"cd", 5)
    _play(playout, b"ef", 9, "i2", "r2")
    assert _heard(playout, 100) == [(0, b"ab"), (5, b"cd"), (9, b"ef")]
    assert playout.underruns == 1
    assert playout.played_samples("r1", "i1", 6) == 3


def test_the_caller_cuts_in() -> None:
    """Playing stops there; the server is told what was heard of each item, and the rest is never heard."""
    playout = Playout(AudioFormat.PCM16)
    _play(playout, bytes(24_000 * 2), 2400)
    _play(playout, bytes(480 * 2), 2500, "i2")
    cut = playout.stop(2400 + 12_011)
    assert cut == (CutItem("i1", 12_011, 24_000, 500), CutItem("i2", 0, 480, 0))
    assert playout.end == 14_411
    assert not playout.is_playing(14_411)


def test_what_was_heard_to_its_end_is_not_cut() -> None:
    """A caller who speaks when the assistant has ended interrupts nobody."""
    playout = Playout(ULAW)
    _play(playout, b"abcd", 0)
    assert playout.stop(4) == ()
    assert _play(playout, b"ef", 5)


@pytest.mark.parametrize(("response", "item"), [("r1", "i2"), ("", "i1"), ("r9", "i3")])
def test_late_sound_of_a_stopped_response_is_dropped(response: str, item: str) -> None:
    """By the response's id, by the item's, and where nothing of it had come before it was stopped."""
    playout = Playout(ULAW)
    _play(playout, b"abcd", 0)
    playout.stop(2, response_ids=["r9"])
    assert not _play(playout, b"efgh", 3, item, response)
    assert _play(playout, b"new", 4, "i7", "r7")
    assert _heard(playout, 100) == [(0, b"ab"), (4, b"new")]
    assert playout.dropped_samples == 4
    assert playout.received_samples("r1", "i1") == 4


def test_a_server_without_ids_is_played_too() -> None:
    """Nothing tells its sound apart, so nothing of it is dropped."""
    playout = Playout(ULAW)
    _play(playout, b"ab", 0, "", "")
    assert playout.stop(1) == (CutItem("", 1, 2, 0),)
    assert _play(playout, b"cd", 5, "", "")
    assert _heard(playout, 100) == [(0, b"a"), (5, b"cd")]


def test_half_a_sample_waits_for_its_other_half() -> None:
    """A server may cut its sound anywhere."""
    playout = Playout(AudioFormat.PCM16)
    whole = np.array([100, -200, 300], dtype="<i2").tobytes()
    _play(playout, whole[:3], 0)
    _play(playout, whole[3:], 1)
    assert playout.pcm(4).tolist() == [100, -200, 300, 0]


_ids = st.sampled_from(["a", "b"])
_receive = st.tuples(st.just("receive"), st.binary(max_size=9), _ids, _ids)
_stop = st.tuples(st.just("stop"), st.lists(_ids, max_size=2))
_actions = st.lists(st.tuples(st.integers(0, 6), st.one_of(_receive, _receive, _receive, _stop)), max_size=30)


@given(_actions)
def test_it_plays_what_a_player_of_single_samples_plays(actions: list[tuple[int, tuple[object, ...]]]) -> None:
    """Sample by sample the same is heard; no item is heard beyond what came of it."""
    playout = Playout(ULAW)
    queue: deque[tuple[str, str, int]] = deque()
    heard: list[int | None] = []
    stopped_responses: set[str] = set()
    stopped_items: set[str] = set()
    for wait, action in actions:
        heard += [queue.popleft()[2] if queue else None for _ in range(wait)]
        at = len(heard)
        if action[0] == "receive":
            _, wire, response, item = action
            assert isinstance(wire, bytes)
            late = response in stopped_responses or item in stopped_items
            assert _play(playout, wire, at, str(item), str(response)) is not late
            queue.extend((str(response), str(item), byte) for byte in wire if not late)
            continue
        _, named = action
        assert isinstance(named, list)
        cut = playout.stop(at, response_ids=named)
        assert {item.item_id for item in cut} == {item for _, item, _ in queue}
        assert sum(item.received - item.played for item in cut) == len(queue)
        assert all(0 <= item.played <= item.received for item in cut)
        stopped_responses |= {*named, *(response for response, _, _ in queue)}
        stopped_items |= {item for _, item, _ in queue}
        queue.clear()
    heard += [byte for _, _, byte in queue]
    played: list[int | None] = [None] * len(heard)
    for piece in playout.pieces(len(heard)):
        played[piece.start : piece.end] = playout.wire_of(piece)
    assert played == heard


def test_sound_that_comes_a_little_late_follows_on() -> None:
    """As behind a line's buffer: no gap, and no underrun, up to the buffer's length."""
    playout = Playout(ULAW, late_ms=1)  # 8 samples
    _play(playout, b"abcd", 10)
    _play(playout, b"ef", 22)
    _play(playout, b"gh", 30, "i2", "r2")
    assert _heard(playout, 100) == [(10, b"abcdef"), (30, b"gh")]
    assert playout.place_of_next(32) == 32
    assert playout.place_of_next(40) == 32
    assert playout.place_of_next(41) == 41
    _play(playout, b"ij", 41, "i2", "r2")
    assert playout.underruns == 1
    heard = playout.heard_of("r2", 100)
    assert heard is not None
    assert (heard[0], heard[1].size) == (30, 13)
    assert playout.heard_of("r3", 100) is None

"""Words and sound, piece by piece."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.conversation import Call
from evalkit.service.spoken_sentences import SpokenSentences, pieces_of


@given(st.text("ab \n", max_size=40), st.binary(max_size=50), st.integers(1, 20))
def test_nothing_of_words_or_sound_is_lost(text: str, audio: bytes, piece_bytes: int) -> None:
    """And words are never behind their sound."""
    pieces = list(pieces_of(text, audio, piece_bytes))
    assert "".join(words for words, _ in pieces) == text
    assert b"".join(sound for _, sound in pieces) == audio
    assert all(len(sound) <= piece_bytes for _, sound in pieces)


def test_sentences_are_given_in_order_as_their_sound_comes() -> None:
    """Nothing is due while that of the next one is missing, whichever others are there."""
    sentences = SpokenSentences(2)
    pieces = iter(sentences)
    first, second = sentences.add("One two. "), sentences.add("Three.")
    sentences.voice(second, b"cc")
    assert not sentences.can_begin
    assert next(pieces) == ("", b"")
    sentences.voice(first, b"aabb")
    assert sentences.can_begin
    assert [next(pieces) for _ in range(3)] == [("One ", b"aa"), ("two. ", b"bb"), ("Three.", b"cc")]
    assert next(pieces) == ("", b"")
    third = sentences.add(" :-)")
    sentences.finish((Call("find", {}),))
    sentences.voice(third, b"")
    assert list(pieces) == [(" :-)", b"")]
    assert (bytes(sentences.audio), len(sentences.calls)) == (b"aabbcc", 1)


def test_a_reply_without_words_ends_at_once() -> None:
    """Calls are all there is."""
    sentences = SpokenSentences(2)
    sentences.finish(())
    assert list(sentences) == []

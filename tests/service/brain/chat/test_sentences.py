"""What a model writes is cut into sentences as it comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.chat.sentences import MIN_CHARACTERS, SentenceCutter


def _cut(*pieces: str) -> list[str]:
    cutter = SentenceCutter()
    sentences = [sentence for piece in pieces for sentence in cutter.take(piece)]
    return [*sentences, cutter.rest()]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Your order has been shipped. It arrives today.", ["Your order has been shipped. ", "It arrives today."]),
        ("Is that all for today now? Fine!", ["Is that all for today now? ", "Fine!"]),
        ("Oh no! That is really a pity. Sorry.", ["Oh no! That is really a pity. ", "Sorry."]),
        ("One moment. I'll look that up for you. Here.", ["One moment. I'll look that up for you. ", "Here."]),
        ("It costs 12.50 in all of our shops. Yes.", ["It costs 12.50 in all of our shops. ", "Yes."]),
        ("You are booked with Dr. Smith at nine. Bye.", ["You are booked with Dr. Smith at nine. ", "Bye."]),
        ("These are your options: 1. Red. 2. Blue.", ["These are your options: 1. Red. ", "2. Blue."]),
        ('She said "It is on its way." Then she left.', ['She said "It is on its way." ', "Then she left."]),
        ("Well, I am not quite sure...\nLet me see.", ["Well, I am not quite sure...\n", "Let me see."]),
        ("no end in sight here at all", ["no end in sight here at all"]),
        (
            'I am looking that up. {"why": "It is late. It really is."} So.',
            ["I am looking that up. ", '{"why": "It is late. It really is."} So.'],
        ),
        ("", [""]),
    ],
)
def test_where_a_sentence_ends(text: str, sentences: list[str]) -> None:
    """At a full stop, a question or an exclamation mark that white space follows, once there is enough to say."""
    assert _cut(text) == [*sentences] if sentences[-1] != text or len(sentences) > 1 else [text]


def test_a_sentence_comes_as_soon_as_it_is_whole() -> None:
    """Not when the next one is."""
    cutter = SentenceCutter()
    assert cutter.take("Your order has been shipped.") == []
    assert cutter.take(" ") == ["Your order has been shipped. "]
    assert cutter.rest() == ""


@given(st.text(alphabet='ab .?!\n"1{', max_size=120), st.data())
def test_nothing_is_lost_however_it_comes(text: str, data: st.DataObject) -> None:
    """Sentences put together are the text, and the cuts do not depend on the pieces."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert "".join(_cut(*pieces)) == text
    assert _cut(*pieces)[:-1] == _cut(text)[:-1]
    assert all(len(sentence.strip()) >= MIN_CHARACTERS for sentence in _cut(text)[:-1])

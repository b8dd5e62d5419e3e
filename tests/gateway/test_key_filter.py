"""Keys in texts and in streams whose chunks end anywhere."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from evalkit.gateway.key_filter import KeyFilter

KEY = "sk-abab/abab%ab"
_PIECES = st.lists(
    st.sampled_from(
        [KEY, KEY[:7], KEY[3:], quote(KEY, safe=""), KEY.replace("/", "\\/"), "ab", "s", "sk-", "x", "\n", "%"]
    ),
    max_size=12,
)


def _chunks(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(content)) for cut in cuts})
    return [content[a:b] for a, b in zip([0, *places], [*places, len(content)], strict=True)]


@given(pieces=_PIECES, cuts=st.lists(st.integers(0, 200), max_size=30))
def test_a_stream_is_cleaned_as_its_whole_is(pieces: list[str], cuts: list[int]) -> None:
    """Where chunks end changes nothing, and no form of the key is left."""
    content = "".join(pieces).encode()
    keys = KeyFilter([KEY, "second-secret"])
    stream = keys.stream()
    given_out = b"".join(stream.feed(chunk) for chunk in _chunks(content, cuts)) + stream.finish()
    assert given_out == keys.bytes(content)
    assert KEY.encode() not in given_out
    assert quote(KEY, safe="").encode() not in given_out


@given(
    secret=st.text("ab%", min_size=8, max_size=10),
    content=st.text("ab%25", max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=10),
)
def test_a_key_that_overlaps_with_itself_is_found(secret: str, content: str, cuts: list[int]) -> None:
    """Keys that begin as they end, and forms that begin like others, are no exception."""
    keys = KeyFilter([secret])
    stream = keys.stream()
    given_out = b"".join(stream.feed(chunk) for chunk in _chunks(content.encode(), cuts)) + stream.finish()
    assert given_out == keys.bytes(content.encode())


@given(content=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=10))
def test_what_holds_no_key_passes_unchanged(content: bytes, cuts: list[int]) -> None:
    """Byte for byte, whatever it is."""
    stream = KeyFilter([KEY]).stream()
    assert b"".join(stream.feed(chunk) for chunk in _chunks(content, cuts)) + stream.finish() == content


def test_only_what_may_be_a_key_is_held_back() -> None:
    """A stream is not slowed down: the end of an event never waits."""
    stream = KeyFilter([KEY]).stream()
    assert stream.feed(b"data: x\n\n") == b"data: x\n\n"
    assert stream.feed(b"data: sk-") == b"data: "
    assert stream.feed(b"other\n\n") == b"sk-other\n\n"


def test_every_form_of_a_key_is_replaced() -> None:
    """As it is, escaped as in JSON, quoted as in a URL, escaped as in HTML."""
    keys = KeyFilter(['se"cret/k&y'])
    for form in ('se"cret/k&y', r"se\"cret/k&y", r"se\"cret\/k&y", "se%22cret%2Fk%26y", "se&quot;cret/k&amp;y"):
        assert keys.text(f"it is {form}.") == "it is [key]."


def test_words_that_stand_for_no_key_are_left_alone() -> None:
    """Servers without keys are given ``none``: that word may be said."""
    keys = KeyFilter(["none", ""])
    assert keys.text("none of it") == "none of it"
    assert keys.stream().feed(b"none") == b"none"

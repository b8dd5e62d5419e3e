"""Server-sent events out of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.gateway.event_stream import EventStream, StreamEvent


def _read(chunks: list[bytes], **options: int) -> list[StreamEvent]:
    stream = EventStream(**options)
    return [event for chunk in chunks for event in stream.feed(chunk)] + stream.finish()


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [("", "a"), ("", "b")]),
        (b"event: x\ndata: a\ndata: b\n\n", [("x", "a\nb")]),
        (b"event: x\r\ndata:a\r\n\r\n", [("x", "a")]),
        (b"data: a\r\rdata: b\r\r", [("", "a"), ("", "b")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", "a")]),
        (b": ping\n\nid: 1\nretry: 5\ndata: a\n\n", [("", "a")]),
        (b"event: x\n\ndata: a\n\n", [("", "a")]),
        (b"data: a\n\ndata: unfinished", [("", "a"), ("", "unfinished")]),
        (b"data\n\n", [("", "")]),
        (b"", []),
        (b"<html>", []),
        ("data: é\n\n".encode(), [("", "é")]),
        (b"data: \xff\n\n", [("", "\ufffd")]),
    ],
)
def test_events_are_read_as_the_standard_says(content: bytes, events: list[tuple[str, str]]) -> None:
    """Every line end, several data lines, comments; the last event needs no empty line."""
    assert _read([content]) == events
    assert _read([bytes([byte]) for byte in content]) == events


_LINES = st.lists(
    st.sampled_from(["data: a", "data:b", "event: x", ": c", "", "data: é", "\ufeffdata: q", "id: 1"]), max_size=12
)


@given(
    lines=_LINES, ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=12), cuts=st.lists(st.integers(0, 150))
)
def test_where_a_chunk_ends_changes_nothing(lines: list[str], ends: list[str], cuts: list[int]) -> None:
    """In the middle of a letter, between the two halves of a line end, anywhere."""
    content = "".join(line + end for line, end in zip(lines, ends, strict=False)).encode()
    places = sorted({min(cut, len(content)) for cut in cuts})
    chunks = [content[a:b] for a, b in zip([0, *places], [*places, len(content)], strict=True)]
    assert _read(chunks) == _read([content])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_beyond_the_limit_is_skipped_and_the_next_is_read(size: int) -> None:
    """Nothing grows without end, and one long event does not hide the others."""
    content = b"data: a\n\ndata: " + b"x" * 500 + b"\ndata: y\n\ndata: b\n\n"
    stream = EventStream(max_event_bytes=100)
    chunks = [content[place : place + size] for place in range(0, len(content), size)]
    events = [event for chunk in chunks for event in stream.feed(chunk)]
    assert events == [("", "a"), ("", "b")]
    assert stream.skipped == 1

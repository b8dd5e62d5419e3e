"""What arrives is split where frames end, however it comes, and nothing is lost or told apart wrongly."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from evalkit.realtime.frames import FrameSplitter, Piece

_LENGTHS = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536])
_DATA = _LENGTHS.map(lambda length: b"x" * length)
_DATA_FRAMES = st.builds(Frame, st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), _DATA, st.booleans())
_PINGS = st.builds(Frame, st.just(Opcode.PING), st.binary(max_size=125))
_MAX_BYTES = 65_535


def _sent(frame: Frame) -> bytes:
    return frame.serialize(mask=False)


def _split(arrived: bytes, cuts: list[int]) -> list[Piece]:
    splitter = FrameSplitter(_MAX_BYTES)
    edges = [0, *sorted(cut % (len(arrived) + 1) for cut in cuts), len(arrived)]
    return [piece for start, end in itertools.pairwise(edges) for piece in splitter.split(arrived[start:end])]


@given(st.lists(_DATA_FRAMES | _PINGS, max_size=6), st.lists(st.integers(0, 400_000), max_size=5))
def test_frames_are_told_apart_however_they_arrive(frames: list[Frame], cuts: list[int]) -> None:
    """Joined, the pieces are what arrived; a text piece is a whole final text frame; no piece holds two frames."""
    arrived = b"".join(map(_sent, frames))
    pieces = _split(arrived, cuts)
    assert b"".join(piece.data for piece in pieces) == arrived
    texts = [_sent(frame) for frame in frames if frame.opcode is Opcode.TEXT and frame.fin]
    for piece in pieces:
        assert not piece.text_at or piece.data in texts
    ends = {len(b"".join(map(_sent, frames[:count]))) for count in range(1, len(frames) + 1)}
    at = 0
    for piece in pieces:
        assert not any(at < end < at + len(piece.data) for end in ends)
        at += len(piece.data)


@given(st.lists(_DATA, min_size=1, max_size=5))
def test_whole_text_frames_are_known(messages: list[bytes]) -> None:
    """What comes whole in one read is told to be text, with the place of the text, up to the limit."""
    arrived = b"".join(_sent(Frame(Opcode.TEXT, message)) for message in messages)
    pieces = _split(arrived, [])
    assert [piece.data[piece.text_at :] for piece in pieces if piece.text_at] == [
        message for message in messages if len(message) <= _MAX_BYTES
    ]
    assert len(pieces) == len(messages)


@pytest.mark.parametrize("frame", [Frame(Opcode.TEXT, b"part", fin=False), Frame(Opcode.TEXT, b"", rsv1=True)])
def test_other_text_is_the_librarys(frame: Frame) -> None:
    """A fragment, or one that an extension has changed, is none."""
    head = (0x80 * frame.fin) | (0x40 * frame.rsv1) | frame.opcode
    assert [piece.text_at for piece in _split(bytes([head, len(frame.data)]) + bytes(frame.data), [])] == [0]


@given(st.lists(st.integers(0, 70_000), max_size=4))
def test_the_library_reads_what_is_left_to_it(cuts: list[int]) -> None:
    """Between pieces that are taken out, the library goes on where the frame before it ended."""
    frames = [
        Frame(Opcode.TEXT, b"a" * 300),
        Frame(Opcode.PING, b"p"),
        Frame(Opcode.TEXT, b"b"),
        Frame(Opcode.PONG, b"q"),
    ]
    library, heard = Protocol(Side.CLIENT), list[bytes]()
    for piece in _split(b"".join(map(_sent, frames)), cuts):
        if piece.text_at:
            heard.append(piece.data[piece.text_at :])
        else:
            library.receive_data(piece.data)
            heard += [bytes(event.data) for event in library.events_received() if isinstance(event, Frame)]
    assert heard == [bytes(frame.data) for frame in frames]

"""What arrives is split where frames end, however it comes, and what is written is what a parser reads."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from evalkit.websocket_frames import FrameSplitter, Piece, client_frames, server_frames

_LENGTHS = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536])
_DATA = _LENGTHS.map(lambda length: b"x" * length)
_DATA_FRAMES = st.builds(Frame, st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), _DATA, st.booleans())
_PINGS = st.builds(Frame, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125))
_MAX_BYTES = 65_535
# Who reads: a client reads frames without a mask, a server frames with one.
_READERS = pytest.mark.parametrize("reader", [Side.CLIENT, Side.SERVER])


def _sent(frame: Frame, reader: Side) -> bytes:
    return frame.serialize(mask=reader is Side.SERVER)


def _split(arrived: bytes, cuts: list[int], reader: Side) -> list[Piece]:
    splitter = FrameSplitter(_MAX_BYTES, masked=reader is Side.SERVER)
    edges = [0, *sorted(cut % (len(arrived) + 1) for cut in cuts), len(arrived)]
    return [piece for start, end in itertools.pairwise(edges) for piece in splitter.split(arrived[start:end])]


def _text(piece: Piece, reader: Side) -> bytes:
    return piece.unmasked_text if reader is Side.SERVER else piece.text


@_READERS
@given(frames=st.lists(_DATA_FRAMES | _PINGS, max_size=6), cuts=st.lists(st.integers(0, 400_000), max_size=5))
def test_frames_are_told_apart_however_they_arrive(reader: Side, frames: list[Frame], cuts: list[int]) -> None:
    """Joined, the pieces are what arrived; a text piece is a whole final text frame; no piece holds two frames."""
    sent = [_sent(frame, reader) for frame in frames]
    pieces = _split(b"".join(sent), cuts, reader)
    assert b"".join(piece.data for piece in pieces) == b"".join(sent)
    texts = [data for frame, data in zip(frames, sent, strict=True) if frame.opcode is Opcode.TEXT and frame.fin]
    assert all(piece.data in texts for piece in pieces if piece.text_at)
    ends = set(itertools.accumulate(map(len, sent)))
    starts = itertools.accumulate((len(piece.data) for piece in pieces), initial=0)
    for start, piece in zip(starts, pieces, strict=False):
        assert not any(start < end < start + len(piece.data) for end in ends)


@_READERS
@given(messages=st.lists(_DATA, min_size=1, max_size=5))
def test_whole_text_frames_are_known(reader: Side, messages: list[bytes]) -> None:
    """What comes whole in one read is told to be text, with the place of the text, up to the limit."""
    arrived = (client_frames if reader is Side.SERVER else server_frames)(messages)
    pieces = _split(arrived, [], reader)
    known = [_text(piece, reader) for piece in pieces if piece.text_at]
    assert known == [message for message in messages if len(message) <= _MAX_BYTES]
    assert len(pieces) == len(messages)


@_READERS
@pytest.mark.parametrize("frame", [Frame(Opcode.TEXT, b"part", fin=False), Frame(Opcode.TEXT, b"", rsv1=True)])
def test_other_text_is_the_librarys(reader: Side, frame: Frame) -> None:
    """A fragment, or one that an extension has changed, is none."""
    plain = _sent(Frame(Opcode.TEXT, frame.data), reader)
    head = (0x80 * frame.fin) | (0x40 * frame.rsv1) | frame.opcode
    assert [piece.text_at for piece in _split(bytes([head]) + plain[1:], [], reader)] == [0]


@_READERS
def test_a_mask_where_none_is_due_and_none_where_one_is(reader: Side) -> None:
    """That is left to the library, which refuses it."""
    wrong = Frame(Opcode.TEXT, b"bare").serialize(mask=reader is Side.CLIENT)
    assert [piece.text_at for piece in _split(wrong, [], reader)] == [0]


@_READERS
@given(cuts=st.lists(st.integers(0, 70_000), max_size=6))
def test_the_library_reads_what_is_left_to_it(reader: Side, cuts: list[int]) -> None:
    """Between pieces that are taken out, the library goes on where the frame before it ended."""
    kinds = [(Opcode.TEXT, b"a" * 300), (Opcode.PING, b"p"), (Opcode.TEXT, b"b"), (Opcode.BINARY, b"c")]
    frames = [Frame(opcode, data) for opcode, data in [*kinds, (Opcode.PONG, b"q")]]
    library, heard = Protocol(reader), list[bytes]()
    for piece in _split(b"".join(_sent(frame, reader) for frame in frames), cuts, reader):
        if piece.text_at:
            heard.append(_text(piece, reader))
        else:
            library.receive_data(piece.data)
            heard += [bytes(event.data) for event in library.events_received() if isinstance(event, Frame)]
    assert heard == [bytes(frame.data) for frame in frames]


@_READERS
@given(messages=st.lists(_DATA, max_size=4))
def test_what_is_written_is_read(reader: Side, messages: list[bytes]) -> None:
    """By the library, message by message."""
    library = Protocol(reader)
    library.receive_data((client_frames if reader is Side.SERVER else server_frames)(messages))
    events = [event for event in library.events_received() if isinstance(event, Frame)]
    assert [(event.opcode, event.fin, bytes(event.data)) for event in events] == [
        (Opcode.TEXT, True, message) for message in messages
    ]


def test_no_mask_is_used_twice() -> None:
    """Also where more are needed than are drawn at a time."""
    frames = client_frames([b"same"] * 1500)
    masks = [frames[start + 2 : start + 6] for start in range(0, len(frames), 10)]
    assert len(set(masks)) > 1490  # of 2**32, some may be equal by chance

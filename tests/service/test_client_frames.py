"""A client's frames are told apart however they arrive; only whole text messages are taken out."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.protocol import Protocol, Side

from evalkit.service.client_frames import Arrived, ClientFrames

_MAX_BYTES = 1000
_DATA = st.sampled_from([0, 5, 125, 126, 999, 1000, 1001, 65_535, 65_536]).map(lambda length: b"y" * length)
_FRAMES = st.one_of(
    st.builds(Frame, st.just(Opcode.TEXT), _DATA, st.booleans()),
    st.builds(Frame, st.sampled_from([Opcode.BINARY, Opcode.CONT]), _DATA, st.booleans()),
    st.builds(Frame, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)),
)


def _split(stream: bytes, cuts: list[int]) -> list[Arrived]:
    frames = ClientFrames(_MAX_BYTES)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [arrived for start, end in itertools.pairwise(edges) for arrived in frames.split(stream[start:end])]


def _text(arrived: Arrived) -> bytes:
    return bytes(apply_mask(arrived.data[arrived.text_at :], arrived.data[arrived.text_at - 4 : arrived.text_at]))


@given(st.lists(_FRAMES, max_size=6), st.lists(st.integers(0, 200_000), max_size=5))
def test_nothing_is_lost_and_no_two_frames_are_mixed(frames: list[Frame], cuts: list[int]) -> None:
    """Joined it is what arrived, and every frame ends where something ends."""
    sent = [frame.serialize(mask=True) for frame in frames]
    arrived = _split(b"".join(sent), cuts)
    assert b"".join(each.data for each in arrived) == b"".join(sent)
    told = set(itertools.accumulate(len(each.data) for each in arrived))
    assert told >= set(itertools.accumulate(map(len, sent)))


@given(st.lists(_FRAMES, max_size=6))
def test_whole_messages_of_text_are_taken_out(frames: list[Frame]) -> None:
    """In what comes at once, these are all final text frames within the limit, and no others."""
    arrived = _split(b"".join(frame.serialize(mask=True) for frame in frames), [])
    wanted = [
        bytes(frame.data)
        for frame in frames
        if frame.opcode is Opcode.TEXT and frame.fin and len(frame.data) <= _MAX_BYTES
    ]
    assert [_text(each) for each in arrived if each.text_at] == wanted


@given(st.lists(st.integers(0, 2000), max_size=6))
def test_the_parser_goes_on_between_them(cuts: list[int]) -> None:
    """Whatever is not taken out reaches it in order, so that all is heard once."""
    frames = [
        Frame(Opcode.TEXT, b"a" * 400),
        Frame(Opcode.PING, b""),
        Frame(Opcode.TEXT, b"b"),
        Frame(Opcode.BINARY, b"c"),
    ]
    parser, heard = Protocol(Side.SERVER), list[bytes]()
    for each in _split(b"".join(frame.serialize(mask=True) for frame in frames), cuts):
        if each.text_at:
            heard.append(_text(each))
        else:
            parser.receive_data(each.data)
            heard += [bytes(event.data) for event in parser.events_received() if isinstance(event, Frame)]
    assert heard == [bytes(frame.data) for frame in frames]


def test_text_without_a_mask_is_refused_by_the_parser() -> None:
    """A client must mask: what it does not is left to who closes the connection for it."""
    assert [each.text_at for each in _split(Frame(Opcode.TEXT, b"bare").serialize(mask=False), [])] == [0]

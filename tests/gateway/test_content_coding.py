"""Packed bodies, whole and in pieces."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.gateway.content_coding import CodingError, Unpacker, unpack


def _deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


_PACKERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "Deflate": _deflate}


@given(body=st.binary(max_size=300), name=st.sampled_from(sorted(_PACKERS)), size=st.integers(1, 50))
def test_what_was_packed_is_unpacked_in_any_pieces(body: bytes, name: str, size: int) -> None:
    """gzip, deflate with its header and without."""
    packed = _PACKERS[name](body)
    unpacker = Unpacker(name)
    given_out = b"".join(
        piece for place in range(0, len(packed), size) for piece in unpacker.feed(packed[place : place + size])
    )
    unpacker.finish()
    assert given_out == body
    assert unpack(name, packed, 300) == body


def test_a_body_that_is_not_packed_passes() -> None:
    """Nothing is looked at."""
    assert unpack("", b"abc", 3) == b"abc"
    assert unpack("identity", b"", 3) == b""
    assert not Unpacker("identity").is_packed


def test_a_small_body_that_unpacks_to_a_large_one_is_stopped_early() -> None:
    """Pieces are small, so that whoever counts can stop."""
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    pieces = Unpacker("gzip").feed(bomb)
    assert len(next(pieces)) <= 256 * 1024
    assert unpack("gzip", bomb, 1_000_000) is None


@pytest.mark.parametrize(
    ("name", "body"),
    [("gzip", b"not packed"), ("deflate", b"\xff\xff\xff\xff"), ("gzip", gzip.compress(b"x" * 99, mtime=0)[:15])],
)
def test_what_is_not_packed_as_it_says_is_an_error(name: str, body: bytes) -> None:
    """Garbage, and a body that ends too soon."""
    with pytest.raises(CodingError):
        unpack(name, body, 1000)


@pytest.mark.parametrize("name", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_other_codings_are_refused_by_name(name: str) -> None:
    """The message says which are understood."""
    with pytest.raises(CodingError, match="expected gzip, deflate or identity"):
        Unpacker(name)

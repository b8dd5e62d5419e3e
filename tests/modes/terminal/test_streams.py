# ruff: noqa: ASYNC240 - nothing is waited for
"""What a process writes is read as it comes, and no further than it may."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from boxes.needs import needs_linux

from evalkit.modes.terminal.streams import OutputReader, open_nothing


@needs_linux
async def test_a_reader_keeps_so_much_and_counts_the_rest() -> None:
    """The limit counts from where it was last taken."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    reader = OutputReader(4)
    os.write(reader.their_end, b"abcdef")
    await asyncio.sleep(0.01)
    assert (bytes(reader.data), reader.seen, reader.is_flood) == (b"abcd", 6, True)
    assert reader.first_s is not None
    assert reader.take() == b"abcd"
    assert (reader.is_flood, reader.first_s) == (False, None)
    os.write(reader.their_end, b"gh")
    reader.release()
    await asyncio.wait_for(reader.ended.wait(), 5)
    assert bytes(reader.data) == b"gh"
    reader.close()
    reader.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_nothing_can_be_read_from_nothing() -> None:
    """An agent that asks for more words gets the end."""
    descriptor = open_nothing()
    assert os.read(descriptor, 10) == b""
    os.close(descriptor)

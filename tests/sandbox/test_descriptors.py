"""Descriptors of a box."""

import os

import pytest
from boxes.attacks import open_descriptors
from boxes.needs import needs_linux

from evalkit.sandbox.descriptors import Descriptors

pytestmark = needs_linux


def test_all_are_closed_whatever_happens() -> None:
    """An error between opening and closing leaves nothing open."""
    before = open_descriptors()
    with pytest.raises(KeyboardInterrupt), Descriptors() as descriptors:  # noqa: PT012
        reads, writes = descriptors.pipe()
        descriptors.memory(b"x")
        descriptors.close(writes)
        descriptors.close(writes)
        assert os.read(reads, 1) == b""
        raise KeyboardInterrupt
    assert open_descriptors() == before


def test_memory_reads_from_its_beginning_and_is_not_inherited() -> None:
    """Large content too, which no pipe would hold."""
    content = os.urandom(300_000)
    with Descriptors() as descriptors:
        descriptor = descriptors.memory(content)
        assert not os.get_inheritable(descriptor)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            assert file.read() == content

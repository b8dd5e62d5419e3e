"""Which addresses are this machine's own."""

from __future__ import annotations

import pytest

from evalkit.settings.hosts import is_this_machine


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("ws://127.0.0.1:8080/v1", True),
        ("http://127.8.9.1/v1", True),
        ("http://[::1]:80/v1", True),
        ("https://localhost/v1", True),
        ("wss://api.example.com/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
        ("http://localhost@example.com/v1", False),
        ("http://10.0.0.7/v1", False),
        ("nothing", False),
    ],
)
def test_only_loopback_is_this_machine(url: str, own: bool) -> None:
    """A name that only looks like it is somebody else's."""
    assert is_this_machine(url) is own

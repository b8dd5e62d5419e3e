"""A server answers to its own names and port, and to no name that somebody made point here."""

from __future__ import annotations

import socket

import pytest

from evalkit.settings.addresses import Addresses, is_loopback


@pytest.mark.parametrize(
    ("host", "header", "answers"),
    [
        ("127.0.0.1", "127.0.0.1:8321", True),
        ("127.0.0.1", "LOCALHOST:8321", True),
        ("127.0.0.1", "[::1]:8321", True),
        ("127.0.0.1", "localhost", False),
        ("127.0.0.1", "localhost:8322", False),
        ("127.0.0.1", "evil.test:8321", False),
        ("127.0.0.1", "127.0.0.1.evil.test:8321", False),
        ("127.0.0.1", "127.0.0.1:8321@evil.test", False),
        ("127.0.0.1", "user@127.0.0.1:8321", False),
        ("127.0.0.1", "127.0.0.1:8321:8321", False),
        ("127.0.0.1", "127.0.0.1:+8321", False),
        ("127.0.0.1", "127.0.0.1:٨٣٢١", False),
        ("127.0.0.1", "127.0.0.1:" + "8" * 5000, False),
        ("127.0.0.1", "::1:8321", False),
        ("127.0.0.1", "2130706433:8321", False),
        ("127.0.0.1", "10.0.0.1:8321", False),
        ("127.0.0.1", "localhost.:8321", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", ":8321", False),
        ("::1", "[::1]:8321", True),
        ("lab.example", "lab.example:8321", True),
        ("lab.example", "localhost:8321", False),
        ("0.0.0.0", "10.1.2.3:8321", True),
        ("0.0.0.0", "[fe80::1]:8321", True),
        ("0.0.0.0", "evil.test:8321", False),
        ("0.0.0.0", f"{socket.gethostname()}:8321", True),
    ],
)
def test_only_its_own_addresses(host: str, header: str, answers: bool) -> None:
    """A server that listens everywhere takes addresses in figures: no name can be made to point to those."""
    assert Addresses(host, 8321).answers_to(header) is answers


def test_the_port_of_the_web_need_not_be_named() -> None:
    """A browser leaves it out."""
    assert Addresses("127.0.0.1", 80).answers_to("localhost")
    assert Addresses("::1", 80).answers_to("[::1]")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8321"),
        ("::1", "http://[::1]:8321"),
        ("0.0.0.0", f"http://{socket.gethostname()}:8321"),
        ("::", f"http://{socket.gethostname()}:8321"),
    ],
)
def test_where_it_is_reached(host: str, url: str) -> None:
    """It answers to what it says."""
    addresses = Addresses(host, 8321)
    assert addresses.url == url
    assert addresses.answers_to(url.removeprefix("http://"))


@pytest.mark.parametrize(
    ("host", "is_it"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("lab.example", False), ("", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(host: str, is_it: bool) -> None:
    """A lab demands its token at all other addresses."""
    assert is_loopback(host) is is_it

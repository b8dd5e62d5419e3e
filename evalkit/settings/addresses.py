"""Under which names a server may be asked: a name that somebody else makes point here is not one of them."""

from __future__ import annotations

import ipaddress
import socket
from functools import cached_property

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HTTP_PORT = 80


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Addresses:
    """The addresses at which a server answers that listens at `host`, a name or an address, and `port`."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end; one that listens everywhere by this machine's name."""
        host = self._host
        if _is_everywhere(host):
            host = socket.gethostname()
        return f"http://{_bracketed(host)}:{self._port}"

    def answers_to(self, header: str) -> bool:
        """Tell whether a request with the Host `header` was meant for this server, the port included."""
        name, port = _split(header.lower())
        if port != self._port or not name:
            return False
        return name in self._names or (self._is_everywhere and _is_address(name))

    @cached_property
    def _is_everywhere(self) -> bool:
        return _is_everywhere(self._host)

    @cached_property
    def _names(self) -> frozenset[str]:
        host = self._host.lower()
        if is_loopback(host):
            return _LOOPBACK_NAMES | {_bracketed(host)}
        if self._is_everywhere:
            return _LOOPBACK_NAMES | {socket.gethostname().lower(), socket.getfqdn().lower()}
        return frozenset({_bracketed(host)})


def _is_everywhere(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")  # noqa: S104  compared with, not listened at


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return name.startswith("[") == (":" in name)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _split(header: str) -> tuple[str, int]:
    name, separator, port = header.rpartition(":")
    if not separator or port.endswith("]"):
        return header, _HTTP_PORT
    return (name, int(port)) if port.isascii() and port.isdigit() and len(port) <= len("65535") else ("", 0)

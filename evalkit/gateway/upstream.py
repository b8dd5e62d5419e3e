"""The provider behind the gateway: its address and key, and which headers and paths go to it and come from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus, urlsplit

from evalkit.errors import ConfigError
from evalkit.gateway.key_filter import KeyFilter
from evalkit.gateway.protocols import ModelProtocol, key_headers

_HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})
_NOT_SENT = frozenset(
    {
        "host", "content-length", "content-encoding", "accept-encoding", "expect", "forwarded", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "openai-organization", "openai-project",
        "x-goog-user-project",
    }
)  # fmt: skip
_NOT_PASSED_ON = frozenset(
    {
        "content-length", "content-encoding", "set-cookie", "alt-svc", "strict-transport-security", "location",
        "server", "openai-organization", "openai-project", "anthropic-organization-id",
    }
)  # fmt: skip
_KEY_PARAMETERS = frozenset({"key", "api_key", "api-key", "access_token"})
_VERSION = re.compile(r"/v\d+[a-z0-9]*(?=/|$)")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Upstream:
    """A provider, whichever of the four protocols it is asked in.

    Attributes:
        base_url: An HTTP(S) URL. A version in its path (``/v1``, ``/v1beta/openai``, ``/api/paas/v4``) stands in place
            of the one that requests begin with; without one, paths are appended as they are.
        api_key: The real key; None: requests go without one. It never shows in the object's text.
        headers: Sent with every request. One that holds a credential replaces the key's own, and is as secret.
        timeout_s: How long the provider may be silent within one request, in seconds.

    Raises:
        ConfigError: The URL is not one, or the key cannot be a key.

    """

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        """Refuse what cannot be an address or a key."""
        where = "the gateway's base_url"
        try:
            parts = urlsplit(self.base_url)
            _ = parts.port
        except ValueError as error:
            raise ConfigError(f"{where} is not a URL ({error}); expected for example https://host/v1") from None
        if parts.username is not None or parts.password is not None:
            raise ConfigError(f"{where} must not hold a user name or password; give the key apart from it")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError(f"{where} is {self.base_url!r}; expected an HTTP address without ? and #")
        if self.api_key is not None and not _HEADER_VALUE.fullmatch(self.api_key):
            raise ConfigError("the gateway's key holds a space, a line break or a letter outside ASCII; set it again")

    @property
    def key_filter(self) -> KeyFilter:
        """What takes every secret of this provider out of what it says."""
        hidden = [value.split()[-1] for name, value in self.headers.items() if _is_secret(name) and value.split()]
        return KeyFilter([*([self.api_key] if self.api_key else []), *hidden])

    @property
    def has_key(self) -> bool:
        """Whether requests go out with a credential."""
        return bool(self.api_key) or any(name.lower() in _CREDENTIALS for name in self.headers)

    def url_for(self, path: str, query: str) -> str:
        """Return the URL of a request: `path` begins with a slash, `query` is without keys or empty."""
        base = self.base_url.rstrip("/")
        if _VERSION.search(urlsplit(base).path) and (found := _VERSION.match(path)):
            path = path[found.end() :]
        return base + path + (f"?{query}" if query else "")

    def request_headers(self, protocol: ModelProtocol, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers to send: the agent's own without its credentials, then the real ones.

        Args:
            protocol: Decides which header the key goes into.
            headers: The agent's headers, names in lower case.

        """
        ours = {name.lower(): value for name, value in self.headers.items()}
        if self.api_key and not _CREDENTIALS & ours.keys():
            ours |= key_headers(protocol, self.api_key)
        ours["accept-encoding"] = "identity"
        kept = _without(headers, _CREDENTIALS | _NOT_SENT | ours.keys())
        return [*kept, *ours.items()]


def answer_headers(headers: Iterable[tuple[str, str]], key_filter: KeyFilter) -> list[tuple[str, str]]:
    """Return the headers of an answer that go to the agent; `headers` have names in lower case."""
    return [(name, key_filter.text(value)) for name, value in _without(headers, _NOT_PASSED_ON)]


def query_without_key(query: str) -> str:
    """Return a query string without the parameters that hold keys, and otherwise as it was."""
    return "&".join(
        pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]).lower() not in _KEY_PARAMETERS
    )


def _without(headers: Iterable[tuple[str, str]], names: Iterable[str]) -> list[tuple[str, str]]:
    listed = list(headers)
    named = {word.strip().lower() for name, value in listed if name == "connection" for word in value.split(",")}
    dropped = _HOP_BY_HOP | named | set(names)
    return [(name, value) for name, value in listed if name not in dropped]


def _is_secret(name: str) -> bool:
    return name.lower() in _CREDENTIALS or "key" in name.lower() or "token" in name.lower()

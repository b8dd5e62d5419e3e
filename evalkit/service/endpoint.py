"""Any OpenAI-compatible audio endpoint, for a speech or transcription engine that is somewhere else.

The key stays in the environment: the service is told the variable's name, reads it when it starts, and writes
it nowhere.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evalkit.errors import ConfigError, EvalkitError

if TYPE_CHECKING:
    import httpx2

_TIMEOUT_S = 60.0
_SHOWN_CHARS = 300
_CREDENTIALS = re.compile(r"//[^/?#\s]*@")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class RemoteEndpoint:
    """Where a remote engine is.

    Attributes:
        base_url: For example ``http://127.0.0.1:8000/v1``.
        model: The model to ask for.
        key: The key to send; None sends none.

    """

    base_url: str
    model: str
    key: str | None = field(default=None, repr=False)

    def post(self, path: str, **request: object) -> httpx2.Response:
        """Send a request below `base_url` and return its successful answer; raises :class:`EvalkitError`."""
        import httpx2

        headers = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        url = self.base_url.rstrip("/") + path
        try:
            answer = httpx2.post(url, headers=headers, timeout=_TIMEOUT_S, **request)  # type: ignore[arg-type]
        except httpx2.HTTPError as error:
            raise EvalkitError(f"{url}: {type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise EvalkitError(f"{url}: status {answer.status_code}: {answer.text[:_SHOWN_CHARS]}")
        return answer


def endpoint(role: str, base_url: str | None, model: str | None, api_key_env: str | None) -> RemoteEndpoint:
    """Return where `role` (``speech`` or ``transcription``) is; raises :class:`ConfigError` for what is missing."""
    wanted = f"needed for service.{role}=openai"
    problems = [
        *find_url_problems("service.base_url (--base-url)", base_url, f"{wanted}; name the endpoint, ending in /v1"),
        *find_key_problems("service.api_key_env (--api-key-env)", api_key_env),
    ]
    if model is None:
        problems.append(f"service.{role}_model (--{role}-model): {wanted}; name a model of that endpoint")
    if base_url is None or model is None or problems:
        raise ConfigError(problems)
    return RemoteEndpoint(base_url, model, read_key(api_key_env))


def find_url_problems(setting: str, url: str | None, wanted: str) -> list[str]:
    """Return what is wrong with the `url` of an endpoint; one that may hold a password is not shown.

    Args:
        setting: What names it, for the messages.
        url: The URL; None: there is none.
        wanted: What to say then.

    """
    if url is None:
        return [f"{setting}: {wanted}"]
    if _CREDENTIALS.search(url):
        remedy = "put the key into an environment variable, and name that"
        return [f"{setting}: must not hold a user name or password (the value is not shown); {remedy}"]
    try:
        place = urlsplit(url)
        is_one, why = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0, repr(url)
    except ValueError as error:
        is_one, why = False, str(error)
    shown = "the value is not shown" if "@" in url else why
    return [] if is_one else [f"{setting}: is not a URL ({shown}); expected for example http://127.0.0.1:8000/v1"]


def find_key_problems(setting: str, variable: str | None) -> list[str]:
    """Return what is wrong with the environment variable that holds a key; neither it nor a key in its place is shown.

    Args:
        setting: What names it, for the messages.
        variable: Its name; None: no key is wanted.

    """
    if variable is None:
        return []
    if not _VARIABLE.fullmatch(variable):
        return [f"{setting}: is not the name of an environment variable; name the variable, never the key (not shown)"]
    key = read_key(variable)
    if key is None:
        return [f"{setting}: the environment variable {variable} is not set"]
    if not _HEADER_VALUE.fullmatch(key):
        held = f"the variable {variable} holds a space, a line break or a letter outside ASCII"
        return [f"{setting}: {held}, so it cannot be a key (the value is not shown)"]
    return []


def read_key(variable: str | None) -> str | None:
    """Return the key in an environment variable; None where none is named, or it is empty."""
    return None if variable is None else os.environ.get(variable, "").strip() or None


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

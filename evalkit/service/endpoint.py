"""Any OpenAI-compatible audio endpoint, for a speech or transcription engine that is somewhere else.

The key stays in the environment: the service is told the variable's name, reads it when it starts, and writes
it nowhere.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, EvalkitError

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S = 60.0
_SHOWN_CHARS = 300


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

    def post(self, path: str, **request: object) -> httpx.Response:
        """Send a request below `base_url` and return its successful answer; raises :class:`EvalkitError`."""
        import httpx

        headers = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        url = self.base_url.rstrip("/") + path
        try:
            answer = httpx.post(url, headers=headers, timeout=_TIMEOUT_S, **request)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            raise EvalkitError(f"{url}: {type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise EvalkitError(f"{url}: status {answer.status_code}: {answer.text[:_SHOWN_CHARS]}")
        return answer


def endpoint(role: str, base_url: str | None, model: str | None, api_key_env: str | None) -> RemoteEndpoint:
    """Return where `role` (``speech`` or ``transcription``) is; raises :class:`ConfigError` for what is missing."""
    problems = []
    if base_url is None:
        problems.append(f"service.base_url: needed for service.{role}=openai; name the endpoint, ending in /v1")
    if model is None:
        problems.append(f"service.{role}_model: needed for service.{role}=openai; name a model of that endpoint")
    key = None if api_key_env is None else os.environ.get(api_key_env)
    if api_key_env is not None and not key:
        problems.append(f"service.api_key_env: the environment variable {api_key_env} is not set")
    if base_url is None or model is None or problems:
        raise ConfigError(problems)
    return RemoteEndpoint(base_url, model, key)


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

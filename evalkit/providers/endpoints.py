"""Endpoints: a provider's address, and how requests to it are authenticated.

========== =========================================== ======================
name       base_url                                    header with the key
========== =========================================== ======================
local      http://127.0.0.1:PORT/v1 (embedded)         none
openai     https://api.openai.com/v1                   Authorization: Bearer
azure      https://RESOURCE.openai.azure.com/openai/v1 api-key
compatible any                                         Authorization: Bearer
========== =========================================== ======================

A realtime session is at the base URL's ``/realtime?model=…``, with ``ws`` for ``http``; with Azure the model is the
deployment's name. An Azure endpoint with an `api_version` is of the dated preview kind:
``/openai/realtime?api-version=…&deployment=…``, and over HTTP ``/openai/deployments/MODEL/audio/speech?api-version=…``.

A key is read from an environment mapping at the moment it is needed. A :class:`ProviderEndpoint` knows the variable's
name only, and no message here ever contains a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from evalkit.errors import ConfigError

_AZURE_PATH = re.compile(r"/openai(/v1)?$")
# What Azure's dated versions ask without the name of a deployment in the path.
_WITHOUT_DEPLOYMENT = frozenset({"/responses"})
_SAFE_IN_A_SEGMENT = "!$&'()*+,;=:@"
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class ProviderEndpoint:
    """One place that speaks the OpenAI protocol.

    Attributes:
        name: ``local``, ``openai``, ``azure`` or ``compatible``.
        base_url: HTTP(S) URL that ends in the API version; empty while the embedded provider is not running.
        api_key_env: The environment variable that holds the key; None: no key is sent.
        api_version: Azure only: a dated preview version.
        identity: What caches know it by, for example ``local:hibari``; empty: by its URL. Needed where the URL
            has a port that changes.

    """

    name: str
    base_url: str
    api_key_env: str | None = None
    api_version: str | None = None
    identity: str = ""

    @property
    def cache_identity(self) -> str:
        """The name that stays the same from run to run."""
        return self.identity or self.base_url.rstrip("/")

    @property
    def is_azure(self) -> bool:
        """Whether it speaks Azure's dialect of URLs and headers."""
        return self.name == "azure"

    @property
    def is_preview(self) -> bool:
        """Whether it has the URLs of Azure's dated preview versions."""
        return self.is_azure and self.api_version is not None


def find_url_problems(endpoint: ProviderEndpoint) -> list[str]:
    """Return what is wrong with the base URL, as messages; an empty one is not checked."""
    if not endpoint.base_url:
        return []
    where = f"provider {endpoint.name}: base_url"
    try:
        parts = urlsplit(endpoint.base_url)
        _ = parts.port
    except ValueError as error:
        return [f"{where}: is not a URL ({error}); expected for example https://host:8080/v1"]
    if parts.username is not None or parts.password is not None:
        return [f"{where}: must not hold a user name or password; put the key into a variable named by api_key_env"]
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return [f"{where}: {endpoint.base_url!r} is not an HTTP address; expected for example https://host:8080/v1"]
    if parts.query or parts.fragment:
        return [f"{where}: {endpoint.base_url!r} must end with its path; remove what follows ? or #"]
    return []


def find_key_problems(endpoint: ProviderEndpoint, environ: Mapping[str, str]) -> list[str]:
    """Return a message when the key of `endpoint` is missing from `environ` or cannot be a key, else nothing."""
    name = endpoint.api_key_env
    if name is None:
        return []
    where = f"provider {endpoint.name}: the environment variable {name}"
    key = environ.get(name, "").strip()
    if not key:
        advice = (
            f"set it to your key (export {name}=..., or a line {name}=... in the file .env), "
            f"name another variable with provider.api_key_env, "
            f"or use provider=local, which needs no key"
        )
        return [f"{where} is {'empty' if name in environ else 'not set'}; {advice}"]
    if not _HEADER_VALUE.fullmatch(key):
        reason = "holds a space, a line break or a letter outside ASCII, so it cannot be a key"
        return [f"{where} {reason}; set it again (the value is not shown)"]
    return []


def read_key(endpoint: ProviderEndpoint, environ: Mapping[str, str]) -> str | None:
    """Return the key of `endpoint`, without surrounding white space; None when it needs none. Raises ConfigError."""
    problems = find_key_problems(endpoint, environ)
    if problems:
        raise ConfigError(problems)
    return environ[endpoint.api_key_env].strip() if endpoint.api_key_env is not None else None


def request_headers(endpoint: ProviderEndpoint, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that authenticate a request, of HTTP and of WebSockets. Raises ConfigError without a key."""
    key = read_key(endpoint, environ)
    if key is None:
        return {}
    return {"api-key": key} if endpoint.is_azure else {"Authorization": f"Bearer {key}"}


def http_base_url(endpoint: ProviderEndpoint) -> str:
    """Return the URL that HTTP paths such as ``/audio/speech`` are appended to. Raises ConfigError for a bad one.

    Azure's path may be left out: ``https://RESOURCE.openai.azure.com`` is completed. For a dated preview version the
    result ends before ``/openai``.
    """
    parts = _parse_base_url(endpoint)
    path = parts.path.rstrip("/")
    if endpoint.is_azure:
        path = _AZURE_PATH.sub("", path) + ("" if endpoint.is_preview else "/openai/v1")
    return parts._replace(path=path).geturl()


def request_url(endpoint: ProviderEndpoint, path: str, model: str) -> str:
    """Return the URL of a request to `path`, such as ``/audio/speech``, that is about `model`.

    Raises ConfigError for a bad base URL.
    """
    base_url = http_base_url(endpoint)
    if not endpoint.is_preview:
        return base_url + path
    deployment = "" if path in _WITHOUT_DEPLOYMENT else f"/deployments/{quote(model, safe=_SAFE_IN_A_SEGMENT)}"
    query = urlencode({"api-version": endpoint.api_version or ""}, quote_via=quote, safe="")
    return f"{base_url}/openai{deployment}{path}?{query}"


def realtime_url(endpoint: ProviderEndpoint, model: str) -> str:
    """Return the WebSocket URL of a realtime session with `model`. Raises ConfigError for a bad base URL."""
    if endpoint.is_preview:
        path, query = "/openai/realtime", {"api-version": endpoint.api_version or "", "deployment": model}
    else:
        path, query = "/realtime", {"model": model}
    parts = urlsplit(http_base_url(endpoint) + path)
    scheme = {"http": "ws", "https": "wss"}[parts.scheme]
    return parts._replace(scheme=scheme, query=urlencode(query, quote_via=quote, safe="")).geturl()


def redact(text: str, environ: Mapping[str, str], names: Iterable[str | None]) -> str:
    """Return `text` with the value of every variable in `names` replaced by the variable's name in brackets.

    For messages made by others. A value is also found where it was stripped, URL-quoted or escaped as in JSON.
    """
    found = {
        form: name
        for name in names
        if name is not None
        for value in (environ.get(name, ""), environ.get(name, "").strip())
        if value.strip()
        for form in (value, quote(value, safe="", errors="replace"), json.dumps(value)[1:-1])
    }
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, f"[{found[form]}]")
    return text


def _parse_base_url(endpoint: ProviderEndpoint) -> SplitResult:
    problems = find_url_problems(endpoint)
    if not endpoint.base_url:
        problems = [f"provider {endpoint.name}: base_url is empty; it needs the URL of an endpoint"]
    if problems:
        raise ConfigError(problems)
    return urlsplit(endpoint.base_url)

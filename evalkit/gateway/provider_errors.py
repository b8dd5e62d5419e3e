"""What a provider's error means, in the words of :data:`evalkit.records.faults.POLICIES`, whoever said it and how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.errors import printable
from evalkit.gateway.answers import as_list, as_object, whole_text
from evalkit.records.faults import POLICIES
from evalkit.records.http_failures import causes_of, retry_after_s

MESSAGE_CHARACTERS = 500

# Kinds that are nobody's trouble but the request's own, and are not in the table of policies.
_KINDS_OF_ITS_OWN = frozenset({"context_length_exceeded", "content_filter", "invalid_prompt"})
_BY_NAME: Mapping[str, str] = {
    # Anthropic
    "authentication_error": "authentication_failed",
    "permission_error": "authentication_failed",
    "billing_error": "insufficient_quota",
    "not_found_error": "not_found",
    "rate_limit_error": "rate_limited",
    "api_error": "server_error",
    "overloaded_error": "server_error",
    "timeout_error": "server_error",
    "invalid_request_error": "invalid_request",
    "request_too_large": "invalid_request",
    # OpenAI
    "invalid_api_key": "authentication_failed",
    "rate_limit_exceeded": "rate_limited",
    "tokens": "rate_limited",
    "requests": "rate_limited",
    # Google
    "UNAUTHENTICATED": "authentication_failed",
    "PERMISSION_DENIED": "authentication_failed",
    "API_KEY_INVALID": "authentication_failed",
    "RESOURCE_EXHAUSTED": "rate_limited",
    "NOT_FOUND": "not_found",
    "INVALID_ARGUMENT": "invalid_request",
    "FAILED_PRECONDITION": "invalid_request",
    "INTERNAL": "server_error",
    "UNAVAILABLE": "server_error",
    "DEADLINE_EXCEEDED": "server_error",
}
_STATUS = re.compile(r"[45]\d\d")
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


@dataclass(frozen=True)
class ProviderError:
    """One failure of the provider, or of the way to it.

    Attributes:
        kind: A kind of :data:`evalkit.records.faults.POLICIES`, ``redirected``, or the provider's own word.
        message: What happened, for a person, on one line.
        retry_after_s: What the provider asked to wait before trying again, when it did.

    """

    kind: str
    message: str
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        """Make it printable and bounded."""
        said = printable(whole_text(self.message))
        cut = said if len(said) <= MESSAGE_CHARACTERS else f"{said[:MESSAGE_CHARACTERS]}…"
        object.__setattr__(self, "message", cut)
        object.__setattr__(self, "kind", printable(whole_text(self.kind))[:80])


def error_of_status(status: int, headers: Mapping[str, str], body: str, *, has_key: bool) -> ProviderError | None:
    """Return what an HTTP answer with `status` means; None where it is no error.

    Args:
        status: The HTTP status.
        headers: The answer's headers, names in lower case.
        body: The answer's body; what can be read of it is.
        has_key: Whether the request came with a key.

    """
    if status < 300:
        return None
    error = _error_object(body)
    said = str(error.get("message") or body.strip()[:200] or "no words")
    if status < 400:
        where = headers.get("location", "elsewhere")
        return ProviderError("redirected", f"the provider redirects to {where}; put that into base_url")
    wait_s = _waits_s(error, headers)
    kind = _kind_of_status(status, error)
    if kind == "authentication_failed":
        # The provider's own words often quote the key, so they are not repeated.
        said = "the key" if has_key else "a request without a key"
        return ProviderError(kind, f"the provider refused {said} (HTTP {status})")
    return ProviderError(kind, f"HTTP {status}: {said}", wait_s)


def error_in_answer(error: Mapping[str, Any], *, has_key: bool) -> ProviderError:
    """Return what the `error` object of an answer means whose status had said that all was well."""
    code = str(error.get("code") or "")
    if _STATUS.fullmatch(code):
        found = error_of_status(int(code), {}, json.dumps({"error": error}, default=str), has_key=has_key)
        if found is not None:
            return found
    kind = next(_named_kinds(error), "server_error")
    if kind == "authentication_failed":
        return ProviderError(kind, "the provider refused the key while it answered")
    said = error.get("message") or code or "no words"
    return ProviderError(kind, f"the provider failed while it answered: {said}", _waits_s(error, {}))


def error_of_exception(error: Exception, timeout_s: float) -> ProviderError:
    """Return what an exception of the HTTP library means, without any address or key in it."""
    chain = [error, *causes_of(error)]
    names = [type(cause).__name__ for cause in chain]
    if "ConnectTimeout" in names:
        return ProviderError("connect_timeout", "the provider could not be reached in time")
    if any("Timeout" in name for name in names):
        return ProviderError("request_timeout", f"the provider was silent for {timeout_s:g} s")
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return ProviderError("connection_refused", "nothing listens at the provider's address")
    if "DecodingError" in names or (names[0] == "RemoteProtocolError" and not _is_cut(str(error))):
        return ProviderError("invalid_response", f"the provider answered with something unreadable: {error}")
    if {"RemoteProtocolError", "ReadError", "WriteError"} & set(names):
        return ProviderError("connection_closed", "the provider ended the connection")
    return ProviderError("connection_failed", f"the provider could not be reached: {error or names[0]}")


def _kind_of_status(status: int, error: Mapping[str, Any]) -> str:
    named = list(_named_kinds(error))
    if status in (401, 403) or "authentication_failed" in named:
        details = error.get("metadata")
        if status == 403 and isinstance(details, Mapping) and {"reasons", "flagged_input"} & set(details):
            return "input_flagged"
        return "authentication_failed"
    if status == 402 or "insufficient_quota" in named:
        return "insufficient_quota"
    if status == 429:
        return "rate_limited"
    if status >= 500 or status in (408, 409):
        return "server_error"
    specific = (kind for kind in named if kind not in ("invalid_request", "server_error"))
    return next(specific, "not_found" if status == 404 else "invalid_request")


def _named_kinds(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the kinds that the words of an error object stand for, the most telling first."""
    details = [as_object(detail).get("reason") for detail in as_list(error.get("details"))]
    for word in (*details, error.get("code"), error.get("type"), error.get("status")):
        if not isinstance(word, str):
            continue
        if word in _BY_NAME:
            yield _BY_NAME[word]
        elif word in POLICIES or word in _KINDS_OF_ITS_OWN:
            yield word


def _error_object(body: str) -> Mapping[str, Any]:
    """Return the error in a body: an object, a text, or the first item of a list of such bodies, as Google sends."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, list):
        value = value[0] if value else {}
    error = as_object(value).get("error", value)
    return error if isinstance(error, Mapping) else {"message": str(error)}


def _waits_s(error: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Return the wait that the headers ask for, else the one in the error's ``metadata`` or ``details``."""
    wait = retry_after_s(headers)
    if wait is not None:
        return wait
    passed_on = as_object(as_object(error.get("metadata")).get("headers"))
    wait = retry_after_s({str(name).lower(): str(value) for name, value in passed_on.items()})
    if wait is not None:
        return wait
    delays: Sequence[str] = [str(as_object(one).get("retryDelay", "")) for one in as_list(error.get("details"))]
    return next((float(found[1]) for delay in delays if (found := _DELAY.fullmatch(delay))), None)


def _is_cut(said: str) -> bool:
    return "disconnected" in said or "closed connection" in said or "incomplete" in said

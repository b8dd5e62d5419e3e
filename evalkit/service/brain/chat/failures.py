"""What a chat endpoint did wrong, as a failure of the response it was asked for, in the protocol's words.

No message has the key in it, nor what an endpoint says of one that it refuses.

=================================== ===========================================================
what happened                       `code`
=================================== ===========================================================
HTTP 401, 403                       ``invalid_api_key``
HTTP 402, a spent quota             ``insufficient_quota``
HTTP 429                            ``rate_limit_exceeded``
HTTP 404, a redirection             ``model_not_found``, ``not_found``
HTTP 408, 409, 5xx                  ``server_error``
any other refusal                   the endpoint's own code, else ``invalid_request``
an error inside a stream            the same, by its code
silence                             ``connect_timeout``, ``request_timeout``
no connection, or a broken one      ``connection_refused``, ``connection_failed``, ``connection_closed``
too much                            ``answer_too_large``
no chat completion                  ``invalid_response``
a filter of the endpoint's          ``content_filter``
=================================== ===========================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evalkit.service.bad_request import BadRequest

_SHOWN_CHARACTERS = 400
_STATUS = re.compile(r"[1-5]\d\d")
_CODE = re.compile(r"[a-z][a-z0-9_]{2,63}")
_TOOLS = re.compile(r"\btools?\b|\btool_choice\b|\bfunction[ _-]call", re.IGNORECASE)
_OUR_MESSAGES = re.compile(r"schema for function|tool_call_id|messages with role|messages\[|messages\.", re.IGNORECASE)
_FORMAT = re.compile(r"response_format|json_schema|structured|\bschema\b|grammar", re.IGNORECASE)
_REFUSALS = (400, 404, 405, 415, 422, 500, 501)


class BrainFailure(BadRequest):
    """A chat endpoint has not made the reply; the response fails as `code`, the session goes on.

    Args:
        message: What happened, where, and what to do.
        code: The kind of failure, by which clients tell whose it is.
        status: The HTTP status that tells the same.
        said_status: The endpoint's own HTTP status; None: it sent none.

    """

    def __init__(self, message: str, code: str, *, status: int = 502, said_status: int | None = None) -> None:
        self.said_status = said_status
        super().__init__(message, code=code, status=status, kind="upstream_error")

    @property
    def refuses_tools(self) -> bool:
        """Whether the endpoint says that its model takes no tools."""
        if self.said_status not in _REFUSALS or _OUR_MESSAGES.search(self.message):
            return False
        return bool(_TOOLS.search(self.message))

    @property
    def refuses_format(self) -> bool:
        """Whether the endpoint says that it takes no JSON schema."""
        return self.said_status in _REFUSALS and bool(_FORMAT.search(self.message))

    def refuses(self, parameter: str) -> bool:
        """Whether the endpoint names `parameter` as what it does not take."""
        return self.said_status in _REFUSALS and parameter in self.message


def _meaning(status: int, code: str, said: str) -> tuple[str, int]:
    """Return the kind of failure that a status tells of, and the status that the service tells it with."""
    if status == 402 or code == "insufficient_quota":
        return "insufficient_quota", 429
    if status == 429:
        return "rate_limit_exceeded", 429
    if status == 404:
        return "model_not_found" if "model" in said.lower() else "not_found", 404
    if status < 400:
        return "not_found", 502
    if status >= 500 or status in (408, 409):
        return "server_error", 502
    return code or "invalid_request", 400


@dataclass(frozen=True)
class FailureTeller:
    """Words the failures of one endpoint.

    Attributes:
        place: Its base URL.
        key_name: The variable that holds its key; None: it is sent none.
        key: The key itself, to be left out of what the endpoint says.

    """

    place: str
    key_name: str | None = None
    key: str | None = field(default=None, repr=False)

    def refusal(self, status: int, body: object) -> BrainFailure:
        """Return the failure that an HTTP status tells of."""
        code, said = self._read(body)
        if status in (401, 403):
            sent = f"the key in {self.key_name}" if self.key_name else "a request without a key"
            remedy = "" if self.key_name else "; name the variable that holds one with service.brain_api_key_env"
            message = f"{self._where} refused {sent} (HTTP {status}){remedy}"
            return BrainFailure(message, "invalid_api_key", status=401, said_status=status)
        shown = f"{self._where} answered with HTTP {status}" + (f": {said}" if said else "")
        if status < 400:
            shown += "; it is somewhere else: put that address into service.brain_url"
        kind, told_status = _meaning(status, code, said)
        if kind == "not_found" and status == 404:
            shown += "; service.brain_url usually ends in /v1"
        return BrainFailure(shown, kind, status=told_status, said_status=status)

    def in_answer(self, error: object) -> BrainFailure:
        """Return the failure that an ``error`` tells of after the status had said that all was well."""
        code, said = self._read({"error": error})
        told = str(error.get("code")) if isinstance(error, Mapping) else ""
        if _STATUS.fullmatch(told):
            return self.refusal(int(told), {"error": error})
        kinds = {"rate_limit_exceeded": 429, "insufficient_quota": 429, "context_length_exceeded": 400}
        message = f"{self._where} failed while it answered: {said or code or 'it does not say why'}"
        return BrainFailure(message, code if code in kinds else "server_error", status=kinds.get(code, 502))

    def failed(self, what: str, code: str, *, detail: str = "") -> BrainFailure:
        """Return the failure of which nothing was said: `what` happened, and the detail of it."""
        said = self._clean(detail)
        return BrainFailure(f"{self._where} {what}" + (f": {said}" if said else ""), code)

    @property
    def _where(self) -> str:
        return f"the brain at {self.place}"

    def _read(self, body: object) -> tuple[str, str]:
        """Return the code of an error and what it says; endpoints put them into three shapes."""
        error: Any = body.get("error", body) if isinstance(body, Mapping) else body
        if not isinstance(error, Mapping):
            return "", self._clean(str(error or ""))
        code = error.get("code")
        named = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
        return named, self._clean(str(error.get("message") or error.get("detail") or ""))

    def _clean(self, text: str) -> str:
        text = text.replace(self.key, "…") if self.key else text
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"

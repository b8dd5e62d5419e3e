"""An application that is reached over HTTP: it answers an incoming call by saying where its media stream is.

::

    <Response><Connect>
        <Stream url="wss://bot.example/ws"><Parameter name="tenant" value="7"/></Stream>
    </Connect></Response>

It is asked as Twilio asks it, by a POST of the call's ids as a form. Redirects are not followed, the answer is bounded,
and a document that declares entities is refused before it is parsed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener
from xml.etree import ElementTree as ET

from evalkit.errors import CaseFailure
from evalkit.realtime.media_stream.dialect import CallIdentity
from evalkit.realtime.media_stream.signature import sign_request
from evalkit.records.faults import Stage
from evalkit.settings.hosts import is_this_machine

_TIMEOUT_S = 15.0  # as Twilio waits
_MOST_BYTES = 64 * 1024
_EXPECTED = '<Response><Connect><Stream url="wss://…"/></Connect></Response>'


@dataclass(frozen=True)
class StreamAddress:
    """Where a media stream is, and what it is to be handed at the beginning."""

    url: str
    parameters: Mapping[str, str]


def incoming_call(call: CallIdentity) -> dict[str, str]:
    """Return the form that tells of an incoming call."""
    return {
        "AccountSid": call.account_id,
        "ApiVersion": "2010-04-01",
        "CallSid": call.call_id,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": "+15550100001",
        "To": "+15550100002",
    }


async def ask_for_stream(url: str, call: CallIdentity, auth_token: str | None) -> StreamAddress:
    """Return what the application at `url` answers to an incoming call.

    Raises:
        CaseFailure: At stage ``connect``; it could not be reached, or answered no address of a stream.

    """
    form = incoming_call(call)
    headers = {} if auth_token is None else {"X-Twilio-Signature": sign_request(auth_token, url, form)}
    request = Request(url, urlencode(form).encode(), headers)  # noqa: S310 - the schema allows http and https only
    return read_answer(await asyncio.to_thread(_post, request, _place_of(url)), _place_of(url))


def _post(request: Request, place: str) -> bytes:
    # A proxy from the environment cannot reach our own machine.
    proxies = [ProxyHandler({})] if is_this_machine(request.full_url) else []
    try:
        with build_opener(_NoRedirect(), *proxies).open(request, timeout=_TIMEOUT_S) as answer:
            body: bytes = answer.read(_MOST_BYTES + 1)
    except HTTPError as error:
        error.close()
        kind = "server_error" if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR else "handshake_rejected"
        message = f"{place}: answered HTTP {error.code}; expected 200 with {_EXPECTED}"
        raise _failed(kind, message) from None
    except TimeoutError:
        raise _failed("connect_timeout", f"{place}: no answer within {_TIMEOUT_S:g} s") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise _failed("connect_timeout", f"{place}: no answer within {_TIMEOUT_S:g} s") from None
        kind = "connection_refused" if isinstance(reason, ConnectionRefusedError) else "connection_failed"
        raise _failed(kind, f"{place}: cannot be reached ({reason}); is the application running there?") from None
    if len(body) > _MOST_BYTES:
        raise _failed("answer_too_large", f"{place}: the answer is longer than {_MOST_BYTES // 1024} KiB")
    return body


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirect for what it is to us: a refusal."""

    def redirect_request(self, *_: Any) -> None:
        return None


def read_answer(body: bytes, place: str) -> StreamAddress:
    """Return the stream that a document connects a call to; `place` is who answered it. Raises CaseFailure."""
    text = body.decode("utf-8-sig", "replace")
    if "<!" in text.replace("<!--", ""):
        raise _failed("invalid_response", f"{place}: the answer declares a document type; expected {_EXPECTED}")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there are no entities
    except (ET.ParseError, ValueError) as error:
        raise _failed("invalid_response", f"{place}: the answer is no XML ({error}); expected {_EXPECTED}") from None
    stream = root.find("./Connect/Stream") if root.tag == "Response" else None
    if stream is None:
        verbs = ", ".join(child.tag for child in root) or "nothing"
        message = f"{place}: the answer has <{root.tag}> with {verbs}, and connects no stream; expected {_EXPECTED}"
        raise _failed("invalid_response", message)
    url = (stream.get("url") or "").strip()
    if not _is_websocket(url):
        found = f"{place}: the answer connects a stream to {url[:200]!r}"
        raise _failed("invalid_response", f"{found}; expected an address that begins with wss:// or ws://")
    parameters = {each.get("name", ""): each.get("value", "") for each in stream.findall("Parameter")}
    return StreamAddress(url, {name: value for name, value in parameters.items() if name})


def _is_websocket(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that are not closed, a port that is no number
        return False


def _failed(error_type: str, message: str) -> CaseFailure:
    return CaseFailure(Stage.CONNECT, error_type, message)


def _place_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

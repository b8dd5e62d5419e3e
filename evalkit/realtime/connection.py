"""The only owner of a socket: opens one WebSocket, moves raw text, and names what goes wrong with it.

Frames are neither compressed (audio does not shrink, and it costs five times the rest) nor unlimited. A failed
handshake becomes a :class:`~evalkit.errors.CaseFailure` at stage ``connect``; a connection that ends later raises
:class:`ConnectionLost`, and the session, which knows what it was waiting for, makes the failure of it.

A credential goes into the request's headers and nowhere else: no message contains a header or a query string, redirects
are not followed (they would hand the key to another host), and a server that quotes the key back at us reads
``[redacted]`` in what we keep.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import websockets.asyncio.client
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event, State

from evalkit.errors import CaseFailure, EvalkitError
from evalkit.realtime.events import ServerError, error_kind, server_error
from evalkit.records.faults import Stage
from evalkit.records.http_failures import retry_after_s
from evalkit.settings.hosts import is_this_machine
from evalkit.websocket_frames import FrameSplitter, client_frames

_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
_SHORTEST_SECRET = 8
_REDACTED = "[redacted]"
_CLOSE_GRACE_S = 1.0
_HEADERS_END = b"\r\n\r\n"
_CONTROL = frozenset({Opcode.PING, Opcode.PONG, Opcode.CLOSE})
# The library waits for the peer when more than this is unsent.
_NEVER_STUCK_BYTES = 32 * 1024
# Why we hang up -> what it is: a broken frame, text that is not UTF-8, a message beyond the limit.
_OUR_CLOSE_KINDS = {1002: "invalid_event", 1007: "invalid_event", 1009: "frame_too_large"}
_CLOSE_KINDS = frozenset(
    {"session_expired", "server_error", "rate_limit_exceeded", "insufficient_quota", "authentication_failed"}
)

# The library's debug lines show the handshake's headers; ours stay above that, whatever the root logger says.
_LOGGER = logging.getLogger("evalkit.realtime.socket")
_LOGGER.setLevel(logging.WARNING)


class ConnectionLost(EvalkitError):
    """The connection ended, by whomever. `error_type` is a kind :mod:`evalkit.records.faults` knows.

    `code` is what the peer closed it with; None: it did not, we gave it up or it broke.
    """

    def __init__(self, error_type: str, message: str, code: int | None = None) -> None:
        self.error_type = error_type
        self.message = message
        self.code = code
        super().__init__(message)


@dataclass(frozen=True)
class ConnectionLimits:
    """How long to wait, and how much to take.

    Attributes:
        open_timeout_s: For the whole handshake.
        close_timeout_s: For the peer's half of the closing handshake.
        max_frame_bytes: A larger message ends the connection as ``frame_too_large``.
        ping_interval_s: Between our pings; None for none.
        ping_timeout_s: An unanswered ping ends the connection after this.
        send_timeout_s: A peer that takes no data for this long has gone.

    """

    open_timeout_s: float = 10.0
    close_timeout_s: float = 2.0
    max_frame_bytes: int = 32 * 1024 * 1024
    ping_interval_s: float | None = 20.0
    ping_timeout_s: float | None = 20.0
    send_timeout_s: float = 20.0


class Connection:
    """An open WebSocket. Made by :func:`connect`; one task may receive while others send."""

    def __init__(
        self,
        socket: _Socket,
        secrets: tuple[str, ...],
        limits: ConnectionLimits,
    ) -> None:
        self._socket = socket
        self._secrets = secrets
        self._limits = limits

    def send_at_once(self, messages: Sequence[bytes]) -> bool:
        """Send messages of UTF-8 text in one go where nobody has to wait for the peer; return whether that was so.

        The library's own way gives nothing there, and costs more than all the rest.
        """
        socket = self._socket
        unsent = socket.transport.get_write_buffer_size() + sum(map(len, messages))
        if unsent >= _NEVER_STUCK_BYTES or socket.protocol.state is not State.OPEN:
            return False
        socket.transport.write(client_frames(messages))
        return True

    async def send(self, *messages: bytes) -> None:
        """Send messages of UTF-8 text in one go; returns when the socket has taken them. Raises ConnectionLost."""
        if self.send_at_once(messages):
            return
        try:
            async with asyncio.timeout(self._limits.send_timeout_s), self._socket.send_context():
                self._socket.transport.write(client_frames(messages))
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        except TimeoutError as timeout:
            # While data is stuck, the library's own pings are stuck behind it.
            self._socket.transport.abort()
            limit = f"{self._limits.send_timeout_s:g} s"
            raise ConnectionLost("connection_closed", f"the peer took no data for {limit}") from timeout

    async def answers_ping(self, timeout_s: float) -> bool:
        """Tell whether the peer is still there: whether it answers a ping within `timeout_s`. Never raises."""
        try:
            async with asyncio.timeout(timeout_s):
                await (await self._socket.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    async def receive(self) -> str | bytes:
        """Return the next message: `str` for text, `bytes` for binary. Raises ConnectionLost after the last one.

        Messages that `on_text` has had are not among them; what it raised is raised here.
        """
        try:
            message = await self._socket.recv()
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        if isinstance(message, str):
            return _redact(message, self._secrets)
        for secret in self._secrets:
            message = message.replace(secret.encode(), _REDACTED.encode())
        return message

    async def close(self) -> None:
        """Close, waiting a little for the peer's goodbye. Messages under way can still be received. Never raises.

        A peer that takes no data any more is not waited for: the library would wait for it without end.
        """
        try:
            async with asyncio.timeout(self._limits.close_timeout_s + _CLOSE_GRACE_S):
                await self._socket.close()
        except TimeoutError:
            self._socket.transport.abort()

    def _lost(self, closed: ConnectionClosed) -> Exception:
        if self._socket.defect is not None:
            return self._socket.defect
        if closed.sent is not None and not closed.rcvd_then_sent:
            said = f"code {closed.sent.code}, {closed.sent.reason or 'no reason given'}"
            kind = _OUR_CLOSE_KINDS.get(closed.sent.code, "connection_closed")
            return ConnectionLost(kind, f"we gave the connection up ({said})")
        if closed.rcvd is None:
            return ConnectionLost("connection_closed", "the connection broke without a close frame")
        reason = _redact(closed.rcvd.reason, self._secrets)
        # OpenAI writes `invalid_request_error.session_expired` here.
        kind = error_kind(reason.rpartition(".")[2], None)
        said = f"code {closed.rcvd.code}" + (f", {reason}" if reason else "")
        return ConnectionLost(
            kind if kind in _CLOSE_KINDS else "connection_closed",
            f"the server closed the connection ({said})",
            closed.rcvd.code,
        )


class _Socket(websockets.asyncio.client.ClientConnection):
    """Hands a text message on while it arrives: a queue, and a task that waits at it, cost more than the parsing.

    One that comes as a whole frame is not even parsed by the library. From the first message that is binary, in
    fragments or not UTF-8, all go the library's way, so that none overtakes.
    """

    on_text: Callable[[str], None] | None = None
    defect: Exception | None = None
    max_frame_bytes = 0
    _splitter: FrameSplitter | None = None

    def data_received(self, data: bytes) -> None:
        if self._splitter is None:
            self._read_answer(data)
            return
        for piece in self._splitter.split(data):
            is_taken = piece.text_at and self.on_text is not None and self.protocol.state is State.OPEN
            if not (is_taken and self._hand_on(piece.text)):
                super().data_received(piece.data)

    def process_event(self, event: Event) -> None:
        if self.on_text is not None and isinstance(event, Frame) and event.opcode not in _CONTROL:
            if event.opcode is Opcode.TEXT and event.fin and self._hand_on(event.data):
                return
            self.on_text = None
        super().process_event(event)

    def _read_answer(self, data: bytes) -> None:
        """Have the library read the answer to the handshake; behind it frames begin."""
        answer, end, rest = data.partition(_HEADERS_END)
        was_connecting = self.protocol.state is State.CONNECTING
        super().data_received(answer + end)
        if was_connecting and end and self.protocol.state is State.OPEN:
            self._splitter = FrameSplitter(self.max_frame_bytes, masked=False)
            self.data_received(rest)
        elif rest:
            super().data_received(rest)

    def _hand_on(self, message: bytes | bytearray | memoryview) -> bool:
        """Hand a message on, and return whether it is text."""
        try:
            text = str(message, "utf-8")
        except UnicodeDecodeError:
            return False
        try:
            if self.on_text is not None:
                self.on_text(text)
        except Exception as defect:  # noqa: BLE001 - raised by receive(); the library must not see it
            self.on_text, self.defect = None, defect
            self.transport.abort()
        return True


class _Connect(websockets.asyncio.client.connect):
    """A connect that takes a redirect for what it is to us: a refusal."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def connect(
    url: str,
    headers: Mapping[str, str],
    limits: ConnectionLimits | None = None,
    on_text: Callable[[str], None] | None = None,
) -> Connection:
    """Open a WebSocket to `url` (``ws://`` or ``wss://``), sending `headers` with the handshake.

    `on_text` takes text messages while they arrive, in order; :meth:`Connection.receive` returns what it does not take.

    Raises:
        CaseFailure: At stage ``connect``; `error_type` says how the handshake failed, and `retry_after_s` is what the
            server asked for.

    """
    limits = limits or ConnectionLimits()
    secrets = _secrets_of(headers)
    place = _place_of(url)

    def make_socket(*args: Any, **kwargs: Any) -> _Socket:
        made = _Socket(*args, **kwargs)
        made.max_frame_bytes = limits.max_frame_bytes
        if on_text is not None:
            made.on_text = (lambda text: on_text(_redact(text, secrets))) if secrets else on_text
        return made

    try:
        socket = await _Connect(
            url,
            create_connection=cast(Any, make_socket),
            additional_headers=dict(headers),
            compression=None,
            max_size=limits.max_frame_bytes,
            open_timeout=limits.open_timeout_s,
            close_timeout=limits.close_timeout_s,
            ping_interval=limits.ping_interval_s,
            ping_timeout=limits.ping_timeout_s,
            logger=_LOGGER,
            # A proxy from the environment cannot reach our own machine.
            proxy=None if is_this_machine(url) else True,
        )
    except InvalidStatus as rejection:
        raise _rejected(place, rejection.response, secrets) from rejection
    except TimeoutError as timeout:
        raise _failed("connect_timeout", f"{place}: no answer within {limits.open_timeout_s:g} s") from timeout
    except (InvalidURI, InvalidProxy, ProxyError, UnicodeError) as error:
        raise _failed("connection_failed", f"{place}: {type(error).__name__}: check the address and proxy") from error
    except InvalidHandshake as error:
        raise _failed("handshake_rejected", f"{place}: this is not a WebSocket server ({error})") from error
    except OSError as error:
        raise _unreachable(place, error) from error
    except ConnectionClosed as error:
        raise _failed("connection_failed", f"{place}: the connection broke during the handshake") from error
    return Connection(cast(_Socket, socket), secrets, limits)


def _failed(error_type: str, message: str, retry_after_s: float | None = None) -> CaseFailure:
    return CaseFailure(Stage.CONNECT, error_type, message, retry_after_s=retry_after_s)


def _unreachable(place: str, error: OSError) -> CaseFailure:
    # With several addresses for one name asyncio joins the reasons into one message and drops the number.
    if error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return _failed("connection_refused", f"{place}: connection refused; is the server running there?")
    return _failed("connection_failed", f"{place}: {error}")


def _rejected(place: str, response: Response, secrets: tuple[str, ...]) -> CaseFailure:
    status = response.status_code
    reported = _reported_error(response.body)
    said = _redact(reported.message, secrets)[:300] if reported else ""
    kind = {401: "authentication_failed", 403: "authentication_failed", 429: "rate_limited"}.get(
        status, "server_error" if status >= 500 else "handshake_rejected"
    )
    if reported and reported.error_type == "insufficient_quota":
        kind = reported.error_type
    hint = "; redirects are not followed" if 300 <= status < 400 else ""
    message = f"{place}: the server refused the connection with HTTP {status}{f' ({said})' if said else ''}{hint}"
    return _failed(kind, message, retry_after_s(response.headers))


def _reported_error(body: bytes | bytearray | None) -> ServerError | None:
    try:
        told = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return None
    return server_error(told["error"]) if isinstance(told, dict) and isinstance(told.get("error"), dict) else None


def _place_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    values = (value.rpartition(" ")[2] for name, value in headers.items() if name.lower() in _SECRET_HEADERS)
    return tuple(value for value in values if len(value) >= _SHORTEST_SECRET)


def _redact(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, _REDACTED)
    return text

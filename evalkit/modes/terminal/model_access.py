"""The agent's way to its model: one gateway for a run, and what it counts of each session."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from evalkit.errors import CaseFailure, DataError
from evalkit.gateway.answers import TokenCount
from evalkit.gateway.calls import GAVE_UP, SESSION_CLOSED, ModelCall
from evalkit.gateway.gateway import Gateway
from evalkit.gateway.replay import Replay
from evalkit.gateway.sessions import GatewaySession
from evalkit.gateway.upstream import Upstream
from evalkit.modes.terminal.blame import ProviderTrouble, SessionEnding
from evalkit.modes.terminal.launch import WayOut
from evalkit.modes.terminal.link import StopKind
from evalkit.peers.peers import Peers
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Stage
from evalkit.records.json import Json
from evalkit.records.record import Usage

_WAITED = frozenset({StopKind.SILENT_TIMEOUT, StopKind.BUSY_TIMEOUT})
_LEFT = frozenset({GAVE_UP, SESSION_CLOSED})
_MOST = 0.5
_SOCKET = "gateway.sock"


@dataclass
class ModelTraffic:
    """What one session asked of its model.

    Attributes:
        session: At the gateway.
        way_out: How the agent reaches it.
        log_path: Where its calls are written.

    """

    session: GatewaySession
    way_out: WayOut
    log_path: Path
    _told: int = 0

    @property
    def count(self) -> int:
        """How many answers were asked for."""
        return len(self.session.calls)

    @property
    def cost_usd(self) -> float | None:
        """What they cost; None where the price of one is unknown."""
        return self.session.cost_usd

    @property
    def served_model(self) -> str:
        """The model that says it answered last, else the one that was asked for."""
        calls = self.session.calls
        return next((name for call in reversed(calls) for name in (call.answered_model, call.model) if name), "")

    @property
    def observation(self) -> list[Json]:
        """What a record keeps of each call."""
        return [_observe(call) for call in self.session.calls]

    def take_usage(self) -> tuple[int, Usage]:
        """Return how many calls have ended since this was last asked, and their tokens."""
        calls = self.session.calls
        fresh, self._told = calls[self._told :], len(calls)
        usage = Usage()
        for call in fresh:
            usage += Usage(call.input_tokens, call.output_tokens, input_cached_tokens=call.cached_tokens)
        return len(fresh), usage

    def blame(self, ending: SessionEnding) -> SessionEnding:
        """Return `ending` with what the provider did wrong, where no later answer made it good.

        A call that was still under way when the turn's time was over counts as the provider's silence where it took
        most of that time; an agent that asks quickly, again and again, has used up its time by itself.
        """
        calls = self.session.calls
        answered = [call for call in calls if call.error_type not in _LEFT]
        if answered and answered[-1].is_provider_error:
            last = answered[-1]
            return replace(ending, trouble=ProviderTrouble(last.error_type, _describe(last), last.retry_after_s))
        left_s = [call.duration_ms / 1000 for call in calls[-1:] if call.error_type in _LEFT]
        waited_s = max([self.session.longest_open_s, *left_s])
        if ending.stop.kind in _WAITED and waited_s > 0 and waited_s >= _MOST * ending.stop.elapsed_ms / 1000:
            waiting = "the model had not answered when the turn's time was over"
            return replace(ending, trouble=ProviderTrouble("request_timeout", waiting))
        return ending

    def log(self) -> bytes:
        """Return the log of all calls, and close the session."""
        self.session.close()
        return self.log_path.read_bytes() if self.log_path.exists() else b""


@dataclass
class ModelAccess:
    """The gateway of a run.

    Attributes:
        gateway: Which listens.
        folder: For its socket and logs.
        boxed: Whether agents run in boxes, and so come through the socket.
        max_calls: Of one session; None: no limit.
        replay_of: Run directory whose recorded traffic answers; None: the provider does.

    """

    gateway: Gateway
    folder: Path
    boxed: bool
    max_calls: int | None = None
    replay_of: Path | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def open(self, trial: CaseTrial) -> Iterator[ModelTraffic]:
        """Give a session its way out. Raises CaseFailure (data) where there is no recorded traffic to answer with."""
        log_path = self.folder / f"gateway-{next(self._numbers)}.jsonl"
        replay = None
        if self.replay_of is not None:
            try:
                replay = Replay.read(self.replay_of / "files" / trial.key / "gateway.jsonl")
            except DataError as error:
                raise CaseFailure(Stage.PREPARE, "no_recorded_traffic", str(error)) from error
        name = secrets.token_hex(16)
        session = self.gateway.open_session(name, max_calls=self.max_calls, log_path=log_path, replay=replay)
        url = "" if self.boxed else self.gateway.tcp_url
        way_out = WayOut(self.folder / _SOCKET, url, f"/w/{name}", _forwarder())
        try:
            yield ModelTraffic(session, way_out, log_path)
        finally:
            session.close()
            log_path.unlink(missing_ok=True)


@asynccontextmanager
async def open_models(
    peers: Peers, role: str, folder: Path, *, boxed: bool, max_calls: int | None, replay_of: Path | None
) -> AsyncIterator[ModelAccess]:
    """Listen for agents' model calls until the block ends, and pass them to the provider of `role`."""
    address = peers.text_address(role)
    upstream = None
    if replay_of is None:
        timeout_s = peers.settings.limits.response_timeout_s
        upstream = Upstream(address.base_url, address.api_key, timeout_s=timeout_s)

    def price(model: str, tokens: TokenCount) -> float | None:
        usage = Usage(tokens.input_tokens, tokens.output_tokens, input_cached_tokens=tokens.cached_tokens)
        return peers.prices.cost_usd(usage, model)

    async with Gateway(upstream, price=price) as gateway:
        await gateway.listen(unix_path=folder / _SOCKET if boxed else None, tcp=not boxed)
        yield ModelAccess(gateway, folder, boxed, max_calls, replay_of)


def _forwarder() -> bytes:
    return resources.files("evalkit.gateway").joinpath("forwarder.py").read_bytes()


def _observe(call: ModelCall) -> dict[str, Json]:
    return {
        "model": call.model,
        "protocol": call.protocol,
        "status": call.status,
        "error_type": call.error_type,
        "started_s": round(call.started_s, 3),
        "duration_ms": round(call.duration_ms, 1),
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cost_usd": call.cost_usd,
        "tools": list(call.tools_called),
        "finish": call.finish,
    }


def _describe(call: ModelCall) -> str:
    return f"the model's provider failed the agent's call {call.index + 1}: {call.message or call.error_type}"

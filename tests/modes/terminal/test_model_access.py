"""What an agent asks of its model is counted, and the provider's failures are the provider's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from factories import make_case
from gateway_partner import KEY, TLS, cents, plain_answer, question, raw_provider
from terminal_sessions import make_stop

from evalkit.errors import CaseFailure
from evalkit.gateway.gateway import Gateway
from evalkit.gateway.upstream import Upstream
from evalkit.modes.terminal.blame import SessionEnding
from evalkit.modes.terminal.link import StopKind
from evalkit.modes.terminal.model_access import ModelAccess, ModelTraffic
from evalkit.records.case import CaseTrial
from evalkit.records.record import Usage

TRIAL = CaseTrial(make_case("a_case"), 1, 0)
RIGHT = plain_answer(
    b'{"model": "served", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],'
    b' "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'
)
BUSY = plain_answer(b'{"error": {"message": "slow down"}}', status="429 Too Many Requests", extra=b"retry-after: 7\r\n")


@asynccontextmanager
async def traffic(folder: Path, answer: bytes, *, closes: bool = True) -> AsyncIterator[tuple[ModelTraffic, Any]]:
    """Give a session's traffic in front of a provider that always says the same, and what asks it."""
    import httpx2

    async with (
        raw_provider([answer], closes=closes) as url,
        Gateway(Upstream(url, KEY, timeout_s=20), price=cents) as gateway,
    ):
        await gateway.listen(tcp=True)
        with ModelAccess(gateway, folder, boxed=False).open(TRIAL) as found:
            async with httpx2.AsyncClient(timeout=20.0, trust_env=False, verify=TLS) as client:

                async def ask() -> int:
                    path, body, headers = question("chat", "hi")
                    answered = await client.post(
                        f"{found.way_out.url}{found.way_out.path}{path}", json=body, headers=headers
                    )
                    return answered.status_code

                yield found, ask
    assert not found.log_path.exists()


async def test_calls_are_counted_by_turn_and_by_session(tmp_path: Path) -> None:
    """With tokens, cost and the model that answered; their log can be replayed."""
    async with traffic(tmp_path, RIGHT) as (found, ask):
        assert found.take_usage() == (0, Usage())
        assert await ask() == 200
        assert found.take_usage() == (1, Usage(3, 2, input_cached_tokens=found.session.calls[0].cached_tokens))
        assert found.take_usage()[0] == 0
        assert (found.count, found.served_model, found.cost_usd) == (1, "served", 0.05)
        assert found.blame(SessionEnding(make_stop(StopKind.EXITED, exit_code=1))).trouble is None
        [observed] = found.observation
        assert KEY not in str(observed)
        log = found.log()
    assert log.count(b"\n") >= 1
    assert KEY.encode() not in log


async def test_a_provider_that_failed_last_is_to_blame(tmp_path: Path) -> None:
    """However the session stopped, with how long it asked to wait."""
    async with traffic(tmp_path, BUSY) as (found, ask):
        assert await ask() == 429
        for kind in StopKind:
            trouble = found.blame(SessionEnding(make_stop(kind))).trouble
            assert trouble is not None
            assert "the agent's call 1" in trouble.message
            assert trouble.retry_after_s == 7


async def test_a_question_that_is_still_open_excuses_a_timeout_only(tmp_path: Path) -> None:
    """An agent that was waiting for its model did not hang."""
    async with traffic(tmp_path, b"HTTP/1.1 200 OK\r\n", closes=False) as (found, ask):
        asking = asyncio.ensure_future(ask())
        async with asyncio.timeout(5):
            while not found.session.open_requests:  # noqa: ASYNC110 - another task makes it so
                await asyncio.sleep(0.01)
        for kind in StopKind:
            excused = found.blame(SessionEnding(make_stop(kind))).trouble
            waited = kind in (StopKind.SILENT_TIMEOUT, StopKind.BUSY_TIMEOUT)
            assert (excused is not None and excused.error_type == "request_timeout") is waited, kind
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def test_a_session_without_recorded_traffic_is_not_replayed(tmp_path: Path) -> None:
    """The missing file is named."""
    async with Gateway(None, price=cents) as gateway:
        await gateway.listen(tcp=True)
        access = ModelAccess(gateway, tmp_path, boxed=False, replay_of=tmp_path / "run")
        with pytest.raises(CaseFailure, match=r"gateway\.jsonl"), access.open(TRIAL):
            raise AssertionError

"""How requests are made: a deadline each, so many at once, tried again where that helps. Nobody waits in real time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.engine.retry import RetryPolicy
from evalkit.errors import CaseFailure
from evalkit.peers.request_policy import RequestPolicy
from evalkit.records.faults import Stage
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings


class Waits:
    """Remembers how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def _policy(waits: Waits, *, timeout_s: float = 30, attempts: int = 3, at_once: int = 4) -> RequestPolicy:
    return RequestPolicy(timeout_s, RetryPolicy(attempts), waits, random.Random(0), asyncio.Semaphore(at_once))


def _failing(*errors: CaseFailure) -> Callable[[], Awaitable[str]]:
    """Return a request that fails in turn, and is answered in the end."""
    left = list(errors)

    async def request() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return request


def _failure(error_type: str, retry_after_s: float | None = None) -> CaseFailure:
    return CaseFailure(Stage.GRADING, error_type, error_type, retry_after_s=retry_after_s)


async def test_passing_trouble_is_waited_out_as_long_as_the_peer_asks() -> None:
    """Its own Retry-After, and the second wait is longer than the first where it named none."""
    waits = Waits()
    policy = _policy(waits, attempts=4)
    errors = [_failure("rate_limited", 7.0), _failure("server_error"), _failure("server_error")]
    assert await policy.answer(_failing(*errors)) == "answer"
    assert waits.seconds[0] == 7.0
    assert 0 < waits.seconds[1] < waits.seconds[2]


async def test_what_would_not_help_is_not_tried_again() -> None:
    """A key that was refused is refused again."""
    waits = Waits()
    with pytest.raises(CaseFailure, match="authentication"):
        await _policy(waits).answer(_failing(_failure("authentication")))
    assert waits.seconds == []


async def test_the_last_failure_is_raised_when_no_answer_comes() -> None:
    """After as many tries as the policy allows."""
    waits = Waits()
    with pytest.raises(CaseFailure) as caught:
        await _policy(waits, attempts=2).answer(_failing(*[_failure("server_error") for _ in range(9)]))
    assert caught.value.error_type == "server_error"
    assert len(waits.seconds) == 1


async def test_each_request_has_a_deadline_and_says_so() -> None:
    """Silence is a failure of a kind of its own, and is tried again."""
    waits = Waits()

    async def silent() -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(CaseFailure, match=r"no answer within 0\.01 s") as caught:
        await _policy(waits, timeout_s=0.01, attempts=2).answer(silent)
    assert caught.value.error_type == "request_timeout"
    assert len(waits.seconds) == 1


async def test_no_more_requests_are_under_way_than_the_limit() -> None:
    """And all are made in the end."""
    under_way = most = 0

    async def request() -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return 1

    policy = _policy(Waits(), at_once=2)
    assert sum(await asyncio.gather(*(policy.answer(request) for _ in range(9)))) == 9
    assert most == 2


def test_a_runs_policy_follows_its_settings() -> None:
    """Deadline, tries and width are those of the config; its waits are the seed's."""
    line = ["limits.response_timeout_s=5", "limits.max_attempts=2", "concurrency=3", "seed=9"]
    _, settings = read_settings(plan(line, packaged_source()).jobs[0].config, Path.cwd())
    policy, again = (RequestPolicy.from_settings(settings) for _ in range(2))
    assert (policy.timeout_s, policy.retry.max_attempts, policy.limit._value) == (5, 2, 3)
    assert policy.rng.random() == again.rng.random()

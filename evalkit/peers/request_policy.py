"""How HTTP requests to a peer are made: their deadline, how many at once, and when one is retried."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TypeVar

from evalkit.engine.retry import RetryPolicy
from evalkit.errors import CaseFailure
from evalkit.providers.clients import Slot
from evalkit.records.faults import Failure, Stage
from evalkit.settings.types import RunSettings

T = TypeVar("T")


@dataclass(frozen=True)
class RequestPolicy:
    """Makes requests with a deadline, retries, and a limit on how many are under way.

    Attributes:
        timeout_s: Deadline of each request.
        retry: Which failures are retried, and after how long.
        sleep: Waits so many seconds.
        rng: Makes the waits differ a little, so that retries do not come all at once.
        limit: How many requests may be under way.
        slot: Gives what must be held while one is, by all who ask the same providers.

    """

    timeout_s: float
    retry: RetryPolicy
    sleep: Callable[[float], Awaitable[None]]
    rng: random.Random
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    slot: Slot = nullcontext

    @classmethod
    def from_settings(
        cls,
        settings: RunSettings,
        *,
        slot: Slot = nullcontext,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> RequestPolicy:
        """Return the policy of a run, with as many requests under way as cases."""
        return cls(
            timeout_s=settings.limits.response_timeout_s,
            retry=RetryPolicy(settings.limits.max_attempts),
            sleep=sleep,
            rng=random.Random(settings.seed),
            limit=asyncio.Semaphore(settings.concurrency),
            slot=slot,
        )

    async def answer(self, request: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to `request`, retried as the policy allows. Raises the last CaseFailure when all failed."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self.limit, self.slot(), asyncio.timeout(self.timeout_s):
                    return await request()
            except TimeoutError:
                failure = CaseFailure(Stage.GRADING, "request_timeout", f"no answer within {self.timeout_s:g} s")
            except CaseFailure as error:
                failure = error
            evidence = Failure(Stage.GRADING, failure.error_type, failure.message, failure.retry_after_s)
            wait_s = self.retry.wait_before_next(evidence, attempt, self.rng)
            if wait_s is None:
                raise failure
            await self.sleep(wait_s)

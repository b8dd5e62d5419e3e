"""The judge as graders ask it: one text model behind a cache, a limit on how many ask at once, a deadline and retries.

An answer is cached by all that was asked: endpoint, model, instructions, text, schema and the number of the vote, so
that votes stay independent and nothing is paid for twice. Only answers that keep to the schema are kept. The embedded
judge is free and changes with evalkit, so its answers are not cached.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from evalkit.commands.prepare import endpoint_of
from evalkit.engine.retry import RetryPolicy
from evalkit.errors import CaseFailure
from evalkit.graders.context import Judge, JudgeAnswer
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients, Slot
from evalkit.providers.prices import Prices
from evalkit.providers.responses import Answer, TextModel
from evalkit.records.faults import Failure, Stage
from evalkit.records.json import Json, JsonObject, canonical
from evalkit.records.record import Usage
from evalkit.settings.types import RunSettings

T = TypeVar("T")

_CACHE_VERSION = 1


@dataclass(frozen=True)
class Patience:
    """How long a request may take, how many may be under way at once, and when one is made again.

    Attributes:
        timeout_s: Deadline of each request.
        retry: Which failures are tried again, and after which wait.
        sleep: Waits so many seconds.
        rng: Spreads the waits.
        limit: How many requests may be under way.
        slot: Gives what must be held while one is, by all who ask the same providers.

    """

    timeout_s: float
    retry: RetryPolicy
    sleep: Callable[[float], Awaitable[None]]
    rng: random.Random
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    slot: Slot = nullcontext

    async def answer(self, request: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to `request`, made as often as it takes. Raises the last CaseFailure when none came."""
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


@dataclass(frozen=True)
class JudgeService:
    """A :class:`~evalkit.graders.context.Judge` over one text model.

    Attributes:
        model: The model that is asked.
        votes: Verdicts per question.
        source: Asks it.
        patience: How long it is waited for.
        prices: What its answers cost.
        cache: Where answers are kept; None: nowhere.
        identity: What the cache knows the endpoint by.

    """

    model: str
    votes: int
    source: TextModel
    patience: Patience
    prices: Prices
    cache: ContentCache | None = None
    identity: str = ""

    async def ask(self, instructions: str, text: str, schema: JsonObject, *, vote: int) -> JudgeAnswer:
        """Return the answer, from the cache where it is known. Raises CaseFailure when none came in the end."""

        async def request() -> Answer:
            return await self.source.ask(instructions, text, schema=schema)

        async def make() -> bytes:
            answer = self._priced(await self.patience.answer(request))
            if answer.parsed is None:
                raise _Unusable(answer)
            kept = {name: getattr(answer, name) for name in ("text", "parsed", "model", "cost_usd")}
            return canonical({**kept, "usage": asdict(answer.usage)})

        if self.cache is None:
            return self._priced(await self.patience.answer(request))
        asked: dict[str, Json] = {
            "judge": _CACHE_VERSION,
            "endpoint": self.identity,
            "model": self.model,
            "instructions": instructions,
            "text": text,
            "schema": schema,
            "vote": vote,
        }
        try:
            payload, cached = await self.cache.get_or_make(asked, make)
        except _Unusable as unusable:
            return unusable.answer
        known = json.loads(payload)
        return JudgeAnswer(
            text=known["text"],
            parsed=known["parsed"],
            problem="",
            refused=False,
            model=known["model"],
            cost_usd=0.0 if cached else known["cost_usd"],
            usage=Usage() if cached else Usage(**known["usage"]),
        )

    def _priced(self, answer: Answer) -> JudgeAnswer:
        return JudgeAnswer(
            text=answer.text,
            parsed=answer.parsed,
            problem=answer.problem,
            refused=answer.refused,
            model=answer.model,
            cost_usd=self.prices.cost_usd(answer.usage, self.model),
            usage=answer.usage,
        )


class _Unusable(Exception):
    """Carries an answer that is not worth keeping past the cache."""

    def __init__(self, answer: JudgeAnswer) -> None:
        self.answer = answer
        super().__init__(answer.problem)


def open_judge(
    settings: RunSettings,
    clients: Clients,
    cache: ContentCache,
    prices: Prices,
    embedded_url: str | None,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Judge | None:
    """Return the judge that `settings` choose, for one event loop; None when they name no model."""
    chosen = settings.judge
    if chosen.model is None:
        return None
    endpoint = endpoint_of(chosen.provider, embedded_url)
    is_embedded = chosen.provider.name == "local"
    return JudgeService(
        model=chosen.model,
        votes=chosen.votes,
        source=TextModel(clients, endpoint, chosen.model),
        patience=patience_of(settings, clients, sleep=sleep),
        prices=prices,
        cache=None if is_embedded else cache,
        identity=endpoint.cache_identity,
    )


def patience_of(
    settings: RunSettings, clients: Clients, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Patience:
    """Return how long whoever grades is waited for, with as many requests under way as cases."""
    return Patience(
        timeout_s=settings.limits.response_timeout_s,
        retry=RetryPolicy(settings.limits.max_attempts),
        sleep=sleep,
        rng=random.Random(settings.seed),
        limit=asyncio.Semaphore(settings.concurrency),
        slot=clients.slot,
    )

"""The judge as graders ask it: one text model behind a cache, a limit on how many ask at once, a deadline and retries.

An answer is cached by all that was asked: endpoint, model, instructions, text, schema and the number of the vote, so
that votes stay independent and nothing is paid for twice. Only answers that keep to the schema are kept. The embedded
judge is free and changes with evalkit, so its answers are not cached.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from evalkit.graders.context import JudgeAnswer
from evalkit.peers.request_policy import RequestPolicy
from evalkit.providers.cache import ContentCache
from evalkit.providers.prices import Prices
from evalkit.providers.text_model import Answer, TextModel
from evalkit.records.json import Json, JsonObject, canonical
from evalkit.records.record import Usage

_CACHE_VERSION = 1


@dataclass(frozen=True)
class JudgeService:
    """A :class:`~evalkit.graders.context.Judge` over one text model.

    Attributes:
        model: The model that is asked.
        votes: Verdicts per question.
        source: The client that sends each request.
        policy: Deadline and retries of each request.
        prices: What its answers cost.
        cache: Where answers are kept; None: nowhere.
        identity: What the cache knows the endpoint by.

    """

    model: str
    votes: int
    source: TextModel
    policy: RequestPolicy
    prices: Prices
    cache: ContentCache | None = None
    identity: str = ""

    async def ask(self, instructions: str, text: str, schema: JsonObject, *, vote: int) -> JudgeAnswer:
        """Return the answer, from the cache where it is there. Raises CaseFailure when all tries failed."""

        async def request() -> Answer:
            return await self.source.ask(instructions, text, schema=schema)

        async def make() -> bytes:
            answer = self._priced(await self.policy.answer(request))
            if answer.parsed is None:
                raise _Unusable(answer)
            kept = {name: getattr(answer, name) for name in ("text", "parsed", "model", "cost_usd")}
            return canonical({**kept, "usage": asdict(answer.usage)})

        if self.cache is None:
            return self._priced(await self.policy.answer(request))
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
            cost_usd=self.prices.cost_usd(answer.usage, self.model) if answer.cost_usd is None else answer.cost_usd,
            usage=answer.usage,
        )


class _Unusable(Exception):
    """Carries an answer that must not be cached."""

    def __init__(self, answer: JudgeAnswer) -> None:
        self.answer = answer
        super().__init__(answer.problem)

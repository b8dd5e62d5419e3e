"""The brain made of rules, as the service asks it: deterministic models, computed in threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor

from evalkit.service.brain.conversation import Conversation, Model, Reply, Sentence
from evalkit.service.brain.rules.agent.models import MODELS
from evalkit.service.brain.rules.caller.models import CALLERS
from evalkit.service.brain.rules.judge.judge import JUDGES

RULE_MODELS: Mapping[str, Model] = {**MODELS, **CALLERS, **JUDGES}
_WORKERS = 2


class RulesBrain:
    """Models that are functions of the conversation.

    Args:
        models: The functions by name; those that ship, unless told otherwise.

    """

    def __init__(self, models: Mapping[str, Model] = RULE_MODELS) -> None:
        self.models = tuple(models)
        self._functions = models
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="brain")

    def knows(self, model: str) -> bool:
        """Whether there is a function of that name."""
        return model in self._functions

    def thinks_elsewhere(self, model: str) -> bool:  # noqa: ARG002 - all of them are here
        """Return False."""
        return False

    async def think(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        """Yield the reply of `model`, computed off the event loop."""
        yield await asyncio.get_running_loop().run_in_executor(self._workers, self._functions[model], conversation)

    async def aclose(self) -> None:
        """Let the threads go."""
        self._workers.shutdown(wait=False, cancel_futures=True)

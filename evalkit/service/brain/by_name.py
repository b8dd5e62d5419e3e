"""Two brains as one: the models that ship are thought for here, every other name by a chat endpoint.

So the embedded caller and judge stay what they are while a chat model is the assistant, and the same chat model may
play those as well, by its name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from evalkit.service.brain.conversation import Conversation, Reply, Sentence
from evalkit.service.brain.seam import Brain


class BrainsByName:
    """The brain of the models that ship, and behind it the one of all others.

    Args:
        shipped: Knows its models.
        others: Is asked for every name that `shipped` does not know.

    """

    def __init__(self, shipped: Brain, others: Brain) -> None:
        self._shipped, self._others = shipped, others

    @property
    def models(self) -> Sequence[str]:
        """The names that are known beforehand."""
        return (*self._shipped.models, *self._others.models)

    def knows(self, model: str) -> bool:
        """Whether one of both answers for `model`."""
        return self._shipped.knows(model) or self._others.knows(model)

    def thinks_elsewhere(self, model: str) -> bool:
        """Whether `model` is another server's."""
        return self._brain_of(model).thinks_elsewhere(model)

    async def think(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        """Yield what the brain of `model` does."""
        async with aclosing(self._brain_of(model).think(model, conversation)) as parts:
            async for part in parts:
                yield part

    async def aclose(self) -> None:
        """Let both go."""
        await self._shipped.aclose()
        await self._others.aclose()

    def _brain_of(self, model: str) -> Brain:
        return self._shipped if self._shipped.knows(model) else self._others

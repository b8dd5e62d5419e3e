"""What the service wants of a brain: a conversation in, the assistant's reply out, whenever it is ready."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from evalkit.service.brain.conversation import Conversation, Reply, Sentence


class Brain(Protocol):
    """Who thinks for the models of the service."""

    @property
    def models(self) -> Sequence[str]:
        """The names that it can tell of the models it answers for."""
        ...

    def knows(self, model: str) -> bool:
        """Whether it answers for `model`, be that among :attr:`models` or not."""
        ...

    def thinks_elsewhere(self, model: str) -> bool:
        """Whether `model` is another server's, which counts its tokens itself."""
        ...

    def think(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        """Yield the reply of `model`, last; however long that takes, the event loop stays free for other sessions.

        A brain that knows a reply piece by piece yields its sentences before it, as they come: put together they are
        the text of the reply. Who closes the generator wants no more of it, and nothing goes on then.
        """
        ...

    async def aclose(self) -> None:
        """Let everything go; replies under way are not waited for."""
        ...

"""What the service wants of a brain: a conversation in, the assistant's reply out, whenever it is ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from evalkit.service.brain.conversation import Conversation, Reply


class Brain(Protocol):
    """Who thinks for the models of the service."""

    @property
    def models(self) -> Sequence[str]:
        """The names of the models it answers for."""
        ...

    async def reply(self, model: str, conversation: Conversation) -> Reply:
        """Return the reply of `model`; however long that takes, the event loop stays free for other sessions."""
        ...

    def close(self) -> None:
        """Let everything go; replies under way are not waited for."""
        ...

"""The brain made of rules."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from evalkit.service.brain.conversation import Conversation, Reply, Sentence, UserTurn
from evalkit.service.brain.rules.brain import RULE_MODELS, RulesBrain


async def _reply(told: AsyncIterator[Sentence | Reply]) -> Reply:
    """Return what a model says in the end."""
    (reply,) = [each async for each in told if isinstance(each, Reply)]
    return reply


async def test_models_are_computed_off_the_event_loop():
    """A function that waits for the loop gets what it waits for."""
    went_on = threading.Event()
    brain = RulesBrain({"waits": lambda _conversation: Reply(str(went_on.wait(10)))})
    asking = asyncio.create_task(_reply(brain.think("waits", Conversation("", (), ()))))
    await asyncio.sleep(0)
    went_on.set()
    assert (await asking).text == "True"
    await brain.aclose()


async def test_agents_callers_and_judges_are_there():
    """The models that ship answer, each as itself."""
    brain = RulesBrain()
    assert brain.models == tuple(RULE_MODELS)
    assert {"local-agent", "local-caller", "local-judge"} <= set(brain.models)
    reply = await _reply(brain.think("local-judge", Conversation("", (), (UserTurn("no question"),))))
    assert '"cannot_tell"' in reply.text
    await brain.aclose()

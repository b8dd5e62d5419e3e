"""The brain made of rules."""

from __future__ import annotations

import asyncio
import threading

from evalkit.service.brain.conversation import Conversation, Reply, UserTurn
from evalkit.service.brain.rules.brain import RULE_MODELS, RulesBrain


async def test_models_are_computed_off_the_event_loop():
    """A function that waits for the loop gets what it waits for."""
    went_on = threading.Event()
    brain = RulesBrain({"waits": lambda _conversation: Reply(str(went_on.wait(10)))})
    asking = asyncio.create_task(brain.reply("waits", Conversation("", (), ())))
    await asyncio.sleep(0)
    went_on.set()
    assert (await asking).text == "True"
    brain.close()


async def test_agents_callers_and_judges_are_there():
    """The models that ship answer, each as itself."""
    brain = RulesBrain()
    assert brain.models == tuple(RULE_MODELS)
    assert {"local-agent", "local-caller", "local-judge"} <= set(brain.models)
    reply = await brain.reply("local-judge", Conversation("", (), (UserTurn("no question"),)))
    assert '"cannot_tell"' in reply.text
    brain.close()

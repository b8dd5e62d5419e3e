"""Which of two brains answers is told by the name of the model."""

from __future__ import annotations

from scripted_chat import finish, serving_scripts, stream, words

from evalkit.service.brain.by_name import BrainsByName
from evalkit.service.brain.chat.brain import ChatBrain
from evalkit.service.brain.chat.endpoint import ChatEndpoint
from evalkit.service.brain.conversation import Conversation, Reply, Sentence, UserTurn
from evalkit.service.brain.rules.brain import RulesBrain

ASKED = Conversation("", (), (UserTurn("Who is there?"),))


async def test_a_name_that_ships_is_answered_here_and_any_other_by_the_endpoint() -> None:
    """Only the former are listed, and only the latter count their tokens elsewhere."""
    with serving_scripts(stream(words("It is me, from elsewhere."), finish())) as server:
        brain = BrainsByName(RulesBrain({"shipped": lambda _: Reply("It is I.")}), ChatBrain(ChatEndpoint(server.url)))
        assert [part async for part in brain.think("shipped", ASKED)] == [Reply("It is I.")]
        (told, reply) = [part async for part in brain.think("qwen3", ASKED)]
        await brain.aclose()
    assert told == Sentence("It is me, from elsewhere.")
    assert isinstance(reply, Reply)
    assert [asked["model"] for asked in server.asked] == ["qwen3"]
    assert brain.models == ("shipped",)
    assert [brain.knows(name) for name in ("shipped", "qwen3")] == [True, True]
    assert [brain.thinks_elsewhere(name) for name in ("shipped", "qwen3")] == [False, True]

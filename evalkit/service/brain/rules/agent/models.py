"""The embedded models by name: `local-agent`, agents with one known defect each, and some that take turns badly."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.service.brain.conversation import Conversation, Model, Reply
from evalkit.service.brain.rules.agent import defects
from evalkit.service.brain.rules.agent.answers import from_instructions, small_talk
from evalkit.service.brain.rules.agent.dialogue import Decision, Move, decide
from evalkit.service.brain.rules.agent.interruptions import asks_to_wait, before_interruption
from evalkit.service.brain.rules.agent.speech import ask_for, ask_half, preamble, report
from evalkit.service.turns.manners import BAD_MANNERS

_GREETING = (
    "Hello, and thank you for calling. You are speaking with the automated assistant, which can look things up for "
    "you. How can I help you today?"
)


def local_agent(conversation: Conversation) -> Reply:
    """Return the reply of an agent that decides by the session's own tool schemas."""
    if not conversation.items or asks_to_wait(conversation):
        return Reply("Of course." if conversation.items else _GREETING)
    conversation = before_interruption(conversation)
    decision = decide(conversation)
    if decision.move is Move.CALL:
        return Reply(preamble([call.name for call in decision.calls]), decision.calls)
    if decision.move is Move.ASK:
        return Reply(_asking(decision, conversation.instructions))
    if decision.move is Move.REPORT:
        return Reply(" ".join(report(called.name, output) for called, output in decision.answers))
    if decision.move is Move.WAIT:
        return Reply("Is there anything else I can do for you?")
    return Reply(small_talk(decision.heard, conversation.instructions, decision.tools))


def _asking(decision: Decision, instructions: str) -> str:
    if decision.either is not None:
        return ask_half(decision.either.clock)
    asking = ask_for(decision.missing, began_earlier=decision.began_earlier, misheard=decision.misheard)
    known = "" if decision.progress else from_instructions(decision.heard, instructions)
    return f"{known} {asking}".strip()


MODELS: Mapping[str, Model] = {
    "local-agent": local_agent,
    "local-no-tool": defects.without_calls(local_agent),
    "local-wrong-tool": defects.with_wrong_tool(local_agent),
    "local-wrong-args": defects.with_wrong_arguments(local_agent),
    "local-extra-call": defects.with_extra_call(local_agent),
    "local-text-mismatch": defects.with_other_words(local_agent),
    "local-silent": defects.silent,
    **dict.fromkeys(BAD_MANNERS, local_agent),
}

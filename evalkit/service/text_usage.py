"""Tokens of what models are asked and say in text, for both text APIs, and where a reply ends that is too long."""

from __future__ import annotations

import orjson

from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Reply, Said, UserTurn
from evalkit.service.token_usage import BYTES_PER_TOKEN, Tokens, summed, text_tokens


def shown_tokens(conversation: Conversation) -> Tokens:
    """Return what the model was shown: instructions, tools and all items."""
    tools = (text_tokens(orjson.dumps(dict(tool)).decode()) for tool in conversation.tools)
    return summed(
        [text_tokens(conversation.instructions), *tools, *(_item_tokens(item) for item in conversation.items)]
    )


def made_tokens(reply: Reply) -> Tokens:
    """Return what the model said, its calls included."""
    calls = (text_tokens(call.name) + text_tokens(orjson.dumps(dict(call.arguments)).decode()) for call in reply.calls)
    return summed([text_tokens(reply.text), *calls])


def within_limit(reply: Reply, max_tokens: int | None) -> Reply:
    """Return `reply` with no more than `max_tokens` of words. Calls stay whole."""
    if max_tokens is None or text_tokens(reply.text).total <= max_tokens:
        return reply
    kept = reply.text.encode()[: max_tokens * BYTES_PER_TOKEN].decode(errors="ignore")
    return Reply(kept, reply.calls, is_cut=True)


def _item_tokens(item: Item) -> Tokens:
    match item:
        case UserTurn(text) | Said(text):
            return text_tokens(text)
        case Called(_, name, arguments):
            return text_tokens(name) + text_tokens(orjson.dumps(dict(arguments)).decode())
        case Answered(_, output):
            return text_tokens(output)
